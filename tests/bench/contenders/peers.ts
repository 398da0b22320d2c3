/** The peers: pages of their own (../pages), each with the library's way to do what the app does. */
import type { Page } from 'playwright-core'
import type { GgufFormat } from '../assets/gguf'
import type { PeerName } from '../measures'
import type { ClipPeer } from '../pages/peer'
import { type Conversation, longAnswerTokens, longQuestion } from '../questions'
import { type Stage, visit, whileChoosing } from '../visit'
import type { Speeds } from './ours'

declare const peer: ClipPeer

/** Address of a peer's page, its settings in the query. */
function address({ url }: Stage, page: 'transformers' | 'wllama', settings: Readonly<Record<string, string | number>>) {
  const at = new URL(`bench/pages/${page}.html`, url)
  for (const [name, value] of Object.entries(settings)) at.searchParams.set(name, String(value))
  return at.href
}

function transformersPage(stage: Stage): string {
  const at = (path: string) => new URL(path, stage.url).href
  return address(stage, 'transformers', {
    pack: at(stage.model.packPath),
    data: at('bench/data/'),
    weights: stage.weights,
    threads: stage.threads,
  })
}

function wllamaPage(stage: Stage, format: GgufFormat): string {
  const { threads, device, model } = stage
  return address(stage, 'wllama', {
    model: new URL(stage.gguf[format], stage.url).href,
    system: model.pack.prompt.system,
    threads,
    device,
  })
}

function open<T>(stage: Stage, name: PeerName, work: (page: Page) => Promise<T>): Promise<T> {
  const at =
    name === 'transformers.js' ? transformersPage(stage) : wllamaPage(stage, name === 'wllama Q4_1' ? 'Q4_1' : 'Q8_0')
  return visit(stage.context, at, async (page) => {
    await page.waitForFunction(() => typeof peer !== 'undefined')
    await page.evaluate(() => peer.load())
    return work(page)
  })
}

/** Loads once, so that the files are in whatever cache the library keeps. */
export function visitPeerOnce(stage: Stage, name: PeerName): Promise<void> {
  return open(stage, name, async () => {})
}

/** Milliseconds from the page's start until a question could be answered. */
export function peerStart(stage: Stage, name: PeerName): Promise<number> {
  return open(stage, name, (page) => page.evaluate(() => performance.now()))
}

/** Milliseconds from each of the clips to its visual tokens, with `frames` frames. */
export function transformersTokens(stage: Stage, clips: readonly string[], frames: number): Promise<number[]> {
  return open(stage, 'transformers.js', async (page) => {
    const times: number[] = []
    for (const clip of clips) {
      await page.setInputFiles('input[type=file]', clip)
      times.push(await page.evaluate((count) => peer.clipTokens(count), frames))
    }
    return times
  })
}

/** The question after each of `lengths` turns of the conversation: milliseconds to its first token, from the file each time. */
export function transformersTalk(
  stage: Stage,
  clip: string,
  conversation: Conversation,
  lengths: readonly number[],
): Promise<number[]> {
  return open(stage, 'transformers.js', async (page) => {
    await whileChoosing(page)
    await page.setInputFiles('input[type=file]', clip)
    const times: number[] = []
    for (const length of lengths) {
      const turns = conversation.slice(0, length)
      const question = conversation[length]?.question ?? ''
      const asked = { turns, question, maxNewTokens: 1, frames: stage.model.pack.sampling.defaultFrames }
      const { wallMs } = await page.evaluate((request) => peer.askAboutClip(request), asked)
      times.push(wallMs)
    }
    return times
  })
}

/** A conversation of text alone: the app's long question. */
export function peerChat(stage: Stage, name: PeerName): Promise<Speeds> {
  return open(stage, name, async (page) => {
    const asked = { turns: [], question: longQuestion, maxNewTokens: longAnswerTokens }
    const answer = await page.evaluate((request) => peer.chat(request), asked)
    return {
      prefill: (1000 * answer.promptTokens) / answer.prefillMs,
      decode: (1000 * (answer.newTokens - 1)) / answer.decodeMs,
      text: answer.text,
    }
  })
}
