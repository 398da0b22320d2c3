/** Valley's pooling over a hub's features, and what the decoder's past keeps, by hand. */
import { describe, expect, test } from 'vitest'
import { CpuMemory } from '../../workers/language/hub/memory'
import { HubPast } from '../../workers/language/hub/past'
import { type HubText, recognise } from '../../workers/packs/hub/config'
import { Ledger } from '../../workers/runtime/ledger'
import { clipRows, frameImportance, frameMeans } from '../../workers/vision/hub/pooling'
import { lfm2Vl, smolvlm } from './hub-configs'
import { nodeOrt } from './node-ort'

/** Two frames of four patches, two wide. */
const features = {
  rows: Float32Array.from([1, 0, 2, 0, 3, 0, 4, 0, 5, 8, 6, 8, 7, 8, 8, 8]),
  frames: 2,
  tokens: 4,
  width: 2,
}
const square = { featureGrid: 2, ownGrid: 2, cls: false }

describe('pooling', () => {
  test('mean: patches over time, then each frame’s mean', () => {
    expect([...clipRows(features, square, 'mean')]).toEqual([3, 4, 4, 4, 5, 4, 6, 4, 2.5, 0, 6.5, 8])
  })

  test('importance weighs the frames', () => {
    const rows = clipRows(features, square, 'importance', Float64Array.of(0.25, 0.75))
    expect([...rows.subarray(0, 4)]).toEqual([4, 6, 5, 6])
  })

  test('a frame’s CLS stands for it where there is one, and is no patch', () => {
    const withCls = { ...features, rows: features.rows, tokens: 4 }
    const rows = clipRows(withCls, { featureGrid: 2, ownGrid: 2, cls: true }, 'mean')
    expect([...rows.subarray(0, 2)]).toEqual([4, 4])
    expect([...rows.subarray(6)]).toEqual([1, 0, 5, 8])
  })

  test('the family’s own way leaves every frame, its grid shrunk where it says so', () => {
    expect(clipRows(features, square, 'own')).toEqual(features.rows)
    const shrunk = clipRows(features, { featureGrid: 2, ownGrid: 1, cls: false }, 'own')
    expect([...shrunk]).toEqual([...frameMeans(features)])
  })

  test('importance: a question counts the frame that is like it, without one the frame that is unlike the rest', () => {
    const like = frameImportance(features, Float32Array.of(1, 0))
    expect(like[0]).toBeGreaterThan(like[1] ?? 1)
    const odd = { ...features, rows: Float32Array.from([1, 0, 1, 0, 0, 1]), frames: 3, tokens: 1 }
    const alone = frameImportance(odd, null)
    expect(alone[2]).toBeGreaterThan(alone[0] ?? 1)
    expect(alone.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1)
  })
})

describe('the past', () => {
  const ledger = new Ledger()
  const tensor = async (data: readonly number[], dims: readonly number[]) =>
    new (await nodeOrt()).Tensor('float32', Float32Array.from(data), dims)
  const pastOf = async (text: HubText) => new HubPast(new CpuMemory(await nodeOrt(), 'float32'), text, ledger)
  const fed = (past: HubPast, name: string) => {
    const given = past.feeds()[name]
    return given && { data: [...(given.data as Float32Array)], dims: given.dims }
  }

  test('is cut head by head', async () => {
    const text = { ...recognise('a/b', smolvlm).text, attentionLayers: [0], kvHeads: 2, headDim: 1 }
    const past = await pastOf(text)
    const key = await tensor([1, 2, 3, 10, 20, 30], [1, 2, 3, 1])
    const value = await tensor([4, 5, 6, 40, 50, 60], [1, 2, 3, 1])
    past.take({ 'present.0.key': key, 'present.0.value': value }, 3)
    past.truncate(2)
    expect(fed(past, 'past_key_values.0.key')).toEqual({ data: [1, 2, 10, 20], dims: [1, 2, 2, 1] })
    const saved = await past.save(1)
    past.restore(saved, 1)
    expect(fed(past, 'past_key_values.0.value')).toMatchObject({ data: [4, 40] })
    expect(() => past.restore(saved, 2)).toThrow(RangeError)
    expect(ledger.snapshot()).toEqual({ 'kv-cache': 1 })
    past.dispose()
    expect(ledger.snapshot()).toEqual({})
  })

  test('with convolutions can be cut only where their state was kept', async () => {
    const { text } = recognise('a/b', lfm2Vl)
    const small = { ...text, attentionLayers: [], convLayers: [0], hiddenSize: 1, convCache: 2 }
    const past = await pastOf(small)
    const run = async (state: number[], added: number) =>
      past.take({ 'present_conv.0': await tensor(state, [1, 1, 2]) }, added)
    await run([1, 2], 4)
    await run([3, 4], 10)
    for (let step = 0; step < 5; step++) await run([5 + step, 6 + step], 1)
    // The first single position may end a prompt; those after it are an answer's.
    expect([past.reusable(19), past.reusable(18), past.reusable(14), past.reusable(3)]).toEqual([19, 15, 14, 0])
    expect(() => past.truncate(16)).toThrow(RangeError)
    past.truncate(14)
    expect(fed(past, 'past_conv.0')).toMatchObject({ data: [3, 4] })
    expect(past.length).toBe(14)
  })
})
