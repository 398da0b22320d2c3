import { describe, expect, test } from 'vitest'
import { baseSchema, packSchema } from '../../workers/packs/schema'
import { tinyJson } from './language-tiny'

type Json = Record<string, unknown>
const edited = (path: string, edit: (json: never) => void): Json => {
  const json = tinyJson(path) as Json
  edit(json as never)
  return json
}
const problems = (schema: typeof packSchema | typeof baseSchema, json: unknown) =>
  schema.safeParse(json).error?.issues.map((issue) => issue.message) ?? []

describe('pack.json', () => {
  test.each(['tiny-mean', 'tiny-importance', 'tiny-delta', 'tiny-retrieval'])('%s is accepted', (name) => {
    expect(problems(packSchema, tinyJson(`${name}/pack.json`))).toEqual([])
  })

  test.each<[string, (json: never) => void]>([
    ['an absolute path', (json: { base: string }) => Object.assign(json, { base: '/etc/passwd' })],
    ['a foreign address', (json: { base: string }) => Object.assign(json, { base: 'https://example.org/base.json' })],
    ['a short hash', (json: { tower: { file: Json } }) => Object.assign(json.tower.file, { sha256: 'abc' })],
    ['another format version', (json: Json) => Object.assign(json, { formatVersion: 2 })],
    ['an unknown pooling', (json: { pooling: Json }) => Object.assign(json.pooling, { kind: 'max' })],
    ['a default outside the range', (json: { sampling: Json }) => Object.assign(json.sampling, { defaultFrames: 99 })],
    ['no weight matrix', (json: { projector: { tensors: Json[] } }) => json.projector.tensors.shift()],
    [
      'a tensor beyond the end of its file',
      (json: { projector: { tensors: Json[] } }) => Object.assign(json.projector.tensors[0] ?? {}, { offset: 9468 }),
    ],
  ])('%s is refused', (_, edit) => {
    expect(problems(packSchema, edited('tiny-mean/pack.json', edit))).not.toEqual([])
  })

  test('smoothing factors beyond the end of their file are refused', () => {
    const json = edited('tiny-delta/pack.json', (pack: { smoothing: { sites: { offset: number }[] } }) => {
      const site = pack.smoothing.sites.at(-1)
      if (site) site.offset += 2
    })
    expect(problems(packSchema, json)[0]).toMatch(/smoothing of .* is malformed/)
  })

  test('an adapter whose factors do not share a rank is refused', () => {
    const json = edited('tiny-delta/pack.json', (pack: { adapter: { tensors: { bShape: number[] }[] } }) => {
      const [tensor] = pack.adapter.tensors
      if (tensor) tensor.bShape[1] = 3
    })
    expect(problems(packSchema, json)[0]).toMatch(/adapter of .* is malformed/)
  })
})

describe('retrieval parts of pack.json', () => {
  const entry = (path: string, bytes: number) => ({ path, bytes, sha256: 'a'.repeat(64) })
  const parts = {
    textTower: {
      file: entry('text-tower.onnx', 100),
      tokenizer: entry('text-tokenizer.json', 100),
      tokenizerConfig: entry('text-tokenizer-config.json', 10),
      embeddingSize: 16,
      maxTokens: 64,
    },
    captionStore: {
      texts: entry('captions.txt', 200),
      vectors: entry('captions.bin', 5 * 16),
      count: 5,
      size: 16,
      scale: 0.01,
      quotes: 3,
      intro: 'Similar scenes:',
      licence: 'CC-BY-4.0',
      source: 'made up',
    },
  }
  type Parts = typeof parts & { tower: Json; generation: Json }
  const withParts = (edit: (pack: Parts) => unknown = () => undefined) =>
    edited('tiny-mean/pack.json', (pack: Json) => {
      Object.assign(pack, structuredClone(parts))
      Object.assign(pack.tower as Json, { embeddingOutput: 'embedding', embeddingSize: 16 })
      edit(pack as never)
    })

  test('all of them together, and none of them, are accepted', () => {
    expect(problems(packSchema, withParts())).toEqual([])
    expect(packSchema.parse(tinyJson('tiny-mean/pack.json'))).not.toHaveProperty('captionStore')
  })

  test('a pack that says nothing of beams decodes with one', () => {
    const { generation } = packSchema.parse(tinyJson('tiny-mean/pack.json'))
    expect(generation).toMatchObject({ beams: 1, lengthPenalty: 1 })
  })

  test.each<[string, (pack: Parts) => unknown]>([
    ['an embedding output without its size', ({ tower }) => delete tower.embeddingSize],
    ['a store whose vectors are of another size', ({ captionStore }) => Object.assign(captionStore, { size: 8 })],
    ['a store whose file is cut short', ({ captionStore }) => Object.assign(captionStore.vectors, { bytes: 79 })],
    ['a text tower of another space', ({ textTower }) => Object.assign(textTower, { embeddingSize: 8 })],
    [
      'a store beside a tower without embedding',
      ({ tower }) => [delete tower.embeddingOutput, delete tower.embeddingSize],
    ],
    ['four beams', ({ generation }) => Object.assign(generation, { beams: 4 })],
  ])('%s is refused', (_, edit) => {
    expect(problems(packSchema, withParts(edit))).not.toEqual([])
  })
})

describe('base.json', () => {
  test('the tiny base is accepted', () => {
    expect(problems(baseSchema, tinyJson('tiny-base/base.json'))).toEqual([])
  })

  test.each<[string, (json: never) => void]>([
    ['bytes that do not fit', (json: { tensors: Json[] }) => Object.assign(json.tensors[0] ?? {}, { bytes: 34 })],
    ['a tensor beyond its shard', (json: { tensors: Json[] }) => Object.assign(json.tensors[0] ?? {}, { shard: 7 })],
    ['an unknown embedding', (json: Json) => Object.assign(json, { embedding: 'nowhere' })],
    [
      'a layout of unknown tensors',
      (json: { graphs: { int8: { tensors: Json[] } } }) =>
        Object.assign(json.graphs.int8.tensors[0] ?? {}, { sources: ['nowhere'] }),
    ],
    [
      'a layout beyond the external data',
      (json: { graphs: { int8: { tensors: Json[]; bytes: number } } }) =>
        Object.assign(json.graphs.int8.tensors[0] ?? {}, { offset: json.graphs.int8.bytes }),
    ],
  ])('%s is refused', (_, edit) => {
    expect(problems(baseSchema, edited('tiny-base/base.json', edit))).not.toEqual([])
  })
})
