/** Choosing a token where the logits lie on the GPU: the choice of the CPU's sampler on the same row, and little comes back. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { GpuChooser } from '../../workers/language/gpu-logits'
import { hostRows, type LogitRows } from '../../workers/language/logits'
import { type Continuation, seededRandom } from '../../workers/language/sampling'
import { GpuBuffers } from '../../workers/runtime/buffers'
import { type GpuDevice, openDevice } from '../../workers/runtime/device'
import { Ledger } from '../../workers/runtime/ledger'

const ledger = new Ledger()
let gpu: GpuDevice
beforeAll(async () => {
  const device = await openDevice(ledger)
  if (!device) throw new Error('no WebGPU adapter')
  gpu = device
})
afterAll(() => {
  for (const chooser of choosers.values()) chooser.dispose()
  gpu.dispose()
  expect(ledger.snapshot()).toEqual({})
})

/** By size of the vocabulary. */
const choosers = new Map<number, GpuChooser>()

type Row = { readonly logits: Float32Array<ArrayBuffer>; readonly said: readonly number[] }

const rows = new Map<string, Row>()

/** Ranking a row takes longer than choosing from it, so each is made once; nobody writes to it. */
function seededRow(seed: number, vocabSize: number, grain: number): Row {
  const key = [seed, vocabSize, grain].join()
  const row = rows.get(key) ?? makeRow(seed, vocabSize, grain)
  rows.set(key, row)
  return row
}

/** What a language model might say: most of the mass on few tokens. `grain` makes equals; some of the best were said. */
function makeRow(seed: number, vocabSize: number, grain: number): Row {
  const random = seededRandom(seed)
  const logits = Float32Array.from({ length: vocabSize }, () => {
    const value = 2.2 * (random() + random() + random() + random() - 2) * (random() < 0.001 ? 6 : 2)
    return grain > 0 ? Math.round(value / grain) * grain : value
  })
  const ranked = [...logits.keys()].sort((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0))
  const said = Array.from({ length: Math.min(70, vocabSize >> 1) }, (_, at) =>
    at % 2 === 0 ? (ranked[at] ?? 0) : Math.floor(random() * vocabSize),
  )
  return { logits, said: [...said, ...said.slice(0, 3)] }
}

/** Gives `use` the rows on the GPU, and tells how many full rows were asked for. */
async function onGpu<T>(
  rows: readonly Row[],
  use: (rows: LogitRows) => Promise<T>,
): Promise<{ result: T; full: number }> {
  const vocabSize = rows[0]?.logits.length ?? 0
  const chooser = choosers.get(vocabSize) ?? (await GpuChooser.create(gpu.device, vocabSize, 80, ledger))
  choosers.set(vocabSize, chooser)
  const buffers = new GpuBuffers(gpu.device, ledger, 'gpu-buffer')
  let full = 0
  try {
    const all = new Float32Array(rows.length * vocabSize)
    for (const [at, { logits }] of rows.entries()) all.set(logits, at * vocabSize)
    const copies = async () => {
      full += 1
      return rows.map(({ logits }) => logits.slice())
    }
    return { result: await use(chooser.rows(buffers.upload('logits', all), rows.length, copies)), full }
  } finally {
    buffers.dispose()
  }
}
const onHost = <T>(rows: readonly Row[], use: (rows: LogitRows) => Promise<T>) =>
  use(hostRows(rows.map(({ logits }) => logits.slice())))

/** The shipped vocabulary, one that no power of two divides, and one smaller than what is kept of it. */
const sizes = [49_152, 3001, 7]
const grains = [0, 0.5]
const penalties = [1, 1.05, 1.7]
const cases = sizes.flatMap((size) => grains.flatMap((grain) => penalties.map((penalty) => ({ size, grain, penalty }))))

describe.each(cases)('$size logits, grain $grain, repetition penalty $penalty', ({ size, grain, penalty }) => {
  const seeds = size > 10_000 ? [1, 2] : [1, 2, 3, 4, 5, 6]

  test('the likeliest token', async () => {
    const options = { temperature: 0, topP: 1, repetitionPenalty: penalty }
    for (const seed of seeds) {
      const row = seededRow(seed, size, grain)
      const choose = (rows: LogitRows) => rows.sample(row.said, options, Math.random)
      const { result, full } = await onGpu([row], choose)
      expect(result).toBe(await onHost([row], choose))
      expect(full).toBe(0)
    }
  })

  test('draws', async () => {
    for (const { temperature, topP } of [
      { temperature: 0.7, topP: 0.9 },
      { temperature: 1, topP: 1 },
      { temperature: 1.6, topP: 0.95 },
    ]) {
      const options = { temperature, topP, repetitionPenalty: penalty }
      for (const seed of seeds) {
        const row = seededRow(seed, size, grain)
        const choose = (rows: LogitRows) => rows.sample(row.said, options, seededRandom(seed + 7))
        const { result } = await onGpu([row], choose)
        expect(result, `${temperature}, ${topP}, seed ${seed}`).toBe(await onHost([row], choose))
      }
    }
  })

  test('three continuations of each of three beams', async () => {
    const rows = [1, 2, 3].map((seed) => seededRow(seed, size, grain))
    const choose = (all: LogitRows): Promise<Continuation[][]> =>
      all.likeliest(
        rows.map(({ said }, at) => said.slice(0, 20 * at)),
        penalty,
        3,
      )
    const [{ result, full }, expected] = [await onGpu(rows, choose), await onHost(rows, choose)]
    expect(full).toBe(0)
    expect(result.map((row) => row.map(({ id }) => id))).toEqual(expected.map((row) => row.map(({ id }) => id)))
    for (const [at, row] of result.entries()) {
      for (const [rank, { logP }] of row.entries()) {
        // The weight of all is a sum of float32 on the GPU.
        expect(Math.abs(logP - (expected[at]?.[rank]?.logP ?? Number.NaN))).toBeLessThan(1e-5)
      }
    }
  })
})

test('a draw from few likely tokens needs no row, one from a flat row does', async () => {
  const peaked = { logits: Float32Array.from({ length: 5000 }, (_, id) => (id % 500 === 3 ? 9 : -9)), said: [3, 503] }
  const flat = { logits: new Float32Array(5000), said: [3] }
  const options = { temperature: 1, topP: 0.95, repetitionPenalty: 1.05 }
  const read: number[] = []
  for (const row of [peaked, flat]) {
    const choose = (rows: LogitRows) => rows.sample(row.said, options, seededRandom(5))
    const { result, full } = await onGpu([row], choose)
    expect(result).toBe(await onHost([row], choose))
    read.push(full)
  }
  expect(read).toEqual([0, 1])
})
