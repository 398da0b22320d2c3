/** Tiny packs of the hub in the browser: fetched from the server of this machine, loaded by both workers, and their references. */
import * as Comlink from 'comlink'
import {
  type AnswerEvent,
  type AskRequest,
  type EncodeOptions,
  hubAddress,
  type LanguageApi,
  type LoadOptions,
  type PacksApi,
} from '../../workers/protocol'
import { registerTransferHandlers } from '../../workers/transfer'
import { conversationIn, type HubCase, type HubReference, type Packed } from '../fixtures/hub-reference'
import type { HubAnswer, HubOrder } from '../tools/serve-hub'
import { withThreads } from './app-worker'
import { startVision } from './vision-support'

registerTransferHandlers()
const never = new AbortController().signal

export async function hubReference(family: string): Promise<HubReference> {
  return (await (await fetch(`/tests/fixtures/hub/${family}/reference.json`)).json()) as HubReference
}

/** The bytes of a packed array, in a buffer of their own. */
export async function unpack({ deflated }: Packed): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = Uint8Array.from(atob(deflated), (character) => character.charCodeAt(0))
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'))
  return new Uint8Array(await new Response(inflated).arrayBuffer())
}

/** The reference's frames as pictures without loss. */
export async function pictures({ frames }: HubReference): Promise<Blob[]> {
  const [count = 0, height = 0, width = 0] = frames.shape
  const rgb = await unpack(frames)
  return Promise.all(
    Array.from({ length: count }, (_, frame) => {
      const image = new ImageData(width, height)
      image.data.fill(255)
      for (let at = 0; at < height * width; at++) {
        const from = 3 * (frame * height * width + at)
        image.data.set(rgb.subarray(from, from + 3), 4 * at)
      }
      const canvas = new OffscreenCanvas(width, height)
      canvas.getContext('2d')?.putImageData(image, 0, 0)
      return canvas.convertToBlob({ type: 'image/png' })
    }),
  )
}

export async function tellHub(order: HubOrder): Promise<HubAnswer> {
  const response = await fetch('/test-hub', { method: 'POST', body: JSON.stringify(order) })
  return (await response.json()) as HubAnswer
}

const startPacks = () => new Worker(new URL('../../workers/packs/packs.worker.ts', import.meta.url), { type: 'module' })
const startPacksWithCard = () => new Worker(new URL('./hub-card.worker.ts', import.meta.url), { type: 'module' })

/** Fetches a repository of the server's, as the page would have it done. @param card  in a browser that has a graphics card */
export async function download(repository: string, { card = false } = {}): Promise<void> {
  const worker = card ? startPacksWithCard() : startPacks()
  try {
    const packs = Comlink.wrap<PacksApi>(worker)
    const { origin } = await tellHub({ order: 'reset' })
    const unheard = Comlink.proxy(() => {})
    await packs.downloadFromHub(origin, { repository, revision: null }, unheard, never)
  } finally {
    worker.terminate()
  }
}

/** Both workers, joined as the engine joins them, and the loading of a repository in each. */
async function startBoth(repository: string, options: Partial<LoadOptions>) {
  const vision = startVision()
  const worker = withThreads(
    new Worker(new URL('../../workers/language/language.worker.ts', import.meta.url), { type: 'module' }),
  )
  const language = Comlink.wrap<LanguageApi>(worker)
  const { port1, port2 } = new MessageChannel()
  await vision.api.connect(Comlink.transfer(port1, [port1]))
  await language.connect(Comlink.transfer(port2, [port2]))
  const load = { packUrl: hubAddress(repository), ...options }
  const unheard = () => Comlink.proxy(() => {})
  const loads = [vision.api.load(load, unheard()), language.load(load, unheard())] as const
  const end = () => {
    vision.end()
    worker.terminate()
  }
  return { vision: vision.api, language, loads, end }
}

/** Both workers with a repository loaded. */
export async function openBoth(repository: string, options: Partial<LoadOptions> = {}) {
  const { vision, language, loads, end } = await startBoth(repository, options)
  try {
    const [seen, said] = await Promise.all(loads)
    return { vision, language, info: { vision: seen, language: said }, end }
  } catch (thrown) {
    end()
    throw thrown
  }
}

/** Why each of both workers does not load a repository; undefined of one that does. */
export async function refusalsOf(repository: string): Promise<unknown[]> {
  const { loads, end } = await startBoth(repository, {})
  const settled = await Promise.allSettled(loads)
  end()
  return settled.map((load) => (load.status === 'rejected' ? load.reason : undefined))
}
export type Both = Awaited<ReturnType<typeof openBoth>>

/** Encodes pictures as one clip, or one picture as itself. */
export async function see({ vision }: Both, source: readonly Blob[], options: EncodeOptions) {
  const [first] = source
  const clip = source.length === 1 && first ? first : source
  const events = (await vision.encode(clip, options, never)) as unknown as AsyncIterable<
    import('../../workers/protocol').EncodeEvent
  >
  for await (const event of events) if (event.type === 'encoded') return event.clip
  throw new Error('the stream ended early')
}

/** An answer's ids, its text and figures. */
export async function answer({ language }: Both, request: AskRequest, signal: AbortSignal = never) {
  const events = (await language.ask(request, signal)) as unknown as AsyncIterable<AnswerEvent>
  let text = ''
  for await (const event of events) {
    if (event.type === 'text') text += event.text
    if (event.type === 'done') return { text, ids: event.ids, stats: event.stats }
  }
  throw new Error('the stream ended early')
}

/** A case's conversation as it is asked here, with as many tokens as PyTorch has said. */
export function asked(one: HubCase, clipId: string): AskRequest {
  return { clipId, ...conversationIn(one), options: { maxNewTokens: one.tokens.length, temperature: 0 } }
}
