/** Finds the convolutional trunk of an image tower's graph: what the kernels of this folder can run, up to what they cannot. */
import { dataType, type OnnxGraph, type OnnxNode, type OnnxTensor } from './onnx-graph'

/** Float16 or float32 weights as the graph has them. */
export type Weights = Pick<OnnxTensor, 'type' | 'dims' | 'raw'>

export type Picture = { readonly height: number; readonly width: number; readonly channels: number }

/** A convolution with what follows it at once. Activations are known by their names in the graph. */
export type Convolution = {
  readonly from: string
  readonly to: string
  /** What is added before clamping. */
  readonly residual: string | undefined
  readonly isDepthwise: boolean
  readonly weights: Weights
  readonly bias: Weights
  readonly size: number
  readonly stride: number
  readonly top: number
  readonly left: number
  readonly input: Picture
  readonly output: Picture
  readonly isClamped: boolean
}

export type TrunkPlan = {
  readonly convolutions: readonly Convolution[]
  /** The activation that the rest of the graph takes. */
  readonly end: string
  readonly output: Picture
  readonly rest: ReadonlySet<OnnxNode>
}

/** Channels in a pass of the kernels. */
const channelStep = 8

/**
 * The trunk from `input` (a square RGB picture) on. null where the graph does not begin with one: then the runtime runs it all.
 * What is recognised: a convolution of the picture, pointwise and depthwise ones, each with a bias, ReLU6 or nothing behind it, and
 * sums of two activations.
 */
export function planTrunk(graph: OnnxGraph, input: string, inputSize: number): TrunkPlan | null {
  const users = usersOf(graph)
  const known = new Map<string, Picture>([[input, { height: inputSize, width: inputSize, channels: 3 }]])
  const convolutions: Convolution[] = []
  const done = new Set<OnnxNode>()
  let rest = graph.nodes
  for (;;) {
    rest = rest.filter((node) => !done.has(node))
    const node = rest.find((each) => each.op === 'Conv' && known.has(each.inputs[0] ?? ''))
    if (!node) break
    const found = convolutionOf(graph, node, known, users)
    if (!found) break
    convolutions.push(found.convolution)
    known.set(found.convolution.to, found.convolution.output)
    for (const each of found.nodes) done.add(each)
  }
  const isTaken = (name: string) => rest.some((node) => node.inputs.includes(name)) || graph.outputs.includes(name)
  const taken = [...known.keys()].filter(isTaken)
  const [end] = taken
  const output = end === undefined ? undefined : known.get(end)
  if (taken.length !== 1 || end === undefined || end === input || !output) return null
  return { convolutions, end, output, rest: stillWanted(graph, new Set(rest)) }
}

type Users = ReadonlyMap<string, readonly OnnxNode[]>

function usersOf(graph: OnnxGraph): Users {
  const users = new Map<string, OnnxNode[]>()
  for (const node of graph.nodes) for (const name of node.inputs) users.set(name, [...(users.get(name) ?? []), node])
  return users
}

function convolutionOf(
  graph: OnnxGraph,
  node: OnnxNode,
  known: ReadonlyMap<string, Picture>,
  users: Users,
): { convolution: Convolution; nodes: OnnxNode[] } | null {
  const [from = '', weightName = '', biasName = ''] = node.inputs
  const input = known.get(from)
  const [weights, bias] = [weightsOf(graph, weightName), weightsOf(graph, biasName)]
  const [channels = 0, group = 0, size = 0, across = 0] = weights?.dims ?? []
  const [top = 0, left = 0, bottom = 0, right = 0] = node.integers.get('pads') ?? []
  const [stride = 1, strideAcross = stride] = node.integers.get('strides') ?? []
  const groups = node.integers.get('group')?.[0] ?? 1
  if (!input || !weights || !bias || bias.dims[0] !== channels || weights.dims.length !== 4) return null
  const isDilated = node.integers.get('dilations')?.some((step) => step !== 1) ?? false
  const isSquare = size === across && stride === strideAcross
  if (isDilated || !isSquare || node.integers.has('auto_pad') || channels % channelStep !== 0) return null
  const isDepthwise = groups === input.channels && group === 1 && channels === input.channels && groups > 1
  const isPointwise = groups === 1 && size === 1 && stride === 1 && top + left + bottom + right === 0
  const ofPicture = groups === 1 && input.channels === 3
  if (!isDepthwise && !isPointwise && !ofPicture) return null

  const nodes = [node]
  let to = node.outputs[0] ?? ''
  const output = {
    height: Math.floor((input.height + top + bottom - size) / stride) + 1,
    width: Math.floor((input.width + left + right - size) / stride) + 1,
    channels,
  }
  let residual: string | undefined
  const sum = only(graph, users, to, 'Add')
  const other = sum?.inputs.find((name) => name !== to)
  const added = other === undefined ? undefined : known.get(other)
  if (sum && isPointwise && other !== undefined && added && isSame(added, output)) {
    residual = other
    nodes.push(sum)
    to = sum.outputs[0] ?? ''
  }
  const clip = only(graph, users, to, 'Clip')
  const isClamped = clip !== undefined && isRelu6(graph, clip)
  if (clip && isClamped) {
    nodes.push(clip)
    to = clip.outputs[0] ?? ''
  }
  const convolution = {
    from,
    to,
    residual,
    isDepthwise,
    weights,
    bias,
    size,
    stride,
    top,
    left,
    input,
    output,
    isClamped,
  }
  return { convolution, nodes }
}

const isSame = (one: Picture, other: Picture) =>
  one.height === other.height && one.width === other.width && one.channels === other.channels

/** The node that alone takes `name`, if it is an `op`. */
function only(graph: OnnxGraph, users: Users, name: string, op: string): OnnxNode | undefined {
  const [user, ...others] = users.get(name) ?? []
  return user?.op === op && others.length === 0 && !graph.outputs.includes(name) ? user : undefined
}

/** Constant weights, behind a cast from half precision or not. */
function weightsOf(graph: OnnxGraph, name: string): Weights | undefined {
  const cast = graph.nodes.find((node) => node.op === 'Cast' && node.outputs[0] === name)
  const tensor = graph.tensors.get(cast?.inputs[0] ?? name)
  const isRead = tensor && (tensor.type === dataType.float || tensor.type === dataType.float16) && tensor.raw.length > 0
  return isRead ? tensor : undefined
}

function isRelu6(graph: OnnxGraph, { inputs }: OnnxNode): boolean {
  const [low, high] = [1, 2].map((place) => {
    const tensor = graph.tensors.get(inputs[place] ?? '')
    if (tensor?.type !== dataType.float || tensor.raw.length !== 4) return Number.NaN
    return new DataView(tensor.raw.buffer, tensor.raw.byteOffset).getFloat32(0, true)
  })
  return low === 0 && high === 6
}

/** Of `nodes` those that the graph's outputs hang on: casts of weights that the trunk took are left over. */
function stillWanted(graph: OnnxGraph, nodes: ReadonlySet<OnnxNode>): ReadonlySet<OnnxNode> {
  const wanted = new Set(graph.outputs)
  const kept = new Set<OnnxNode>()
  for (const node of [...graph.nodes].reverse()) {
    if (!nodes.has(node) || !node.outputs.some((name) => wanted.has(name))) continue
    kept.add(node)
    for (const name of node.inputs) wanted.add(name)
  }
  return kept
}
