/** The vision worker as the page sees it, and files to give it. */
import * as Comlink from 'comlink'
import { vi } from 'vitest'
import {
  type EncodedClip,
  type EncodeEvent,
  type LedgerSnapshot,
  type TokenMessage,
  ValleyError,
  type VisionApi,
  type VisualTokens,
} from '../../workers/protocol'
import { registerTransferHandlers } from '../../workers/transfer'
import { withThreads } from './app-worker'

registerTransferHandlers()

export type VisionWorker = { readonly api: Comlink.Remote<VisionApi>; readonly worker: Worker; end(): void }

export function startVision(): VisionWorker {
  const worker = withThreads(
    new Worker(new URL('../../workers/vision/vision.worker.ts', import.meta.url), { type: 'module' }),
  )
  return { api: Comlink.wrap<VisionApi>(worker), worker, end: () => worker.terminate() }
}

/** Names in a shared data folder; [] where the data is not there. */
export async function sharedFiles(folder: 'videos' | 'videos-odd'): Promise<string[]> {
  const response = await fetch(`/test-data/${folder}/`)
  return response.ok ? ((await response.json()) as string[]) : []
}

export async function fetchFile(url: string): Promise<File> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url}: ${response.status}`)
  return new File([await response.arrayBuffer()], url.split('/').at(-1) ?? url)
}

export type Encoded = {
  readonly clip: EncodedClip
  readonly tokens: VisualTokens
  readonly frames: readonly Extract<EncodeEvent, { type: 'frame' }>[]
  readonly planned: readonly number[]
}

/** Encodes a file, or `pictures` under its name, and collects everything that comes out, tokens included. */
export async function encodeFile(
  { api }: VisionWorker,
  file: File,
  options: { frames?: number; route?: EncodedClip['route']; signal?: AbortSignal; pictures?: readonly Blob[] } = {},
): Promise<Encoded> {
  const { port1, port2 } = new MessageChannel()
  const tokens = new Promise<VisualTokens>((resolve) => {
    port1.onmessage = ({ data }: MessageEvent<TokenMessage>) => {
      if (data.type === 'tokens') resolve(data.tokens)
    }
  })
  await api.connect(Comlink.transfer(port2, [port2]))
  const { signal = new AbortController().signal, pictures, ...rest } = options
  const frames: Extract<EncodeEvent, { type: 'frame' }>[] = []
  let planned: readonly number[] = []
  // comlink's type of a remote iterable is a promise of it; the stream handler gives the iterable itself.
  const events = (await api.encode(
    pictures ?? file,
    { clipId: file.name, name: file.name, ...rest },
    signal,
  )) as unknown
  for await (const event of events as AsyncIterable<EncodeEvent>) {
    if (event.type === 'planned') planned = event.timestamps
    if (event.type === 'frame') frames.push(event)
    if (event.type === 'encoded') return { clip: event.clip, tokens: await tokens, frames, planned }
  }
  throw new Error('the stream ended without a clip')
}

/** What the worker holds while it does nothing: the frames that warm its encoder after a load may not be over. */
export async function restingLedger({ api }: Pick<VisionWorker, 'api'>): Promise<LedgerSnapshot> {
  return vi.waitFor(
    async () => {
      const held = await api.ledger()
      if (held.tensor || held['video-frame']) throw new Error('the encoder is being warmed')
      return held
    },
    { timeout: 30_000 },
  )
}

/** The code of the error that some work ends with. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  return thrown instanceof ValleyError ? thrown.code : String(thrown)
}

/** Names of the colours near the four corners of a picture: top left, top right, bottom left, bottom right. */
export async function cornerColors(picture: Blob): Promise<string[]> {
  const bitmap = await createImageBitmap(picture)
  const { width, height } = bitmap
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })
  if (!context) throw new Error('no 2D context')
  context.drawImage(bitmap, 0, 0)
  bitmap.close()
  const places = [0.08, 0.92].flatMap((down) => [0.06, 0.94].map((across) => [across, down] as const))
  return places.map(([across, down]) => {
    const [red = 0, green = 0, blue = 0] = context.getImageData(across * width, down * height, 1, 1).data
    if (Math.min(red, green, blue) > 200) return 'white'
    if (red > 150 && green > 140) return 'yellow'
    if (red > Math.max(green, blue)) return 'red'
    return green > blue ? 'green' : 'blue'
  })
}
