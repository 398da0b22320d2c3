/**
 * Clips as they were encoded before, kept between visits: a known file gives its events and tokens at once, without
 * decoding or encoding. What is kept depends on the pack, the content, the plan and the backend, and is named by all of
 * them, so what another version of the pack made is never found.
 */
import { jsonHash } from '../cache/hash'
import { type RecordStore, recordStore } from '../cache/records'
import type { HubPooling } from '../packs/hub/tokens'
import {
  type Backend,
  type EncodedClip,
  type EncodeEvent,
  type EncodeOptions,
  type FrameRoute,
  keptFolders,
  type PackIdentity,
} from '../protocol'
import type { EncodedTokens } from './encoder'

/** Part of every name: raised whenever encoding gives other numbers or the record another shape. */
const version = 3
/** Bytes of all clips together; one of eight frames takes about 100 kB. */
const budget = 64e6

export type ClipKey = {
  readonly packHash: string
  readonly contentHash: string
  /** Upper bound of sampled frames; how the plan comes from it is the pack's. */
  readonly frames: number
  /** The moments asked for in place of a plan. */
  readonly moments: readonly number[] | undefined
  /** Of a pack that has several ways. */
  readonly pooling: HubPooling | undefined
  readonly backend: Backend
  /** Where it was forced. */
  readonly route: FrameRoute | undefined
}

export type KeptClip = {
  readonly planned: readonly number[]
  readonly clip: Omit<EncodedClip, 'clipId' | 'timings' | 'fromCache'>
  readonly tokens: EncodedTokens
  readonly quotes: readonly string[]
  /** When each frame is seen, in seconds from the clip's start. */
  readonly times: readonly number[]
  /** One a frame, as those of the `frame` events. */
  readonly vectors: readonly Float32Array<ArrayBuffer>[]
  readonly thumbnails: readonly Blob[]
}

type Meta = Pick<KeptClip, 'planned' | 'clip' | 'quotes' | 'times'> & { readonly thumbnailType: string }

export class KeptClips {
  readonly #store: RecordStore
  /** The writes under way, one after another; a clip opened again at once waits for them. */
  #writing: Promise<unknown> = Promise.resolve()

  constructor(store: RecordStore = recordStore(keptFolders.clips, budget)) {
    this.#store = store
  }

  async find(key: ClipKey): Promise<KeptClip | null> {
    await this.#writing
    const record = await this.#store.read(await nameOf(key))
    if (!record) return null
    const { thumbnailType, ...meta } = record.meta as Meta
    const frames = meta.clip.timestamps.length
    const [patchTokens, frameTokens, ...rest] = record.parts
    if (!patchTokens || !frameTokens) return null
    const thumbnails = rest.slice(frames).map((bytes) => new Blob([bytes], { type: thumbnailType }))
    const tokens = { patchTokens: floats(patchTokens), frameTokens: floats(frameTokens) }
    return { ...meta, tokens, vectors: rest.slice(0, frames).map(floats), thumbnails }
  }

  /** Keeps a clip, in the background. The arrays must not change until then. */
  keep(key: ClipKey, { planned, clip, tokens, quotes, times, vectors, thumbnails }: KeptClip): void {
    const before = this.#writing
    this.#writing = (async () => {
      await before
      const meta: Meta = { planned, clip, quotes, times, thumbnailType: thumbnails[0]?.type ?? '' }
      const pictures = await Promise.all(thumbnails.map(async (blob) => new Uint8Array(await blob.arrayBuffer())))
      const parts = [...[tokens.patchTokens, tokens.frameTokens, ...vectors].map(bytes), ...pictures]
      await this.#store.write(await nameOf(key), { meta, parts })
    })().catch((thrown: unknown) => console.warn('the clip is not kept', thrown))
  }
}

/** What a clip shows on its way, gathered to be kept when it is done. */
export class ClipRecording {
  #planned: readonly number[] = []
  readonly #vectors: Float32Array<ArrayBuffer>[] = []
  readonly #thumbnails: Blob[] = []
  #finished: Pick<KeptClip, 'tokens' | 'quotes' | 'times'> | undefined

  /** The finished tokens, copied: the originals are transferred. */
  finish({ patchTokens, frameTokens }: EncodedTokens, quotes: readonly string[], times: readonly number[]): void {
    this.#finished = { tokens: { patchTokens: patchTokens.slice(), frameTokens: frameTokens.slice() }, quotes, times }
  }

  /** @returns the clip, once its last event is there */
  add(event: EncodeEvent): KeptClip | undefined {
    if (event.type === 'planned') this.#planned = event.timestamps
    if (event.type === 'frame') {
      this.#vectors.push(event.vector)
      this.#thumbnails.push(event.thumbnail)
    }
    if (event.type !== 'encoded' || !this.#finished) return undefined
    const { clipId: _, timings: _t, fromCache: _f, ...clip } = event.clip
    return { planned: this.#planned, clip, vectors: this.#vectors, thumbnails: this.#thumbnails, ...this.#finished }
  }
}

/**
 * The events that the clip had when it was encoded, at once.
 * @param pack  that encoded it
 * @param started  when the clip was asked for (performance.now)
 */
export function* replay(
  { planned, clip, vectors, thumbnails }: KeptClip,
  { clipId }: EncodeOptions,
  pack: PackIdentity,
  started: number,
): Generator<EncodeEvent, void, undefined> {
  yield { type: 'opened', media: clip.media, pack, fromCache: true }
  yield { type: 'planned', timestamps: planned }
  for (const [index, timestamp] of clip.timestamps.entries()) {
    const [thumbnail, vector] = [thumbnails[index], vectors[index]]
    if (thumbnail && vector) yield { type: 'frame', index, timestamp, thumbnail, vector }
  }
  const timings = { open: 0, decode: 0, encode: 0, total: performance.now() - started }
  yield { type: 'encoded', clip: { ...clip, clipId, timings, fromCache: true } }
}

const nameOf = ({ packHash, contentHash, frames, moments, pooling, backend, route }: ClipKey) =>
  jsonHash([version, packHash, contentHash, moments ?? frames, pooling ?? null, backend, route ?? null])

const bytes = (values: Float32Array<ArrayBuffer>) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
const floats = (bytes: Uint8Array<ArrayBuffer>) => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
