import { describe, expect, test } from 'vitest'
import { ValleyError } from '../../workers/protocol'
import { packTensors, requireTensor } from '../../workers/vision/pack-tensors'
import { visualTokensReference } from '../../workers/vision/reference/pooling'
import { type FloatArray, floats, readTiny, tinyJson, tinyPack } from './language-tiny'

type Feature = { readonly frames: number; readonly patches: FloatArray; readonly cls: FloatArray }
type Pooled = {
  readonly pack: string
  readonly frames: number
  readonly patchTokens: FloatArray
  readonly frameTokens: FloatArray
}
const golden = tinyJson('golden.json') as { features: readonly Feature[]; pooling: readonly Pooled[] }

describe('pooling and projector against PyTorch', () => {
  test('all three modules at T = 1, 2, 8 and 33 are there', () => {
    expect(new Set(golden.pooling.map(({ pack }) => tinyPack(pack).pooling.kind)).size).toBe(3)
    expect([...new Set(golden.pooling.map(({ frames }) => frames))]).toEqual([1, 2, 8, 33])
  })

  test.each(golden.pooling)('$pack, T = $frames', ({ pack, frames, patchTokens, frameTokens }) => {
    const { projector, pooling, tower } = tinyPack(pack)
    const tensors = packTensors(projector, readTiny(`${pack}/${projector.file.path}`))
    const feature = golden.features.find((candidate) => candidate.frames === frames)
    if (!feature) throw new Error('no features')
    const shape = { frames, patches: tower.gridTokens, width: tower.width }
    const tokens = visualTokensReference(floats(feature.patches), floats(feature.cls), shape, pooling, tensors)
    for (const [ours, theirs] of [
      [tokens.patchTokens, floats(patchTokens)],
      [tokens.frameTokens, floats(frameTokens)],
    ] as const) {
      expect(ours).toHaveLength(theirs.length)
      const difference = Math.max(...ours.map((value, at) => Math.abs(value - (theirs[at] ?? Number.NaN))))
      expect(difference).toBeLessThan(1e-4)
    }
  })
})

test('a pack without a tensor that its pooling needs is invalid, by name', () => {
  const { projector } = tinyPack('tiny-mean')
  const tensors = packTensors(projector, readTiny(`tiny-mean/${projector.file.path}`))
  expect(() => requireTensor(tensors, 'delta.in_proj_weight')).toThrow(ValleyError)
  expect(() => requireTensor(tensors, 'bias', [7])).toThrow(ValleyError)
})
