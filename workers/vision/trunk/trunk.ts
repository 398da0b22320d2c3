/** A planned trunk in a WebAssembly module: its weights packed for the kernels, its activations in as little memory as they need. */
import { halfTable } from '../../packs/half'
import { layOut } from './layout'
import { dataType } from './onnx-graph'
import type { Convolution, Picture, TrunkPlan, Weights } from './plan'

/** What ../simd/convolution.as.ts exports; numbers are byte offsets where they do not count something. */
export type Kernels = {
  readonly memory: WebAssembly.Memory
  // biome-ignore format: one argument list each, as in the kernels
  pointwise(x: number, weights: number, bias: number, residual: number, out: number, pixels: number, inputs: number, outputs: number, least: number, most: number): void
  // biome-ignore format: as above
  depthwise(x: number, weights: number, bias: number, out: number, height: number, width: number, channels: number, size: number, stride: number, top: number, left: number, outHeight: number, outWidth: number, least: number, most: number): void
  // biome-ignore format: as above
  unfold(x: number, out: number, channels: number, height: number, width: number, size: number, stride: number, top: number, left: number, outHeight: number, outWidth: number): void
}

/** Output channels that the kernels make at once. */
const together = 8
const pageBytes = 65536

const isUnfolded = ({ isDepthwise, size }: Convolution): boolean => !isDepthwise && size > 1
const lengthOf = ({ height, width, channels }: Picture): number => height * width * channels

export class Trunk {
  readonly #kernels: Kernels
  readonly #plan: TrunkPlan
  /** Where each activation lies, by name, and what a convolution of the picture is unfolded into. */
  readonly #places: ReadonlyMap<string, number>
  readonly #weights: ReadonlyMap<Convolution, { readonly weights: number; readonly bias: number }>

  private constructor(
    kernels: Kernels,
    plan: TrunkPlan,
    places: ReadonlyMap<string, number>,
    weights: ReadonlyMap<Convolution, { weights: number; bias: number }>,
  ) {
    this.#kernels = kernels
    this.#plan = plan
    this.#places = places
    this.#weights = weights
  }

  /** Errors: RangeError where there is not enough memory; as WebAssembly's */
  static async create(module: WebAssembly.Module, plan: TrunkPlan): Promise<Trunk> {
    const { exports } = await WebAssembly.instantiate(module, {})
    const kernels = exports as unknown as Kernels
    // The module's own first page stays as it is.
    let end = pageBytes
    const take = (floats: number) => {
      const start = end
      // Vectors are aligned, and no two rows of weights share a cache line.
      end += Math.ceil((floats * 4) / 64) * 64
      return start
    }
    const weights = new Map(
      plan.convolutions.map((each) => {
        const inputs = each.isDepthwise ? 1 : each.input.channels
        const count = each.output.channels * inputs * each.size ** 2
        return [each, { weights: take(count), bias: take(each.output.channels) }]
      }),
    )
    const { places, floats } = layOut(activationsOf(plan))
    const first = take(floats)
    kernels.memory.grow(Math.max(0, Math.ceil((end - kernels.memory.buffer.byteLength) / pageBytes)))
    for (const [convolution, at] of weights) writeWeights(kernels.memory, convolution, at)
    const located = new Map([...places].map(([name, place]) => [name, first + 4 * place]))
    return new Trunk(kernels, plan, located, weights)
  }

  /** pixels [3, size, size] to the end's activation [channels, height, width], as the graph has it. */
  run(pixels: Float32Array): Float32Array<ArrayBuffer> {
    const { memory } = this.#kernels
    const [first] = this.#plan.convolutions
    if (first) new Float32Array(memory.buffer, this.#place(first.from), pixels.length).set(pixels)
    for (const convolution of this.#plan.convolutions) this.#convolve(convolution)
    const { end, output } = this.#plan
    return toPlanes(new Float32Array(memory.buffer, this.#place(end), lengthOf(output)), output)
  }

  #place(name: string): number {
    const place = this.#places.get(name)
    if (place === undefined) throw new Error(`no activation ${name} in the trunk`)
    return place
  }

  #convolve(convolution: Convolution): void {
    const { from, to, residual, isDepthwise, size, stride, top, left, input, output, isClamped } = convolution
    const at = this.#weights.get(convolution)
    if (!at) throw new Error(`no weights for ${to}`)
    const [least, most] = isClamped ? [0, 6] : [-Infinity, Infinity]
    let x = this.#place(from)
    const out = this.#place(to)
    const shape = [input.height, input.width] as const
    const target = [output.height, output.width] as const
    if (isDepthwise) {
      const window = [...shape, input.channels, size, stride, top, left, ...target] as const
      this.#kernels.depthwise(x, at.weights, at.bias, out, ...window, least, most)
      return
    }
    if (isUnfolded(convolution)) {
      const unfolded = this.#place(unfoldedName(convolution))
      this.#kernels.unfold(x, unfolded, input.channels, ...shape, size, stride, top, left, ...target)
      x = unfolded
    }
    const inputs = input.channels * size ** 2
    const added = residual === undefined ? 0 : this.#place(residual)
    const pixels = output.height * output.width
    this.#kernels.pointwise(x, at.weights, at.bias, added, out, pixels, inputs, output.channels, least, most)
  }
}

const unfoldedName = ({ from, to }: Convolution): string => `${from} as ${to} sees it`

/** Every activation with its length and the convolutions, by number, from which on and up to which it is needed. */
function activationsOf({ convolutions, end, output }: TrunkPlan) {
  const activations = new Map<string, { floats: number; from: number; to: number }>()
  convolutions.forEach((each, index) => {
    if (!activations.has(each.from))
      activations.set(each.from, { floats: lengthOf(each.input), from: index, to: index })
    for (const name of [each.from, each.residual]) {
      const used = name === undefined ? undefined : activations.get(name)
      if (used) used.to = index
    }
    activations.set(each.to, { floats: lengthOf(each.output), from: index, to: index })
    if (!isUnfolded(each)) return
    const floats = each.output.height * each.output.width * each.input.channels * each.size ** 2
    activations.set(unfoldedName(each), { floats, from: index, to: index })
  })
  activations.set(end, { floats: lengthOf(output), from: activations.get(end)?.from ?? 0, to: convolutions.length })
  return activations
}

function writeWeights(
  memory: WebAssembly.Memory,
  convolution: Convolution,
  at: { weights: number; bias: number },
): void {
  const { weights, bias, isDepthwise, output } = convolution
  const given = floatsOf(weights)
  const packed = new Float32Array(memory.buffer, at.weights, given.length)
  const { channels } = output
  const each = given.length / channels
  for (let channel = 0; channel < channels; channel++) {
    const block = channel - (channel % together)
    for (let tap = 0; tap < each; tap++) {
      // Depthwise [tap, channel]; else [channel / 8, tap, channel % 8].
      const place = isDepthwise ? tap * channels + channel : block * each + tap * together + (channel % together)
      packed[place] = given[channel * each + tap] ?? 0
    }
  }
  new Float32Array(memory.buffer, at.bias, channels).set(floatsOf(bias))
}

function floatsOf({ type, raw }: Weights): Float32Array {
  // Copied: what lies in a file need not be aligned.
  const bytes = raw.slice()
  if (type === dataType.float) return new Float32Array(bytes.buffer)
  const table = halfTable()
  return Float32Array.from(new Uint16Array(bytes.buffer), (bits) => table[bits] ?? 0)
}

/** [height, width, channels] to [channels, height, width]. */
function toPlanes(x: Float32Array, { height, width, channels }: Picture): Float32Array<ArrayBuffer> {
  const pixels = height * width
  const out = new Float32Array(pixels * channels)
  for (let channel = 0; channel < channels; channel++) {
    for (let pixel = 0; pixel < pixels; pixel++) out[channel * pixels + pixel] = x[pixel * channels + channel] ?? 0
  }
  return out
}
