import {
  type AnswerEvent,
  type AnswerStats,
  type EncodedClip,
  type ErrorCode,
  type MediaInfo,
  toValleyError,
} from '../../workers/protocol'

/** Figures of one look at a clip; no name of it, nothing of what is in it. Times in milliseconds. */
export type ClipFigures = Pick<EncodedClip, 'backend' | 'route' | 'fromCache'> &
  EncodedClip['timings'] &
  MediaInfo & {
    /** Clips are numbered as they come, from 1; the same clip keeps its number. */
    readonly clip: number
    readonly frames: number
    /** Visual tokens that it became. */
    readonly tokens: number
  }

/** Figures of one answer; nothing of its words, nor of those that it quoted. */
export type AnswerFigures = {
  /** Answers are numbered as they end, from 1. */
  readonly answer: number
  /** Number of the clip that it is about; null: of none. */
  readonly clip: number | null
  /** `end`: the model ended it; `length`: it was cut at its longest; `aborted`: somebody stopped it; else what failed. */
  readonly ended: 'end' | 'length' | ErrorCode
  /** null where it did not come to its end. */
  readonly stats: Omit<AnswerStats, 'quotes' | 'order'> | null
  /** Milliseconds since the page began: its first sign of life and its end. */
  readonly from: number
  readonly to: number
}

/** So many of either are kept, the newest. */
const keptFigures = 50

/** The figures that the workers' events carry, kept as they pass by. Nothing is measured for it that was not measured before. */
export class FigureLog {
  readonly #numbers = new Map<string, number>()
  readonly #listeners = new Set<() => void>()
  #clips: readonly ClipFigures[] = []
  #answers: readonly AnswerFigures[] = []
  #ended = 0

  /** Oldest first. */
  get clips(): readonly ClipFigures[] {
    return this.#clips
  }

  get answers(): readonly AnswerFigures[] {
    return this.#answers
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  addClip({ clipId, media, timestamps, patchTokens, frameTokens, backend, route, fromCache, timings }: EncodedClip) {
    const figures = {
      ...media,
      ...timings,
      clip: this.#number(clipId),
      frames: timestamps.length,
      tokens: patchTokens + frameTokens,
      backend,
      route,
      fromCache,
    }
    this.#clips = [...this.#clips, figures].slice(-keptFigures)
    this.#changed()
  }

  /** Passes an answer's events on and notes its figures when they end, however that is. */
  async *watchAnswer(
    clipId: string | null,
    events: AsyncIterable<AnswerEvent>,
  ): AsyncGenerator<AnswerEvent, void, undefined> {
    let from: number | undefined
    let to: number | undefined
    let outcome: Pick<AnswerFigures, 'ended' | 'stats'> = { ended: 'aborted', stats: null }
    try {
      for await (const event of events) {
        from ??= performance.now()
        if (event.type === 'done') {
          const { quotes: _, order: __, ...stats } = event.stats
          to = performance.now()
          outcome = { ended: event.reason, stats }
        }
        yield event
      }
    } catch (thrown) {
      // Whoever has the whole answer may give up the call.
      if (!outcome.stats) outcome = { ended: toValleyError(thrown).code, stats: null }
      throw thrown
    } finally {
      to ??= performance.now()
      this.#ended += 1
      const clip = clipId === null ? null : this.#number(clipId)
      const figures = { answer: this.#ended, clip, ...outcome, from: from ?? to, to }
      this.#answers = [...this.#answers, figures].slice(-keptFigures)
      this.#changed()
    }
  }

  #number(clipId: string): number {
    const number = this.#numbers.get(clipId) ?? this.#numbers.size + 1
    this.#numbers.set(clipId, number)
    return number
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}
