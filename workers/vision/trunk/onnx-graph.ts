/**
 * The few fields of an ONNX model that the trunk needs, read from its bytes, and a model of what is left when the trunk is taken
 * out. Field numbers: onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
 */
import { fieldsOf, join, lengthDelimited, numbersOf, textOf, varint } from './protobuf'

export type OnnxNode = {
  readonly op: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** Of those that are one or several integers. */
  readonly integers: ReadonlyMap<string, readonly number[]>
  readonly bytes: Uint8Array
}

export type OnnxTensor = {
  readonly name: string
  readonly type: number
  readonly dims: readonly number[]
  readonly raw: Uint8Array
  readonly bytes: Uint8Array
}

export type OnnxGraph = {
  /** Each after those whose outputs it takes. */
  readonly nodes: readonly OnnxNode[]
  readonly tensors: ReadonlyMap<string, OnnxTensor>
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** The output declarations as they were. */
  readonly outputBytes: readonly Uint8Array[]
  /** Everything of the model but its graph: versions, opsets. */
  readonly preamble: readonly Uint8Array[]
}

/** `TensorProto.DataType` */
export const dataType = { float: 1, float16: 10 } as const

/** Raises RangeError for bytes that are no protobuf message. */
export function readGraph(model: Uint8Array): OnnxGraph {
  const preamble: Uint8Array[] = []
  let graph = new Uint8Array()
  for (const field of fieldsOf(model)) {
    if (field.number === 7) graph = field.body
    else preamble.push(field.whole)
  }
  const nodes: OnnxNode[] = []
  const tensors = new Map<string, OnnxTensor>()
  const inputs: string[] = []
  const outputs: string[] = []
  const outputBytes: Uint8Array[] = []
  for (const { number, body, whole } of fieldsOf(graph)) {
    if (number === 1) nodes.push(readNode(body, whole))
    else if (number === 5) {
      const tensor = readTensor(body, whole)
      tensors.set(tensor.name, tensor)
    } else if (number === 11) inputs.push(nameOf(body))
    else if (number === 12) {
      outputs.push(nameOf(body))
      outputBytes.push(whole)
    }
  }
  return { nodes, tensors, inputs, outputs, outputBytes, preamble }
}

/** A model that begins with `input`, float32 [count, ...dims] for any count, and runs those of the graph's nodes that `kept` says. */
export function modelOf(
  graph: OnnxGraph,
  input: string,
  dims: readonly number[],
  kept: ReadonlySet<OnnxNode>,
): Uint8Array<ArrayBuffer> {
  const nodes = graph.nodes.filter((node) => kept.has(node))
  const wanted = new Set(nodes.flatMap((node) => node.inputs))
  const tensors = [...graph.tensors.values()].filter((tensor) => wanted.has(tensor.name))
  // ValueInfoProto.type.tensor_type: elem_type, then shape.dim, the first by a name (dim_param), the others as they are (dim_value).
  const count = lengthDelimited(1, lengthDelimited(2, new TextEncoder().encode('count')))
  const shape = join([count, ...dims.map((size) => lengthDelimited(1, new Uint8Array([1 << 3, ...varint(size)])))])
  const tensorType = join([new Uint8Array([1 << 3, dataType.float]), lengthDelimited(2, shape)])
  const value = join([
    lengthDelimited(1, new TextEncoder().encode(input)),
    lengthDelimited(2, lengthDelimited(1, tensorType)),
  ])
  const body = join([
    ...nodes.map((node) => node.bytes),
    lengthDelimited(2, new TextEncoder().encode('rest')),
    ...tensors.map((tensor) => tensor.bytes),
    lengthDelimited(11, value),
    ...graph.outputBytes,
  ])
  return join([...graph.preamble, lengthDelimited(7, body)])
}

function readNode(body: Uint8Array, bytes: Uint8Array): OnnxNode {
  const inputs: string[] = []
  const outputs: string[] = []
  const integers = new Map<string, number[]>()
  let op = ''
  for (const field of fieldsOf(body)) {
    if (field.number === 1) inputs.push(textOf(field.body))
    else if (field.number === 2) outputs.push(textOf(field.body))
    else if (field.number === 4) op = textOf(field.body)
    else if (field.number === 5) {
      const values = numbersOf(field.body, 8)
      integers.set(nameOf(field.body), values.length > 0 ? values : numbersOf(field.body, 3))
    }
  }
  return { op, inputs, outputs, integers, bytes }
}

function readTensor(body: Uint8Array, bytes: Uint8Array): OnnxTensor {
  let [name, raw] = ['', new Uint8Array()]
  for (const field of fieldsOf(body)) {
    if (field.number === 8) name = textOf(field.body)
    else if (field.number === 9) raw = field.body
  }
  return { name, type: numbersOf(body, 2)[0] ?? 0, dims: numbersOf(body, 1), raw, bytes }
}

/** Of a ValueInfoProto or an AttributeProto. */
function nameOf(body: Uint8Array): string {
  for (const field of fieldsOf(body)) if (field.number === 1) return textOf(field.body)
  return ''
}
