import { expect, test } from 'vitest'
import { hubAddress, hubRepository, visualCost } from '../../workers/protocol'
import { summarizeHub } from './pack'

const held = {
  formatVersion: 1,
  repository: 'someone/model',
  name: 'A model',
  commit: '0123456789abcdef0123456789abcdef01234567',
  licence: null,
  languages: ['en'],
  pooling: 'mean',
  visual: { pictureTokens: 64, ownTokens: 64, tokenBytes: 1000 },
}

test('what is held of a repository is summed up for the page', () => {
  const summary = summarizeHub(held)
  expect(summary).toMatchObject({ name: 'A model', version: '0123456', licence: '', languages: ['en'], beams: 1 })
  expect(summary?.hub).toMatchObject({ repository: 'someone/model', pooling: 'mean' })
  const { visual } = summary?.hub ?? { visual: held.visual }
  expect(visualCost(visual, 8, 'own')).toEqual({ tokens: 512, memory: 512_000 })
  expect(visualCost(visual, 8, 'mean')).toEqual({ tokens: 72, memory: 72_000 })
})

test('what is no such description is none', () => {
  expect(summarizeHub(null)).toBeNull()
  expect(summarizeHub({ ...held, pooling: 'median' })).toBeNull()
  expect(summarizeHub({ ...held, visual: undefined })).toBeNull()
})

test('a repository and its address lead to each other; a pack of our own has no repository', () => {
  expect(hubRepository(hubAddress('someone/model'))).toBe('someone/model')
  expect(hubRepository('https://host/models/valley-nano/pack.json')).toBeNull()
  expect(hubRepository('opfs:/valley-packs/mine/pack.json')).toBeNull()
})
