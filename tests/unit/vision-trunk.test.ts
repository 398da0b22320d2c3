/** The tower's trunk in our own kernels: what is found of a graph, and what the kernels make of it, beside a plain reference. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { plain } from '../../workers/vision/simd/convolution.as.ts?asc'
import { type Lifetime, layOut } from '../../workers/vision/trunk/layout'
import { dataType, modelOf, readGraph } from '../../workers/vision/trunk/onnx-graph'
import { type Convolution, planTrunk, type Weights } from '../../workers/vision/trunk/plan'
import { fieldsOf, lengthDelimited, numbersOf, varint } from '../../workers/vision/trunk/protobuf'
import { Trunk } from '../../workers/vision/trunk/trunk'
import { nodeOrt } from './node-ort'

const root = new URL('../../', import.meta.url)
const pack = new URL('models/valley-nano/', root)
const { tower } = JSON.parse(readFileSync(new URL('pack.json', pack), 'utf8'))
const shipped = () => new Uint8Array(readFileSync(new URL(tower.file.path, pack)))

/** Numbers between -1 and 1 that look like chance. */
function noise(length: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
}

const weights = (dims: number[], seed: number): Weights => ({
  type: dataType.float,
  dims,
  raw: new Uint8Array(
    noise(
      dims.reduce((product, size) => product * size, 1),
      seed,
    ).buffer,
  ),
})

const floats = ({ raw }: Weights) => new Float32Array(raw.slice().buffer)

/** A convolution as its definition has it, in double precision: x and out [channels, height, width]. */
function reference(each: Convolution, x: ArrayLike<number>, residual?: ArrayLike<number>): Float64Array {
  const { input, output, size, stride, top, left, isDepthwise, isClamped } = each
  const [w, b] = [floats(each.weights), floats(each.bias)]
  const out = new Float64Array(output.channels * output.height * output.width)
  const group = isDepthwise ? 1 : input.channels
  for (let channel = 0, at = 0; channel < output.channels; channel++) {
    for (let outY = 0; outY < output.height; outY++) {
      for (let outX = 0; outX < output.width; outX++, at++) {
        let sum = b[channel] ?? 0
        for (let from = 0; from < group; from++) {
          for (let tap = 0; tap < size * size; tap++) {
            const y = outY * stride - top + Math.floor(tap / size)
            const column = outX * stride - left + (tap % size)
            if (y < 0 || y >= input.height || column < 0 || column >= input.width) continue
            const source = isDepthwise ? channel : from
            const value = x[(source * input.height + y) * input.width + column] ?? 0
            sum += value * (w[(channel * group + from) * size * size + tap] ?? 0)
          }
        }
        sum += residual?.[at] ?? 0
        out[at] = isClamped ? Math.min(6, Math.max(0, sum)) : sum
      }
    }
  }
  return out
}

const gap = (one: ArrayLike<number>, other: ArrayLike<number>) => {
  expect(one.length).toBe(other.length)
  return Math.max(...Array.from(one, (value, at) => Math.abs(value - (other[at] ?? Number.NaN))))
}

type Shape = { height: number; width: number; channels: number }

/** A picture, a 3x3 convolution of it, a depthwise one and a pointwise one to which the first is added: every kernel at once. */
function trunkOf(
  height: number,
  width: number,
  channels: number,
  size: number,
  stride: number,
  padding: [number, number],
) {
  const same: Shape = { height, width, channels }
  const [before, after] = padding
  const across = (length: number) => Math.floor((length + before + after - size) / stride) + 1
  const small: Shape = { height: across(height), width: across(width), channels }
  const base = { residual: undefined, isDepthwise: false, size: 1, stride: 1, top: 0, left: 0, isClamped: false }
  const convolutions: Convolution[] = [
    // biome-ignore format: a table
    { ...base, from: 'pixels', to: 'a', input: { ...same, channels: 3 }, output: same, size: 3, top: 1, left: 1, weights: weights([channels, 3, 3, 3], 1), bias: weights([channels], 2), isClamped: true },
    // biome-ignore format: a table
    { ...base, from: 'a', to: 'b', input: same, output: small, isDepthwise: true, size, stride, top: before, left: before, weights: weights([channels, 1, size, size], 3), bias: weights([channels], 4) },
    // biome-ignore format: a table
    { ...base, from: 'b', to: 'c', input: small, output: { ...small, channels: 16 }, weights: weights([16, channels, 1, 1], 5), bias: weights([16], 6) },
    // biome-ignore format: a table
    { ...base, from: 'c', to: 'd', input: { ...small, channels: 16 }, output: small, residual: 'b', weights: weights([channels, 16, 1, 1], 7), bias: weights([channels], 8), isClamped: true },
  ]
  return { convolutions, end: 'd', output: small, rest: new Set<never>() }
}

test.each([
  ['a kernel of 5 on a picture hardly larger', 7, 7, 24, 5, 1, [2, 2]],
  ['a stride of 2 with zeros at one side alone', 12, 10, 16, 3, 2, [0, 1]],
  ['a width that four do not divide', 9, 15, 8, 3, 1, [1, 1]],
  ['a picture of one pixel', 1, 1, 8, 3, 1, [1, 1]],
  ['a kernel of 5, a stride of 2', 20, 23, 32, 5, 2, [1, 2]],
  ['no zeros around', 11, 6, 8, 3, 1, [0, 0]],
] as const)('kernels equal the definition: %s', async (_, height, width, channels, size, stride, [before, after]) => {
  const plan = trunkOf(height, width, channels, size, stride, [before, after])
  const trunk = await Trunk.create(await WebAssembly.compile(plain), plan)
  const pixels = noise(3 * height * width, 9)
  const [first, second, third, fourth] = plan.convolutions
  if (!first || !second || !third || !fourth) throw new Error('four convolutions')
  const b = reference(second, reference(first, pixels))
  const expected = reference(fourth, reference(third, b), b)
  expect(gap(trunk.run(pixels), expected)).toBeLessThan(2e-4)
  // What the first run left in memory does not show.
  const other = noise(3 * height * width, 10)
  const c = reference(second, reference(first, other))
  expect(gap(trunk.run(other), reference(fourth, reference(third, c), c))).toBeLessThan(2e-4)
})

test('the shipped tower is a trunk and a rest, which together give what the whole gives', async () => {
  const bytes = shipped()
  const graph = readGraph(bytes)
  const plan = planTrunk(graph, 'pixels', tower.inputSize)
  if (!plan) throw new Error('no trunk')
  expect(plan.convolutions.length).toBe(graph.nodes.filter((node) => node.op === 'Conv').length)
  expect([...plan.rest].some((node) => node.op === 'Conv')).toBe(false)
  const { channels, height, width } = plan.output
  const rest = modelOf(graph, plan.end, [channels, height, width], plan.rest)
  const trunk = await Trunk.create(await WebAssembly.compile(plain), plan)
  const ort = await nodeOrt()
  const [whole, part] = [await ort.InferenceSession.create(bytes), await ort.InferenceSession.create(rest)]
  try {
    const frames = [noise(3 * tower.inputSize ** 2, 1), noise(3 * tower.inputSize ** 2, 2)]
    const seen = frames.map((pixels) => trunk.run(pixels))
    const joined = new Float32Array(seen.flatMap((one) => [...one]))
    const got = await part.run({ [plan.end]: new ort.Tensor('float32', joined, [2, channels, height, width]) })
    const both = new Float32Array(frames.flatMap((one) => [...one]))
    const shape = [2, 3, tower.inputSize, tower.inputSize]
    const expected = await whole.run({ pixels: new ort.Tensor('float32', both, shape) })
    for (const name of [tower.patchesOutput, tower.clsOutput, tower.embeddingOutput]) {
      const data = (from: typeof got) => from[name]?.data as Float32Array
      expect(gap(data(got), data(expected)), name).toBeLessThan(1e-4)
    }
  } finally {
    await whole.release()
    await part.release()
  }
})

test('a graph that does not begin with such a trunk is left to the runtime', () => {
  const graph = readGraph(shipped())
  const [stem] = graph.nodes.filter((node) => node.op === 'Conv')
  if (!stem) throw new Error('no convolution')
  const withStem = (changed: Partial<typeof stem>) => {
    const nodes = graph.nodes.map((node) => (node === stem ? { ...stem, ...changed } : node))
    return planTrunk({ ...graph, nodes }, 'pixels', tower.inputSize)
  }
  expect(withStem({})).not.toBeNull()
  expect(withStem({ op: 'ConvTranspose' })).toBeNull()
  expect(withStem({ inputs: stem.inputs.slice(0, 2) })).toBeNull()
  expect(withStem({ integers: new Map([...stem.integers, ['dilations', [2, 2]]]) })).toBeNull()
  expect(planTrunk(graph, 'another', tower.inputSize)).toBeNull()
})

test('a graph is left to the runtime where two activations would have to leave the trunk', () => {
  const graph = readGraph(shipped())
  const inside = 'blocks.19.sum'
  expect(graph.nodes.flatMap((node) => node.outputs)).toContain(inside)
  expect(planTrunk({ ...graph, outputs: [...graph.outputs, inside] }, 'pixels', tower.inputSize)).toBeNull()
})

test('buffers that live at the same time do not overlap, others share their memory', () => {
  const random = noise(300, 3)
  const value = (at: number) => Math.abs(random[at] ?? 0)
  const buffers = new Map<string, Lifetime>()
  for (let index = 0; index < 100; index++) {
    const from = Math.floor(50 * value(3 * index))
    const to = from + Math.floor(6 * value(3 * index + 1))
    buffers.set(`${index}`, { floats: 1 + Math.floor(1000 * value(3 * index + 2)), from, to })
  }
  const { places, floats: total } = layOut(buffers)
  const all = [...buffers].map(([name, buffer]) => ({ ...buffer, start: places.get(name) ?? Number.NaN }))
  for (const one of all) {
    expect(one.start + one.floats).toBeLessThanOrEqual(total)
    for (const other of all) {
      if (one === other || one.from > other.to || other.from > one.to) continue
      expect(one.start >= other.start + other.floats || other.start >= one.start + one.floats).toBe(true)
    }
  }
  expect(total).toBeLessThan(0.3 * all.reduce((sum, { floats: each }) => sum + each, 0))
})

test('protocol buffers: what is written is read, and what is cut short is refused', () => {
  const values = [0, 1, 127, 128, 300, 2 ** 31, 2 ** 40 + 5]
  const message = lengthDelimited(7, new Uint8Array(values.flatMap(varint)))
  expect(numbersOf(message, 7)).toEqual(values)
  expect(numbersOf(new Uint8Array([7 << 3, 5, 7 << 3, 6]), 7)).toEqual([5, 6])
  expect(() => [...fieldsOf(message.subarray(0, message.length - 1))]).toThrow(RangeError)
  expect(() => [...fieldsOf(new Uint8Array([255]))]).toThrow(RangeError)
  expect(() => [...fieldsOf(new Uint8Array([3]))]).toThrow(RangeError)
})
