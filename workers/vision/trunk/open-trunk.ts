/** An image tower in two parts: its trunk for the kernels of ../simd, and a model of the rest for ONNX Runtime. */
import { convolutions } from '../simd/modules'
import { modelOf, readGraph } from './onnx-graph'
import { planTrunk } from './plan'
import { Trunk } from './trunk'

export type SplitTower = {
  readonly trunk: Trunk
  /** Takes the trunk's output by the name `input`, as many frames as there are. */
  readonly rest: Uint8Array<ArrayBuffer>
  readonly input: string
  /** Of a frame's output, [channels, height, width]. */
  readonly dims: readonly number[]
}

/** null for a tower of another shape. Errors: RangeError for bytes that are no ONNX model, or where memory is short */
export async function splitTower(model: Uint8Array, input: string, inputSize: number): Promise<SplitTower | null> {
  const graph = readGraph(model)
  const plan = planTrunk(graph, input, inputSize)
  if (!plan) return null
  const dims = [plan.output.channels, plan.output.height, plan.output.width]
  const trunk = await Trunk.create(await convolutions(), plan)
  return { trunk, rest: modelOf(graph, plan.end, dims, plan.rest), input: plan.end, dims }
}
