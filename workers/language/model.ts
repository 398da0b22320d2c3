/**
 * Loading: from a pack's URL to a decoder that is ready to answer. At first load the backend's weights are derived from
 * the base's bytes and kept; later loads read them back and need only the shard with the token embedding.
 */
import { jsonHash } from '../cache/hash'
import { deriveVersion, deriveWeights, readAdapter } from '../packs/derive'
import { derivedKey, readDerived, writeDerived } from '../packs/derived-cache'
import type { BaseTensor, DecoderGraph, FileEntry } from '../packs/schema'
import { readSmoothing, roundsActivations } from '../packs/smoothing'
import { allocate, type BaseSource, openBase, openPack, type PackSource, type ReadFile } from '../packs/source'
import {
  type GraphFlavour,
  hubRepository,
  type LoadOptions,
  type LoadProgress,
  type LoadStage,
  ValleyError,
} from '../protocol'
import { chooseDecoder } from '../runtime/backend'
import { type GpuDevice, openDevice } from '../runtime/device'
import type { Ledger } from '../runtime/ledger'
import { loadOrt } from '../runtime/ort'
import { paced } from '../runtime/paced'
import { maxBeams } from './beam-search'
import { compose, composePrefix } from './compose'
import { Context } from './context'
import { Decoder } from './decoder'
import { TokenEmbedding } from './embedding'
import { loadHubModel } from './hub/model'
import type { LoadedModel } from './loaded-model'
import { type ChatTokenizer, openTokenizer } from './tokenizer'

export type OwnModel = LoadedModel & {
  readonly decoder: Decoder
  readonly embedding: TokenEmbedding
  readonly tokenizer: ChatTokenizer
}

type Report = (progress: LoadProgress) => void

/**
 * Errors: download-failed, integrity, pack-invalid, unsupported-browser, out-of-memory, device-lost; of a pack of the hub
 * also hub-config, hub-family, hub-operator
 */
export async function loadModel(options: LoadOptions, ledger: Ledger, report: Report): Promise<LoadedModel> {
  const repository = hubRepository(options.packUrl)
  return repository === null
    ? loadOwnModel(options, ledger, report)
    : loadHubModel(repository, options.backend, ledger, paced(report))
}

/** A pack of our own format. */
export async function loadOwnModel(
  { packUrl, basesUrl, backend: forced, flavour }: LoadOptions,
  ledger: Ledger,
  report: Report,
): Promise<OwnModel> {
  report({ stage: 'manifest', done: 0, total: 2 })
  const pack = await openPack(packUrl)
  report({ stage: 'manifest', done: 1, total: 2 })
  const base = await openBase(pack, basesUrl)
  report({ stage: 'manifest', done: 2, total: 2 })
  const gpu = forced === 'wasm' ? null : await openDevice(ledger)
  try {
    const available = flavour ? [flavour] : (Object.keys(base.manifest.graphs) as GraphFlavour[])
    const choice = chooseDecoder({ webgpu: gpu }, available, forced)
    if (choice.backend === 'wasm') gpu?.dispose()
    const device = choice.backend === 'webgpu' ? gpu : null
    // The runtime's code loads while the weights are read.
    void loadOrt(choice.backend).catch(() => {})
    return await assemble(pack, base, choice.flavour, device, ledger, paced(report))
  } catch (thrown) {
    gpu?.dispose()
    throw thrown
  }
}

async function assemble(
  pack: PackSource,
  base: BaseSource,
  flavour: GraphFlavour,
  gpu: GpuDevice | null,
  ledger: Ledger,
  report: Report,
): Promise<OwnModel> {
  const graph = base.manifest.graphs[flavour]
  if (!graph) throw new ValleyError('pack-invalid', { path: 'base.json', problems: [`no graph ${flavour}`] })
  const embeddingTensor = base.manifest.tensors.find((tensor) => tensor.name === base.manifest.embedding)
  if (!embeddingTensor) throw new ValleyError('pack-invalid', { path: 'base.json', problems: ['no embedding'] })
  const key = await derivedKey(base.manifest, pack.manifest, flavour, deriveVersion)
  const count = new DownloadCount(report)
  const { tokenizer: tokenizerFile, tokenizerConfig } = base.manifest.files
  const read = count.reader(base.file, [graph.file, tokenizerFile, tokenizerConfig])
  const tokenizer = Promise.all([read(tokenizerFile), read(tokenizerConfig)]).then(([json, config]) =>
    openTokenizer(json, config),
  )
  const graphBytes = read(graph.file)
  // Awaited below; should the weights fail first, these must not be left unheard.
  for (const early of [tokenizer, graphBytes]) early.catch(() => {})
  const kept = await readDerived(key, [graph.bytes, embeddingTensor.bytes])
  const [weights, rows] = kept ?? (await derive(pack, base, graph, embeddingTensor, count, report))
  if (!weights || !rows) throw new ValleyError('internal', { stage: 'derive' })
  if (!kept) await writeDerived(key, [weights, rows])

  report({ stage: 'session', done: 0, total: 1 })
  const { architecture } = base.manifest
  const backend = gpu ? 'webgpu' : 'wasm'
  const contextTokens = Math.min(pack.manifest.contextTokens[backend], architecture.maxPositions)
  const ready = await tokenizer
  const decoder = await Decoder.open({
    backend,
    flavour,
    architecture,
    graph: await graphBytes,
    externalData: { path: graph.externalData, data: weights },
    // Beams beside the one that stays need room of their own, for an answer of the pack's own length.
    capacity: contextTokens + (maxBeams - 1) * Math.min(pack.manifest.generation.maxNewTokens, contextTokens >> 1),
    gpu,
    ledger,
  })
  report({ stage: 'session', done: 1, total: 1 })
  const embedding = new TokenEmbedding(embeddingTensor, rows)
  const makers = { pack: pack.manifest, tokenizer: ready, embedding }
  const { id: packId, generation } = pack.manifest
  return {
    packId,
    backend,
    decoder,
    capacity: decoder.capacity,
    context: new Context(decoder),
    embedding,
    tokenizer: ready,
    contextTokens,
    maxBeams,
    generation,
    compose: async (...question) => compose(makers, ...question),
    prefix: async (...about) => composePrefix(makers, ...about),
    cached: kept !== null,
    identity: await jsonHash([pack.hash, key.hash, backend, flavour, graph.file.sha256]),
    dispose: async () => {
      await decoder.dispose()
      gpu?.dispose()
    },
  }
}

/** First load: [the graph's external data, the embedding's stored rows], from the base's shards and the adapter. */
async function derive(
  pack: PackSource,
  { manifest, file }: BaseSource,
  graph: DecoderGraph,
  embedding: BaseTensor,
  count: DownloadCount,
  report: Report,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const { weights } = manifest.files
  const { adapter, smoothing } = pack.manifest
  const rows = allocate(embedding.bytes)
  const read = count.reader(file, weights)
  const download = async (index: number) => {
    const entry = weights[index]
    return entry ? read(entry) : allocate(0)
  }
  const factors = adapter && readAdapter(adapter, await count.reader(pack.file, [adapter.file])(adapter.file))
  const smooth = smoothing && roundsActivations(graph) ? smoothing : null
  const channels = smooth && readSmoothing(smooth, await count.reader(pack.file, [smooth.file])(smooth.file), manifest)
  let next = download(0)
  const data = await deriveWeights({
    manifest,
    graph,
    adapter: factors,
    smoothing: channels,
    onProgress: (done, total) => report({ stage: 'derive', done, total }),
    shard: async (index) => {
      const bytes = await next
      // The next shard downloads while this one is worked through.
      next = download(index + 1)
      next.catch(() => {})
      const { shard, offset, bytes: size } = embedding
      if (index === shard) rows.set(bytes.subarray(offset, offset + size))
      return bytes
    },
  })
  return [data, rows]
}

/** Adds up the bytes of several downloads and of their verification. */
class DownloadCount {
  readonly #done = new Map<string, number>()
  readonly #report: Report
  #total = 0
  #verified = 0

  constructor(report: Report) {
    this.#report = report
  }

  /** `file`, counted; `expected` are the files that will be read through it. */
  reader(file: ReadFile, expected: readonly FileEntry[]): ReadFile {
    for (const { bytes } of expected) this.#total += bytes
    return async (entry, options) => {
      const onProgress = (done: number) => {
        this.#done.set(entry.sha256, done)
        let sum = 0
        for (const bytes of this.#done.values()) sum += bytes
        this.#emit('download', sum)
      }
      const bytes = await file(entry, { ...options, onProgress })
      this.#verified += entry.bytes
      this.#emit('verify', this.#verified)
      return bytes
    }
  }

  #emit(stage: LoadStage, done: number): void {
    this.#report({ stage, done, total: this.#total })
  }
}
