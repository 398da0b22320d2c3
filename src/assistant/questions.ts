import {
  type AnswerEvent,
  type AskRequest,
  type ForcedToken,
  type LanguageApi,
  type LanguageInfo,
  type PromptOptions,
  ValleyError,
} from '../../workers/protocol'
import type { Component } from './component'
import type { OpenClips } from './open-clips'
import { SerialQueue } from './serial-queue'
import type { WorkerClient } from './worker-client'

/** How long a question waits for tokens that were sent on the other port, before they count as lost. */
const tokenGraceMs = 300

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

export const isCode = (thrown: unknown, ...codes: string[]) =>
  thrown instanceof ValleyError && codes.includes(thrown.code)

/** All that is asked of the language worker: one caller at a time, about clips whose tokens it holds by then. */
export class Questions {
  readonly #language: Component<LanguageApi, LanguageInfo>
  readonly #clips: OpenClips
  readonly #turns = new SerialQueue()

  constructor(language: Component<LanguageApi, LanguageInfo>, clips: OpenClips) {
    this.#language = language
    this.#clips = clips
  }

  /** Does something while nothing is being answered, after what was asked before. */
  between(work: () => Promise<void>): Promise<void> {
    return this.#turns.run(new AbortController().signal, work)
  }

  /** Prefills what every question about the clip begins with. Failures are left to the question to report. */
  async prepare(clipId: string, options: PromptOptions, signal: AbortSignal): Promise<void> {
    await this.#turns
      .run(signal, async () => {
        const client = await this.#language.whenReady(signal)
        const prefill = () => client.callUntil((remote, s) => remote.prepare(clipId, options, s), signal)
        await prefill().catch(async (thrown: unknown) => {
          if (!isCode(thrown, 'clip-unknown')) throw thrown
          await pause(tokenGraceMs)
          await prefill()
        })
      })
      .catch((thrown: unknown) => {
        if (!isCode(thrown, 'aborted', 'worker-died', 'device-lost', 'engine-elsewhere'))
          console.warn('prepare failed', thrown)
      })
  }

  /**
   * Streams an answer, after those asked before it. Waits for the pack to be loaded and for the clip's tokens.
   * @throws ValleyError as LanguageApi.ask, and `worker-died`; the engine is then starting anew already
   */
  async *ask(request: AskRequest, signal: AbortSignal): AsyncGenerator<AnswerEvent, void, undefined> {
    const release = await this.#turns.enter(signal)
    try {
      let started = false
      for (let attempt = 0; ; attempt++) {
        const client = await this.#language.whenReady(signal)
        if (request.clipId !== null) await this.#clips.ensure(request.clipId, signal)
        try {
          for await (const event of client.stream((remote, s) => remote.ask(request, s), signal)) {
            started = true
            yield event
          }
          return
        } catch (thrown) {
          if (isCode(thrown, 'device-lost')) this.#language.reload()
          const clip = request.clipId === null ? undefined : this.#clips.get(request.clipId)
          if (started || !clip || attempt === 2 || !isCode(thrown, 'clip-unknown')) throw thrown
          // The tokens travel on another port than the question and may arrive a moment later; if not, they are gone.
          if (attempt === 0) await pause(tokenGraceMs)
          else clip.held = false
        }
      }
    } finally {
      release()
    }
  }

  /** Mean log p (nats per token) of each text as the answer about the clip. @throws as LanguageApi.score */
  score(
    clipId: string | null,
    question: string,
    texts: readonly string[],
    options: PromptOptions,
    signal: AbortSignal,
  ): Promise<readonly number[]> {
    return this.#withClip(clipId, signal, (client) =>
      client.callUntil((remote, s) => remote.score(clipId, question, texts, options, s), signal),
    )
  }

  /** How likely each token of an answer is, given those before it. @throws as LanguageApi.force */
  force(
    clipId: string | null,
    question: string,
    ids: readonly number[],
    options: PromptOptions,
    signal: AbortSignal,
  ): Promise<readonly ForcedToken[]> {
    return this.#withClip(clipId, signal, (client) =>
      client.callUntil((remote, s) => remote.force(clipId, question, ids, options, s), signal),
    )
  }

  /** Runs a call once it is its turn, the pack is loaded and the worker holds the clip's tokens. */
  #withClip<T>(
    clipId: string | null,
    signal: AbortSignal,
    run: (client: WorkerClient<LanguageApi>) => Promise<T>,
  ): Promise<T> {
    return this.#turns.run(signal, async () => {
      const client = await this.#language.whenReady(signal)
      if (clipId !== null) await this.#clips.ensure(clipId, signal)
      return run(client)
    })
  }
}
