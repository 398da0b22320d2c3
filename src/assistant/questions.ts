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
import { deferred } from './deferred'
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
  /** Ends with what the worker is at work on; null: with nothing. */
  #atWork: Promise<void> | null = null

  constructor(language: Component<LanguageApi, LanguageInfo>, clips: OpenClips) {
    this.#language = language
    this.#clips = clips
  }

  /**
   * Does something while the worker answers nothing. What has its turn but waits for the worker or for tokens goes on waiting:
   * of a pack that cannot be loaded, or is paused, it would wait for ever.
   */
  async between(work: () => void): Promise<void> {
    while (this.#atWork) await this.#atWork
    work()
  }

  /** Prefills what every question about the clip begins with. Failures are left to the question to report. */
  async prepare(clipId: string, options: PromptOptions, signal: AbortSignal): Promise<void> {
    await this.#turns
      .run(signal, async () => {
        const client = await this.#language.whenReady(signal)
        const prefill = () =>
          this.#work(() => client.callUntil((remote, s) => remote.prepare(clipId, options, s), signal))
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
        const client = await this.#readyFor(request.clipId, signal)
        const done = this.#beginWork()
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
        } finally {
          done()
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
      const client = await this.#readyFor(clipId, signal)
      return this.#work(() => run(client))
    })
  }

  /** The worker, once it is loaded and holds the clip's tokens. */
  async #readyFor(clipId: string | null, signal: AbortSignal): Promise<WorkerClient<LanguageApi>> {
    for (;;) {
      const client = await this.#language.whenReady(signal)
      if (clipId !== null) await this.#clips.ensure(clipId, signal)
      // While the tokens were waited for another worker may have come, with another pack.
      if (client === this.#language.client) return client
    }
  }

  async #work<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#beginWork()
    try {
      return await run()
    } finally {
      done()
    }
  }

  /** The worker is at work until the returned function is called. */
  #beginWork(): () => void {
    const { promise, resolve } = deferred<void>()
    this.#atWork = promise
    return () => {
      this.#atWork = null
      resolve()
    }
  }
}
