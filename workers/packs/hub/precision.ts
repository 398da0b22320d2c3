/** Which of a repository's files a device fetches, told from what it says of itself before anything large is. Pure. */
import { type Backend, ValleyError } from '../../protocol'
import type { DeviceRecord } from '../fitness'
import type { HubModel } from './config'

export const hubParts = ['vision_encoder', 'embed_tokens', 'decoder_model_merged'] as const
export type HubPart = (typeof hubParts)[number]

/** What follows a part's name in its file's, as in transformers.js. */
const suffixes = { f32: '', f16: '_fp16', q4f16: '_q4f16', q8: '_quantized' } as const
export type HubPrecision = keyof typeof suffixes
export const hubPrecisions = Object.keys(suffixes) as HubPrecision[]

/** The path of a part's graph; weights that do not fit into it lie beside it (`weightsBeside`). */
export const partPath = (part: HubPart, precision: HubPrecision) => `onnx/${part}${suffixes[precision]}.onnx`
export const weightsBeside = (path: string) => new RegExp(`^${path.replaceAll('.', '\\.')}_data(_\\d+)?$`)

/** Bytes of each part by precision, external weights included; absent where the repository has no such file. */
export type PublishedParts = Readonly<Partial<Record<HubPart, Readonly<Partial<Record<HubPrecision, number>>>>>>

/** Why a precision is not taken for a part. */
export type PrecisionRefusal = 'not-published' | 'no-f16' | 'buffer-limit'

export type HubChoice = {
  readonly backend: Backend
  readonly files: Readonly<Record<HubPart, { readonly precision: HubPrecision; readonly bytes: number }>>
  readonly bytes: number
  /** Estimate of what the loaded model takes, in bytes. */
  readonly memory: number
  /** Bytes of the largest tensor that the graphics card must take in one buffer; null on the processor, or not known. */
  readonly buffer: number | null
  /** Whether a graph on the graphics card computes in 16 bits. */
  readonly shaderF16: boolean
  /** The precisions that would have been better, and why they are not taken. */
  readonly refused: readonly {
    readonly part: HubPart
    readonly precision: HubPrecision
    readonly why: PrecisionRefusal
  }[]
}

/**
 * By backend, best first. On a GPU 4-bit weights win because decoding is bound by memory traffic; the encoder runs a few
 * times a clip and keeps its 16 bits. On the CPU only 8-bit matrices have fast kernels. Rows of `embed_tokens` are looked
 * up on the CPU wherever the rest runs, so that its form costs room and nothing else.
 */
const preference: Readonly<Record<Backend, Readonly<Record<HubPart, readonly HubPrecision[]>>>> = {
  webgpu: {
    vision_encoder: ['f16', 'q4f16', 'f32'],
    embed_tokens: ['f16', 'q8', 'f32'],
    decoder_model_merged: ['q4f16', 'f16', 'f32'],
  },
  wasm: {
    vision_encoder: ['q8', 'f32'],
    embed_tokens: ['q8', 'f32'],
    decoder_model_merged: ['q8', 'f32'],
  },
}

/** Bytes a weight of the largest tensor, the output matrix. 4-bit blocks of 32 carry a 16-bit scale. */
const weightBytes: Readonly<Record<HubPrecision, number>> = { f32: 4, f16: 2, q4f16: 0.5 + 2 / 32, q8: 1 }
/** Weights are held once by us and once by the runtime while a session starts. */
const copies = 2
/** Beside the weights: runtimes, the page, frames in flight. */
const overhead = 250e6
/** Of all memory, what a page may count on. */
const memoryShare = 0.5

export type HubDevice = Pick<DeviceRecord, 'webgpu' | 'memoryGiB' | 'storageBufferBytes'>

/**
 * The files that this device would run.
 * @param model  null while the configuration is not read: limits of single buffers are then told from the size of
 * `embed_tokens`, which is as large as the output matrix
 * Errors: hub-layout {repository, missing} (a part is in no form that runs here), hub-too-big {repository, needed, limit}
 */
export function chooseFiles(
  repository: string,
  device: HubDevice,
  published: PublishedParts,
  model: HubModel | null,
): HubChoice {
  const backend: Backend = device.webgpu && !device.webgpu.software ? 'webgpu' : 'wasm'
  const weights = outputWeights(published, model)
  const refused: HubChoice['refused'][number][] = []
  const missing: string[] = []
  const whyNot = (part: HubPart, precision: HubPrecision): PrecisionRefusal | null => {
    if (published[part]?.[precision] === undefined) return 'not-published'
    if (backend === 'wasm') return null
    // Only a graph that runs on the GPU needs it there.
    if (part === 'embed_tokens') return null
    if (inSixteenBits(precision) && !device.webgpu?.shaderF16) return 'no-f16'
    const largest = part === 'decoder_model_merged' ? weights * weightBytes[precision] : 0
    return device.storageBufferBytes !== null && largest > device.storageBufferBytes ? 'buffer-limit' : null
  }
  const choose = (part: HubPart) => {
    for (const precision of preference[backend][part]) {
      const why = whyNot(part, precision)
      if (why === null) return { precision, bytes: published[part]?.[precision] ?? 0 }
      refused.push({ part, precision, why })
    }
    missing.push(...preference[backend][part].map((precision) => partPath(part, precision)))
    return { precision: 'f32' as const, bytes: 0 }
  }
  const files = {
    vision_encoder: choose('vision_encoder'),
    embed_tokens: choose('embed_tokens'),
    decoder_model_merged: choose('decoder_model_merged'),
  }
  if (missing.length > 0) throw new ValleyError('hub-layout', { repository, missing })
  const bytes = Object.values(files).reduce((sum, file) => sum + file.bytes, 0)
  const memory = memoryOf(bytes)
  const limit = memoryLimit(device)
  if (limit !== null && memory > limit) throw new ValleyError('hub-too-big', { repository, needed: memory, limit })
  const decoder = files.decoder_model_merged.precision
  const onGpu = backend === 'webgpu'
  const shaderF16 = onGpu && [decoder, files.vision_encoder.precision].some(inSixteenBits)
  const buffer = onGpu && weights > 0 ? weights * weightBytes[decoder] : null
  return { backend, files, bytes, memory, buffer, shaderF16, refused }
}

/** Bytes of memory that a page may count on; null where the browser does not say how much there is. */
export const memoryLimit = ({ memoryGiB }: Pick<HubDevice, 'memoryGiB'>): number | null =>
  memoryGiB === null ? null : memoryGiB * 2 ** 30 * memoryShare

/** Estimate of what a model with these bytes of files takes when it is loaded. */
export const memoryOf = (bytes: number): number => copies * bytes + overhead

/** Whether a graph computes in 16 bits. */
export const inSixteenBits = (precision: HubPrecision) => precision === 'f16' || precision === 'q4f16'

/**
 * What these graphs need of a graphics card that this one lacks; null: they run here. Those of 16 bits were taken for a card:
 * on the processor they are held wider than they are stored, and run many times slower. The others run on either.
 * @param card  null: none that counts
 */
export function lackingFor(
  precisions: readonly HubPrecision[],
  card: HubDevice['webgpu'],
): 'webgpu' | 'shader-f16' | null {
  if (!precisions.some(inSixteenBits)) return null
  if (!card || card.software) return 'webgpu'
  return card.shaderF16 ? null : 'shader-f16'
}

/** Errors: hub-other-device {repository, feature} where these graphs, which are held here, do not run on such a card */
export function requireCard(repository: string, precisions: readonly HubPrecision[], card: HubDevice['webgpu']): void {
  const feature = lackingFor(precisions, card)
  if (feature) throw new ValleyError('hub-other-device', { repository, feature })
}

/** Numbers in the output matrix, the largest tensor: vocabulary × width, as in the table of `embed_tokens`. 0: not known. */
function outputWeights(published: PublishedParts, model: HubModel | null): number {
  if (model) return model.text.vocabSize * model.text.hiddenSize
  const { f32, f16, q8 } = published.embed_tokens ?? {}
  return (f32 && f32 / 4) ?? (f16 && f16 / 2) ?? q8 ?? 0
}
