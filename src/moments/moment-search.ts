import { toValleyError, type ValleyError } from '../../workers/protocol'
import type { Engine } from '../assistant/engine'
import { type CurvePoint, findPeaks } from './curve'
import { similarities } from './evidence'
import { momentsIn } from './segments'
import { unrelatedCaptions } from './unrelated'

export type SearchEngine = Pick<Engine, 'encode' | 'embedTexts' | 'forget'>

type Frame = { readonly timestamp: number; readonly vector: Float32Array }

export type SearchResult = {
  /** Every frame looked at, in order of time. */
  readonly points: readonly CurvePoint[]
  /** Indices of the points that stand out, in order of time. */
  readonly peaks: readonly number[]
  readonly best: number
  /** What one in twenty unrelated captions reaches somewhere in the clip: a peak below says nothing. */
  readonly chance: number
  /** What an unrelated caption reaches at a usual frame. */
  readonly usual: number
}

export type SearchState = {
  readonly phrase: string
  /** `searching`: the words are on their way; the result before stays meanwhile. */
  readonly status: 'idle' | 'searching' | 'found' | 'failed'
  readonly result: SearchResult | null
  readonly error: ValleyError | null
  /** More frames than the model sees are looked at for the search; null until the first words. */
  readonly looking: { readonly done: number; readonly total: number } | null
}

export type SearchedClip = {
  readonly id: string
  readonly name: string
  /** Seconds. */
  readonly duration: number
}

/** Milliseconds without a key before the words are looked for. */
const quiet = 250
/** Frames a second that are worth looking at, and how many at most: 64 take some seconds and find what lasts 1/64 of a clip. */
const framesPerSecond = 2
const mostFrames = 64
/** Frames in one go: between two goes the vision worker takes other work, such as the next words. */
const chunk = 8
/** Of the unrelated captions, the rank (from the best) that chance still reaches; the same one in twenty as evidence.ts. */
const chanceRank = Math.floor(unrelatedCaptions.length / 20)

/** Finds moments of one clip by words. Closed when the clip leaves the screen. */
export class MomentSearch {
  readonly #engine: SearchEngine
  readonly #clip: SearchedClip
  readonly #listeners = new Set<() => void>()
  readonly #closing = new AbortController()
  #query: AbortController | null = null
  #frames: readonly Frame[] = []
  #file: Blob | null = null
  readonly #closer: Frame[] = []
  #lookingCloser = false
  #words: Float32Array | null = null
  /** Vectors of the unrelated captions: [captions, size]. */
  #unrelated: Float32Array | null = null
  #state: SearchState = { phrase: '', status: 'idle', result: null, error: null, looking: null }

  constructor(engine: SearchEngine, clip: SearchedClip) {
    this.#engine = engine
    this.#clip = clip
  }

  getSnapshot = (): SearchState => this.#state

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Takes the frames that were encoded so far; `file`: where more of them may be looked at by now. */
  take(frames: readonly Frame[], file: Blob | null): void {
    this.#frames = frames
    this.#file = file
    this.#rank()
    if (this.#state.phrase !== '') void this.#lookCloser()
  }

  /** Looks for words, after a pause in which others may take their place; nothing: takes the result away. */
  search(phrase: string): void {
    this.#query?.abort()
    this.#query = null
    const words = phrase.trim()
    if (words === '') {
      this.#words = null
      this.#update({ phrase, status: 'idle', result: null, error: null })
      return
    }
    const query = new AbortController()
    this.#query = query
    this.#update({ phrase, status: 'searching', error: null })
    void this.#find(words, query)
  }

  /** Stops all that goes on. */
  close(): void {
    this.#query?.abort()
    this.#closing.abort()
  }

  async #find(words: string, query: AbortController): Promise<void> {
    const { signal } = query
    try {
      await new Promise((resolve) => setTimeout(resolve, quiet))
      if (signal.aborted) return
      const texts = this.#unrelated ? [words] : [words, ...unrelatedCaptions]
      const vectors = await this.#engine.embedTexts(texts, signal)
      if (signal.aborted) return
      const size = vectors.length / texts.length
      this.#words = vectors.slice(0, size)
      this.#unrelated ??= vectors.slice(size)
      this.#update({ status: 'found' })
      this.#rank()
      void this.#lookCloser()
    } catch (thrown) {
      if (!signal.aborted) this.#update({ status: 'failed', error: toValleyError(thrown), result: null })
    } finally {
      // Closes the call's signal port; harmless where the call is over.
      query.abort()
    }
  }

  #rank(): void {
    const frames = inOrder([...this.#frames, ...this.#closer])
    if (!this.#words || !this.#unrelated || frames.length === 0) return
    const vectors = frames.map(({ vector }) => vector)
    const [own = []] = similarities(this.#words, vectors)
    const others = similarities(this.#unrelated, vectors)
    const points = frames.map(({ timestamp }, index) => ({ timestamp, similarity: own[index] as number }))
    const reached = others.map((row) => Math.max(...row)).sort((a, b) => b - a)
    const usual = others.flat().sort((a, b) => a - b)
    this.#update({
      result: {
        points,
        peaks: findPeaks(points, this.#clip.duration),
        best: own.indexOf(Math.max(...own)),
        chance: reached[chanceRank] as number,
        usual: usual[Math.floor(usual.length / 2)] as number,
      },
    })
  }

  /** Looks at more frames than the model does, once, a few at a time; what they give stays for later words. */
  async #lookCloser(): Promise<void> {
    const file = this.#file
    const { id, name, duration } = this.#clip
    const total = Math.min(mostFrames, Math.ceil(duration * framesPerSecond))
    if (!file || this.#lookingCloser || total <= this.#frames.length) return
    this.#lookingCloser = true
    const moments = momentsIn({ start: 0, end: duration }, total)
    const clipId = `${id}/search`
    try {
      for (let at = 0; at < total; at += chunk) {
        const options = { clipId, name, moments: moments.slice(at, at + chunk) }
        for await (const event of this.#engine.encode(file, options, this.#closing.signal)) {
          if (event.type !== 'frame') continue
          this.#closer.push(event)
          this.#update({ looking: { done: this.#closer.length, total } })
        }
        this.#engine.forget(clipId)
        this.#rank()
      }
      // Fewer frames than planned may exist; the end is the end.
      this.#update({ looking: { done: total, total } })
    } catch (thrown) {
      // The frames that there are can still be searched.
      if (!this.#closing.signal.aborted) console.warn('no closer look', thrown)
      this.#update({ looking: null })
    } finally {
      this.#engine.forget(clipId)
    }
  }

  #update(change: Partial<SearchState>): void {
    this.#state = { ...this.#state, ...change }
    for (const listener of this.#listeners) listener()
  }
}

/** Frames in order of time, each moment once. */
function inOrder(frames: readonly Frame[]): Frame[] {
  const sorted = [...frames].sort((a, b) => a.timestamp - b.timestamp)
  return sorted.filter(({ timestamp }, index) => timestamp !== sorted[index - 1]?.timestamp)
}
