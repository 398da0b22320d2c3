/**
 * Packs that `python -m training.convert` made of tiny checkpoints under the published names: their manifests, what is derived
 * from them, and their visual tokens, as PyTorch has them (training/tests/export_converted.py).
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { inflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { conversationPieces } from '../../workers/language/prompt'
import { visualSpan } from '../../workers/language/splice'
import { openTokenizer } from '../../workers/language/tokenizer'
import { deriveWeights } from '../../workers/packs/derive'
import { baseSchema, packSchema } from '../../workers/packs/schema'
import type { GraphFlavour } from '../../workers/protocol'
import { packTensors } from '../../workers/vision/pack-tensors'
import { visualTokensReference } from '../../workers/vision/reference/pooling'
import { nodeOrt } from './node-ort'

type Packed = { readonly shape: readonly number[]; readonly deflated: string }
type Reference = {
  readonly question: string
  readonly before: readonly number[]
  readonly after: readonly number[]
  readonly derived: Readonly<Record<string, string>>
  readonly cases: readonly { readonly pixels: Packed; readonly visual: Packed }[]
}

const root = resolve(import.meta.dirname, '../fixtures/converted')
const names = ['tiny-valley-importance-q8', 'tiny-valley-importance-q4f16', 'tiny-llava-hf-q4f16'] as const

function floats({ deflated }: Packed): Float32Array<ArrayBuffer> {
  return new Float32Array(new Uint8Array(inflateSync(Buffer.from(deflated, 'base64'))).slice().buffer)
}

describe.each(names)('%s', (name) => {
  const bytes = (path: string) => new Uint8Array(readFileSync(resolve(root, name, path)))
  const json = (path: string): unknown => JSON.parse(readFileSync(resolve(root, name, path), 'utf8'))
  const pack = packSchema.parse(json('pack.json'))
  const base = baseSchema.parse(json('base/base.json'))
  const reference = json('reference.json') as Reference

  test.each(Object.entries(reference.derived))(
    '%s: the bytes that training/derive.py derives',
    async (flavour, sha256) => {
      const graph = base.graphs[flavour as GraphFlavour]
      if (!graph) throw new Error(`no ${flavour} graph`)
      const shard = async (index: number) => bytes(`base/${base.files.weights[index]?.path}`)
      const derived = await deriveWeights({ manifest: base, graph, adapter: null, smoothing: null, shard })
      expect(createHash('sha256').update(derived).digest('hex')).toBe(sha256)
    },
  )

  test('the prompt is the one that the checkpoint was trained with', async () => {
    const tokenizer = await openTokenizer(bytes('base/tokenizer.json'), bytes('base/tokenizer_config.json'))
    const clip = { visualLength: 9, hint: '' }
    const asked = { system: pack.prompt.system, turns: [], question: reference.question, clip }
    expect(conversationPieces(tokenizer, asked)).toEqual([
      { kind: 'text', ids: reference.before },
      { kind: 'visual', length: 9 },
      { kind: 'text', ids: reference.after },
    ])
  })

  test.each([
    ['a clip', 0],
    ['an image', 1],
  ])('visual tokens of %s are PyTorch’s', async (_, index) => {
    const one = reference.cases[index]
    if (!one) throw new Error('no such case')
    const ort = await nodeOrt()
    const session = await ort.InferenceSession.create(bytes(pack.tower.file.path))
    const pixels = new ort.Tensor('float32', floats(one.pixels), one.pixels.shape)
    const found = await session.run({ pixels })
    const rows = (output: string) => found[output]?.data as Float32Array
    const [frames = 0] = one.pixels.shape
    const { gridTokens: patches, width, patchesOutput, clsOutput } = pack.tower
    const tensors = packTensors(pack.projector, bytes(pack.projector.file.path))
    const shape = { frames, patches, width }
    const { patchTokens, frameTokens } = visualTokensReference(
      rows(patchesOutput),
      rows(clsOutput),
      shape,
      pack.pooling,
      tensors,
    )
    await session.release()
    const alone = frames === 1 && pack.pooling.frameTokens === 'clips'
    const span = visualSpan('clip', {
      clipId: 'clip',
      kind: frames === 1 ? 'image' : 'video',
      patchTokens,
      frameTokens: alone ? new Float32Array() : frameTokens,
      hiddenSize: pack.projector.outputSize,
      markers: tensors.get('markers')?.data ?? new Float32Array(),
      quotes: [],
    })
    const wanted = floats(one.visual)
    expect(span.rows.length).toBe(wanted.length)
    expect(Math.max(...wanted.map((value, at) => Math.abs(value - (span.rows[at] ?? 0))))).toBeLessThan(2e-3)
  })
})
