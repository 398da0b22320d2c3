/**
 * Loading: from a pack's URL to a decoder that is ready to answer. At first load the backend's weights are derived from
 * the base's bytes and kept; later loads read them back and need only the shard with the token embedding.
 */
import { type Adapter, deriveVersion, deriveWeights, readAdapter } from '../packs/derive'
import { derivedKey, readDerived, writeDerived } from '../packs/derived-cache'
import type { DecoderGraph, FileEntry, GraphFlavour, PackManifest } from '../packs/schema'
import { allocate, type BaseSource, openBase, openPack, type PackSource, type ReadFile } from '../packs/source'
import { type LoadOptions, type LoadProgress, type LoadStage, ValleyError } from '../protocol'
import { chooseDecoder } from '../runtime/backend'
import { type GpuDevice, openDevice } from '../runtime/device'
import type { Ledger } from '../runtime/ledger'
import { loadOrt } from '../runtime/ort'
import { Context } from './context'
import { Decoder } from './decoder'
import { TokenEmbedding } from './embedding'
import { type ChatTokenizer, openTokenizer } from './tokenizer'

export type LoadedModel = {
  readonly pack: PackManifest
  readonly decoder: Decoder
  readonly context: Context
  readonly embedding: TokenEmbedding
  readonly tokenizer: ChatTokenizer
  /** Positions of prompt and answer together. */
  readonly contextTokens: number
  /** Whether the derived weights were there already. */
  readonly cached: boolean
  readonly dispose: () => Promise<void>
}

type Report = (progress: LoadProgress) => void

/**
 * @param flavour  forces a graph instead of the backend's best (tests)
 * Errors: download-failed, integrity, pack-invalid, unsupported-browser, out-of-memory, device-lost
 */
export async function loadModel(
  { packUrl, backend: forced }: LoadOptions,
  ledger: Ledger,
  report: Report,
  flavour?: GraphFlavour,
): Promise<LoadedModel> {
  report({ stage: 'manifest', done: 0, total: 2 })
  const pack = await openPack(packUrl)
  report({ stage: 'manifest', done: 1, total: 2 })
  const base = await openBase(pack)
  report({ stage: 'manifest', done: 2, total: 2 })
  const gpu = forced === 'wasm' ? null : await openDevice(ledger)
  try {
    const available = flavour ? [flavour] : (Object.keys(base.manifest.graphs) as GraphFlavour[])
    const choice = chooseDecoder({ webgpu: gpu }, available, forced)
    if (choice.backend === 'wasm') gpu?.dispose()
    const device = choice.backend === 'webgpu' ? gpu : null
    // The runtime's code loads while the weights are read.
    void loadOrt(choice.backend).catch(() => {})
    return await assemble(pack, base, choice.flavour, device, ledger, report)
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
): Promise<LoadedModel> {
  const graph = base.manifest.graphs[flavour]
  if (!graph) throw new ValleyError('pack-invalid', { path: 'base.json', problems: [`no graph ${flavour}`] })
  const key = await derivedKey(base.manifest, pack.manifest, flavour, deriveVersion)
  const kept = await readDerived(key, graph.bytes)
  const embeddingTensor = base.manifest.tensors.find((tensor) => tensor.name === base.manifest.embedding)
  if (!embeddingTensor) throw new ValleyError('pack-invalid', { path: 'base.json', problems: ['no embedding'] })

  const { weights, tokenizer: tokenizerFile, tokenizerConfig } = base.manifest.files
  const shards = kept ? weights.filter((_, index) => index === embeddingTensor.shard) : weights
  const adapterFile = kept ? [] : [pack.manifest.adapter?.file].filter((file) => file !== undefined)
  const counted = new DownloadCount([graph.file, tokenizerFile, tokenizerConfig, ...shards, ...adapterFile], report)
  const read = counted.reader(base.file)

  const tokenizer = Promise.all([read(tokenizerFile), read(tokenizerConfig)]).then(([json, config]) =>
    openTokenizer(json, config),
  )
  const graphBytes = read(graph.file)
  const adapter = kept ? null : await openAdapter(pack, counted.reader(pack.file))
  const embedding = new TakenTensor(embeddingTensor, read, weights)
  const weightsBlob = kept ?? (await derive(base, graph, adapter, embedding, report))
  const stored = kept ? Promise.resolve(true) : writeDerived(key, weightsBlob)
  const rows = await embedding.bytes()

  report({ stage: 'session', done: 0, total: 1 })
  const { architecture } = base.manifest
  const backend = gpu ? 'webgpu' : 'wasm'
  const contextTokens = Math.min(pack.manifest.contextTokens[backend], architecture.maxPositions)
  const ready = await tokenizer
  await stored
  const decoder = await Decoder.open({
    backend,
    flavour,
    architecture,
    graph: await graphBytes,
    externalData: { path: graph.externalData, data: weightsBlob },
    capacity: contextTokens,
    gpu,
    ledger,
  })
  report({ stage: 'session', done: 1, total: 1 })
  return {
    pack: pack.manifest,
    decoder,
    context: new Context(decoder),
    embedding: new TokenEmbedding(embeddingTensor, rows),
    tokenizer: ready,
    contextTokens,
    cached: kept !== null,
    dispose: async () => {
      await decoder.dispose()
      gpu?.dispose()
    },
  }
}

async function openAdapter(pack: PackSource, read: ReadFile): Promise<Adapter | null> {
  const { adapter } = pack.manifest
  return adapter ? readAdapter(adapter, await read(adapter.file)) : null
}

async function derive(
  base: BaseSource,
  graph: DecoderGraph,
  adapter: Adapter | null,
  embedding: TakenTensor,
  report: Report,
): Promise<Uint8Array<ArrayBuffer>> {
  const { manifest } = base
  let next = embedding.shard(0)
  return deriveWeights({
    manifest,
    graph,
    adapter,
    onProgress: (done, total) => report({ stage: 'derive', done, total }),
    shard: (index) => {
      const current = next
      // The next shard downloads while this one is worked through.
      if (index + 1 < manifest.files.weights.length) next = embedding.shard(index + 1)
      next.catch(() => {})
      return current
    },
  })
}

/** Reads shards and keeps a copy of one tensor on the way, so that its shard need not be read twice nor kept. */
class TakenTensor {
  readonly #tensor: { readonly shard: number; readonly offset: number; readonly bytes: number }
  readonly #read: ReadFile
  readonly #files: readonly FileEntry[]
  #taken: Uint8Array | undefined

  constructor(
    tensor: { readonly shard: number; readonly offset: number; readonly bytes: number },
    read: ReadFile,
    files: readonly FileEntry[],
  ) {
    this.#tensor = tensor
    this.#read = read
    this.#files = files
  }

  async shard(index: number): Promise<Uint8Array> {
    const file = this.#files[index]
    if (!file) throw new ValleyError('pack-invalid', { path: 'base.json', problems: [`no shard ${index}`] })
    const bytes = await this.#read(file)
    const { shard, offset, bytes: size } = this.#tensor
    if (index === shard && !this.#taken) {
      const copy = allocate(size)
      copy.set(bytes.subarray(offset, offset + size))
      this.#taken = copy
    }
    return bytes
  }

  async bytes(): Promise<Uint8Array> {
    if (!this.#taken) await this.shard(this.#tensor.shard)
    return this.#taken ?? allocate(0)
  }
}

/** Adds up the bytes of several downloads and of their verification. */
class DownloadCount {
  readonly #done = new Map<string, number>()
  readonly #total: number
  readonly #report: Report
  #verified = 0

  constructor(files: readonly FileEntry[], report: Report) {
    this.#total = files.reduce((sum, file) => sum + file.bytes, 0)
    this.#report = report
  }

  reader(file: ReadFile): ReadFile {
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
