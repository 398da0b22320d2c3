/**
 * The decoder session and its KV cache: one call runs a chunk of positions after those already cached and appends their
 * keys and values.
 */
import type { InferenceSession, Tensor } from 'onnxruntime-web'
import type { Architecture, GraphFlavour } from '../packs/schema'
import { type Backend, toValleyError, ValleyError } from '../protocol'
import { GpuBuffers } from '../runtime/buffers'
import type { GpuDevice } from '../runtime/device'
import { DeviceLoss } from '../runtime/device-loss'
import type { Ledger } from '../runtime/ledger'
import { loadOrt, type OrtModule } from '../runtime/ort'
import { GpuChooser } from './gpu-logits'
import { gpuKvCache, hostKvCache, type KvCache, kvNames } from './kv-cache'
import { type Choice, hostRows, type LogitRows } from './logits'

/** Additive mask of a hidden position: far below any score, yet finite, since -Infinity rows would give NaN. */
const hidden = -1e9

/** Where the rows of a chunk stand and what they see, where it is not simply one after another. */
export type ChunkLayout = {
  /** Position of each row, for its rotation. */
  readonly positions: readonly number[]
  /** [rows, past + rows], additive; absent: every row sees all before it. */
  readonly bias?: Float32Array<ArrayBuffer>
}

export type DecoderOptions = {
  readonly backend: Backend
  readonly flavour: GraphFlavour
  readonly architecture: Architecture
  /** The .onnx file. */
  readonly graph: Uint8Array
  readonly externalData: { readonly path: string; readonly data: Uint8Array }
  /** Positions that the KV cache holds. */
  readonly capacity: number
  /** Owned by the caller; null on WASM. */
  readonly gpu: GpuDevice | null
  readonly ledger: Ledger
}

export class Decoder {
  readonly backend: Backend
  readonly vocabSize: number
  readonly hiddenSize: number
  readonly #ort: OrtModule
  /** null on WASM. */
  readonly #gpu: GpuSide | null
  readonly #session: InferenceSession
  readonly #cache: KvCache
  readonly #closeSession: () => void
  readonly #loss: DeviceLoss

  private constructor(
    ort: OrtModule,
    session: InferenceSession,
    cache: KvCache,
    gpu: GpuSide | null,
    options: DecoderOptions,
    loss: DeviceLoss,
  ) {
    this.backend = options.backend
    this.vocabSize = options.architecture.vocabSize
    this.hiddenSize = options.architecture.hiddenSize
    this.#ort = ort
    this.#gpu = gpu
    this.#session = session
    this.#cache = cache
    this.#closeSession = options.ledger.open('session', options.gpu ? options.externalData.data.byteLength : 0)
    this.#loss = loss
  }

  /** Starts the session. Errors: out-of-memory, device-lost, internal. */
  static async open(options: DecoderOptions): Promise<Decoder> {
    const { backend, architecture, gpu, ledger } = options
    const ort = await loadOrt(backend)
    const loss = new DeviceLoss(gpu)
    const create = ort.InferenceSession.create(options.graph, sessionOptions(options))
    const session = await loss.orLost(create).catch((thrown) => {
      throw toValleyError(thrown, thrown instanceof RangeError ? 'out-of-memory' : 'internal', { stage: 'session' })
    })
    const width = architecture.kvHeads * architecture.headDim
    const shape = { layers: architecture.layers, width, capacity: options.capacity }
    let onGpu: GpuSide | null = null
    try {
      const type = options.flavour.endsWith('f16') ? 'float16' : 'float32'
      if (gpu) onGpu = await gpuSide(gpu.device, options)
      const cache = gpu ? gpuKvCache(ort, gpu.device, type, shape, ledger) : hostKvCache(ort, shape, ledger)
      return new Decoder(ort, session, cache, onGpu, options, loss)
    } catch (thrown) {
      onGpu?.dispose()
      await session.release()
      throw toValleyError(thrown)
    }
  }

  /** Positions in the KV cache. */
  get length(): number {
    return this.#cache.length
  }

  get capacity(): number {
    return this.#cache.capacity
  }

  /** Forgets the keys and values of all positions from `length` on. */
  truncate(length: number): void {
    this.#cache.truncate(length)
  }

  /** Of the positions from `from` on, leaves only those in `rows` (ascending), moved together. */
  keep(from: number, rows: readonly number[]): void {
    this.#cache.keep(from, rows)
  }

  /** Copies of the keys and values of the first `length` positions, as `restore` takes them. Errors: device-lost */
  save(length: number): Promise<readonly Uint8Array<ArrayBuffer>[]> {
    return this.#loss.orLost(this.#cache.save(length))
  }

  /** Holds the keys and values that `save` gave for `length` positions, and nothing else. Throws RangeError: they do not fit. */
  restore(tensors: readonly Uint8Array<ArrayBuffer>[], length: number): void {
    this.#cache.restore(tensors, length)
  }

  /**
   * Runs the positions after the cached ones.
   * @param embeds  input embeddings [rows, hiddenSize]
   * @param wanted  rows of this chunk whose logits are returned
   * @param layout  other positions and another mask than those of consecutive rows
   * @returns logits [vocabSize] for each of `wanted`
   * Errors: device-lost, internal
   */
  run(embeds: Float32Array, wanted: readonly number[], layout?: ChunkLayout): Promise<Float32Array[]> {
    return this.#step(embeds, wanted, layout, (logits) => this.#copies(logits, wanted.length))
  }

  /** The same, with a choice made of the logits instead of bringing them: where they are on the GPU, they stay there. */
  async choose<T>(
    embeds: Float32Array,
    wanted: readonly number[],
    choice: Choice<T>,
    layout?: ChunkLayout,
  ): Promise<T> {
    const chooser = this.#gpu?.chooser
    if (!chooser) return choice(hostRows(await this.run(embeds, wanted, layout)))
    return this.#step(embeds, wanted, layout, (logits) => {
      const buffer = logits.gpuBuffer as unknown as GPUBuffer
      const rows: LogitRows = chooser.rows(buffer, wanted.length, () => this.#copies(logits, wanted.length))
      return this.#loss.orLost(choice(rows))
    })
  }

  /** Runs and caches a chunk; its logits are there while `use` is at work. Where that fails, nothing was cached. */
  async #step<T>(
    embeds: Float32Array,
    wanted: readonly number[],
    layout: ChunkLayout | undefined,
    use: (logits: Tensor) => Promise<T>,
  ): Promise<T> {
    if (this.#loss.error) throw this.#loss.error
    const ort = this.#ort
    const past = this.#cache.length
    const rows = embeds.length / this.hiddenSize
    const position = (row: number) => layout?.positions[row] ?? past + row
    const positions = BigInt64Array.from({ length: rows }, (_, row) => BigInt(position(row)))
    // The graph wants at least one row of logits; a chunk in the middle of a prefill has no use for it.
    const index = BigInt64Array.from(wanted.length > 0 ? wanted : [rows - 1], BigInt)
    const feeds = {
      inputs_embeds: new ort.Tensor('float32', embeds, [1, rows, this.hiddenSize]),
      position_ids: new ort.Tensor('int64', positions, [1, rows]),
      attention_bias: this.#bias(past, rows, layout?.bias),
      logits_index: new ort.Tensor('int64', index, [index.length]),
      ...this.#cache.past(),
    }
    const outputs = await this.#loss.orLost(this.#session.run(feeds)).catch((thrown) => {
      throw toValleyError(thrown, 'internal', { stage: 'decoder' })
    })
    const { logits } = outputs
    if (!logits) throw new ValleyError('internal', { stage: 'decoder' }, { message: 'the graph gave no logits' })
    this.#cache.append(outputs, rows)
    try {
      return await use(logits)
    } catch (thrown) {
      this.#cache.truncate(past)
      throw toValleyError(thrown, 'internal', { stage: 'decoder' })
    } finally {
      logits.dispose()
    }
  }

  /** [1, 1, rows, past + rows]. A single row sees everything: on the GPU zeros for it lie ready, and nothing is uploaded. */
  #bias(past: number, rows: number, bias: Float32Array<ArrayBuffer> | undefined): Tensor {
    const dims = [1, 1, rows, past + rows]
    const seesAll = this.#gpu?.seesAll
    if (rows > 1 || bias || !seesAll) return new this.#ort.Tensor('float32', bias ?? causalBias(past, rows), dims)
    return this.#ort.Tensor.fromGpuBuffer(seesAll, { dataType: 'float32', dims }) as Tensor
  }

  /** The first `count` rows, in memory of our own; on WebGPU they are read back. */
  async #copies(logits: Tensor, count: number): Promise<Float32Array[]> {
    if (count === 0) {
      // Else a prefill would queue all of its chunks at once, and a stop or a progress would mean nothing.
      if (this.#gpu) await this.#loss.orLost(this.#gpu.device.queue.onSubmittedWorkDone())
      return []
    }
    const data = (await this.#loss.orLost(logits.getData())) as Float32Array
    const { vocabSize } = this
    return Array.from({ length: count }, (_, row) => data.slice(row * vocabSize, (row + 1) * vocabSize))
  }

  async dispose(): Promise<void> {
    this.#cache.dispose()
    this.#gpu?.dispose()
    this.#closeSession()
    // A session whose device is gone may still be inside a run that never returns; touching it would block the worker.
    if (!this.#loss.error) await this.#session.release()
  }
}

function sessionOptions({ backend, gpu, architecture, externalData }: DecoderOptions): InferenceSession.SessionOptions {
  const shared: InferenceSession.SessionOptions = {
    externalData: [externalData],
    graphOptimizationLevel: 'all',
  }
  if (backend === 'wasm') {
    // Threads that spin while they wait gain nothing on an idle machine and halve the speed of a busy one, as when the
    // vision worker encodes beside an answer (two cores, both busy: 2.5 s -> 1.7 s for 64 positions, 300 -> 170 ms a token).
    const extra = { session: { intra_op: { allow_spinning: '0' } } }
    return { ...shared, executionProviders: ['wasm'], extra }
  }
  if (!gpu) throw new ValleyError('internal', { stage: 'session' }, { message: 'WebGPU decoder without a device' })
  const onGpu = ['logits', ...kvNames(architecture.layers).map((name) => `new.${name}`)]
  return {
    ...shared,
    executionProviders: [{ name: 'webgpu', device: gpu.device } as InferenceSession.WebGpuExecutionProviderOption],
    preferredOutputLocation: Object.fromEntries(onGpu.map((name) => [name, 'gpu-buffer'])),
  }
}

/** What the decoder has on its GPU beside session and cache. */
type GpuSide = {
  readonly device: GPUDevice
  readonly chooser: GpuChooser
  /** Zeros, one a position: the mask of a row that sees everything. */
  readonly seesAll: GPUBuffer
  readonly dispose: () => void
}

async function gpuSide(device: GPUDevice, { architecture, capacity, ledger }: DecoderOptions): Promise<GpuSide> {
  // What is said is cached, but for the last token: an answer holds no more than the cache.
  const chooser = await GpuChooser.create(device, architecture.vocabSize, capacity, ledger)
  const buffers = new GpuBuffers(device, ledger, 'resident-buffer')
  const seesAll = buffers.storage('mask of a row that sees all', 4 * capacity)
  const dispose = () => {
    chooser.dispose()
    buffers.dispose()
  }
  return { device, chooser, seesAll, dispose }
}

/** [rows, past + rows]: every row sees all of the past and the chunk up to itself. */
export function causalBias(past: number, rows: number): Float32Array<ArrayBuffer> {
  const width = past + rows
  const bias = new Float32Array(rows * width)
  for (let row = 0; row < rows; row++) bias.fill(hidden, row * width + past + row + 1, (row + 1) * width)
  return bias
}

/**
 * [rows, past + rows]: every row sees the first `shared` positions, the cached rows that it names (its own beginning)
 * and itself, but none of the rows beside it.
 */
export function treeBias(
  past: number,
  shared: number,
  seen: readonly (readonly number[])[],
): Float32Array<ArrayBuffer> {
  const width = past + seen.length
  const bias = new Float32Array(seen.length * width).fill(hidden)
  for (const [row, own] of seen.entries()) {
    const start = row * width
    bias.fill(0, start, start + shared)
    for (const cached of own) bias[start + cached] = 0
    bias[start + past + row] = 0
  }
  return bias
}
