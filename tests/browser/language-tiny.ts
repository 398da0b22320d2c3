/** The tiny random packs of tests/fixtures/tiny and what PyTorch made of them (training/export_golden.py), in a browser. */
import { Context } from '../../workers/language/context'
import { Decoder } from '../../workers/language/decoder'
import { TokenEmbedding } from '../../workers/language/embedding'
import { type Sequence, splice } from '../../workers/language/splice'
import { type ChatTokenizer, openTokenizer } from '../../workers/language/tokenizer'
import { deriveWeights, readAdapter } from '../../workers/packs/derive'
import type { GraphFlavour } from '../../workers/packs/schema'
import { readSmoothing, roundsActivations } from '../../workers/packs/smoothing'
import { openBase, openPack } from '../../workers/packs/source'
import type { Backend, VisualTokens } from '../../workers/protocol'
import type { GpuDevice } from '../../workers/runtime/device'
import { Ledger } from '../../workers/runtime/ledger'

const folder = new URL('/tests/fixtures/tiny/', location.href)
export const tinyPackUrl = (name: string) => new URL(`${name}/pack.json`, folder).href

export type FloatArray = { readonly shape: readonly number[]; readonly float32: string }
export type GoldenTurn = {
  readonly question: string
  readonly contextTokens: number
  readonly lastLogits: FloatArray
  readonly greedy: readonly number[]
}
export type GoldenDecoder = {
  readonly pack: string
  readonly before: readonly number[]
  readonly visual: FloatArray
  readonly after: readonly number[]
  readonly closing: readonly number[]
  readonly turns: readonly GoldenTurn[]
}

export async function goldenDecoders(): Promise<readonly GoldenDecoder[]> {
  const response = await fetch(new URL('golden.json', folder))
  return ((await response.json()) as { decoder: readonly GoldenDecoder[] }).decoder
}

export function floats({ float32 }: FloatArray): Float32Array<ArrayBuffer> {
  const bytes = Uint8Array.from(atob(float32), (character) => character.charCodeAt(0))
  return new Float32Array(bytes.buffer)
}

export type TinyModel = {
  readonly decoder: Decoder
  readonly context: Context
  readonly embedding: TokenEmbedding
  readonly tokenizer: ChatTokenizer
  readonly graph: Uint8Array
  readonly externalData: { readonly path: string; readonly data: Uint8Array }
  readonly ledger: Ledger
}

/** Opens a tiny pack's decoder below the engine, so that a test may look at logits. */
export async function openTiny(
  name: string,
  flavour: GraphFlavour,
  backend: Backend = 'wasm',
  gpu: GpuDevice | null = null,
  capacity = 256,
): Promise<TinyModel> {
  const pack = await openPack(tinyPackUrl(name))
  const base = await openBase(pack)
  const { manifest } = base
  const entry = manifest.graphs[flavour]
  const tensor = manifest.tensors.find((candidate) => candidate.name === manifest.embedding)
  if (!entry || !tensor) throw new Error(`the tiny base lacks ${flavour} or its embedding`)
  const shards = await Promise.all(manifest.files.weights.map((file) => base.file(file)))
  const { adapter, smoothing } = pack.manifest
  const smooth = smoothing && roundsActivations(entry) ? smoothing : null
  const data = await deriveWeights({
    manifest,
    graph: entry,
    adapter: adapter && readAdapter(adapter, await pack.file(adapter.file)),
    smoothing: smooth && readSmoothing(smooth, await pack.file(smooth.file), manifest),
    shard: async (index) => shards[index] ?? new Uint8Array(0),
  })
  const graph = await base.file(entry.file)
  const externalData = { path: entry.externalData, data }
  const ledger = new Ledger()
  const { architecture } = manifest
  const decoder = await Decoder.open({
    backend,
    flavour,
    architecture,
    graph,
    externalData,
    capacity,
    gpu,
    ledger,
  })
  const rows = shards[tensor.shard]?.slice(tensor.offset, tensor.offset + tensor.bytes) ?? new Uint8Array(0)
  const [json, config] = await Promise.all([
    base.file(manifest.files.tokenizer),
    base.file(manifest.files.tokenizerConfig),
  ])
  return {
    decoder,
    context: new Context(decoder),
    embedding: new TokenEmbedding(tensor, rows),
    tokenizer: await openTokenizer(json, config),
    graph,
    externalData,
    ledger,
  }
}

/** The golden conversation up to (not including) the answer of turn `turn`. */
export function goldenSequence(golden: GoldenDecoder, turn: number, embedding: TokenEmbedding): Sequence {
  const rows = floats(golden.visual)
  const visual = { name: golden.pack, rows, length: rows.length / embedding.hiddenSize }
  const tail = [...golden.after]
  for (const { greedy } of golden.turns.slice(0, turn)) tail.push(...greedy, ...golden.closing)
  const pieces = [
    { kind: 'text', ids: golden.before },
    { kind: 'visual', length: visual.length },
    { kind: 'text', ids: tail },
  ] as const
  return splice(pieces, embedding, visual)
}

/** A clip's tokens: rows from a seed, in the spread of the tiny embeddings. */
export function seededClip(clipId: string, seed: number, frames = 3, quotes: readonly string[] = []): VisualTokens {
  const rows = (count: number, phase: number) =>
    Float32Array.from({ length: count * 64 }, (_, i) => 0.3 * Math.sin(12.9898 * (i + 1) * (seed + phase)))
  const parts = { patchTokens: rows(4, 0.1), frameTokens: rows(frames, 0.2), markers: rows(4, 0.3) }
  return { clipId, kind: 'video', hiddenSize: 64, ...parts, quotes }
}

/** The sequence with some text after it. */
export function extendSequence(sequence: Sequence, ids: readonly number[], embedding: TokenEmbedding): Sequence {
  const { length } = sequence.keys
  return {
    keys: [...sequence.keys, ...ids],
    embed: (from, to) => {
      const rows = new Float32Array((to - from) * embedding.hiddenSize)
      if (from < length) rows.set(sequence.embed(from, Math.min(to, length)))
      const own = ids.slice(Math.max(0, from - length), Math.max(0, to - length))
      rows.set(embedding.rows(own), rows.length - own.length * embedding.hiddenSize)
      return rows
    },
  }
}
