/** The built app in Chromium with one pack loaded, driven through `window.valley`: the workers of the product, no screens. */
import { resolve } from 'node:path'
import type { Page } from 'playwright-core'
import type { EncodedClip, GenerationOptions, LanguageInfo, VisionInfo } from '../../../workers/protocol'
import { openBrowser, openPage, serveApp } from '../app'
import { drivePlaywright, waitForEngine } from '../drive'
import type { Source } from './data/items'
import type { Media } from './data/media'
import { servePack } from './serve-pack'

export type AppOptions = {
  /** Folder with pack.json. */
  readonly pack: string
  readonly vision: string
  readonly language: string
  /** Forces a decoder graph: int8, f32… */
  readonly flavour?: string
}

export type Encoded = {
  readonly clip: EncodedClip
  /** One a frame: its CLIP vector, or the tower's global vector where the pack has no CLIP. */
  readonly vectors: readonly (readonly number[])[]
}

export type Answer = {
  readonly text: string
  /** Tokens of the answer, without the one that ends it. */
  readonly ids: readonly number[]
  readonly quotes: readonly string[]
  readonly promptTokens: number
  readonly newTokens: number
}

export type Forced = { readonly top: number; readonly logP: number }

type Stats = { promptTokens: number; newTokens: number; quotes?: readonly string[] }
type Surface = {
  encode(
    source: Blob | readonly Blob[],
    options: { clipId: string; name: string; frames?: number },
    onEvent: (event: { type: string; vector?: Float32Array }) => void,
  ): Promise<EncodedClip>
  ask(request: unknown): Promise<{ text: string; ids?: readonly number[]; stats: Stats }>
  score(clipId: string | null, question: string, texts: readonly string[], options: unknown): Promise<readonly number[]>
  force(clipId: string | null, question: string, ids: readonly number[], options: unknown): Promise<readonly Forced[]>
  embedTexts(texts: readonly string[]): Promise<Float32Array>
  forget(clipId: string): void
  describeError(thrown: unknown): { code?: string; message: string }
}
declare const valley: Surface

/** A file as the page can take it, and which squares of it are frames: null for the file itself. */
type Parcel = {
  files: { base64: string; type: string; name: string }[]
  frames: { file: number; at: number | null }[] | 'strip' | null
}

// A fixed port is a fixed origin: derived weights that the profile keeps are found again by the next run.
const port = 41_731

export class AppUnderTest {
  private constructor(
    readonly page: Page,
    readonly errors: readonly string[],
    readonly loaded: { readonly vision: VisionInfo; readonly language: LanguageInfo },
    readonly close: () => Promise<void>,
  ) {}

  /** @throws Error with the code of whatever the pack could not be loaded for */
  static async open({ pack, vision, language, flavour }: AppOptions): Promise<AppUnderTest> {
    const served = servePack(resolve(pack))
    const app = await serveApp(port, [served.plugin])
    // Another run may hold the profile.
    const browser = await openBrowser({ profile: resolve('.cache/evaluate-profile') }).catch(() => openBrowser())
    const close = async () => {
      await browser.close()
      await app.close()
    }
    try {
      // What earlier runs made of the clips would hide a change of the workers.
      const fixed = { pack: served.path, vision, language, cache: 'off' }
      const query = new URLSearchParams({ ...fixed, ...(flavour ? { flavour } : {}) })
      const { page, errors } = await openPage(browser.context, app.url, `?${query}`)
      const loaded = await waitForEngine(drivePlaywright(page))
      if ('error' in loaded) throw new Error(`the pack did not load: ${JSON.stringify(loaded.error)}`)
      return new AppUnderTest(page, errors, loaded, close)
    } catch (thrown) {
      await close()
      throw thrown
    }
  }

  /**
   * Encodes a clip; its tokens stay until `forget`.
   * @param frames  upper bound; the pack's default where absent
   * @throws Error whose message begins with the app's error code
   */
  async encode(clipId: string, source: Source, frames?: number): Promise<Encoded> {
    const outcome = await this.page.evaluate(encodeInPage, { clipId, frames, parcel: pack(source) })
    if ('error' in outcome) throw new Error(outcome.error)
    return outcome
  }

  /** A first question about a clip. */
  async ask(clipId: string, question: string, options: GenerationOptions): Promise<Answer> {
    const {
      text,
      ids = [],
      stats,
    } = await this.page.evaluate((request) => valley.ask(request), {
      clipId,
      turns: [],
      question,
      options,
    })
    const { promptTokens, newTokens, quotes = [] } = stats
    return { text: text.trim(), ids, quotes, promptTokens, newTokens }
  }

  /** Mean log p a token of each text as the answer. */
  score(clipId: string, question: string, texts: readonly string[], quotes: boolean): Promise<readonly number[]> {
    return this.page.evaluate(([id, asked, given, options]) => valley.score(id, asked, given, options), [
      clipId,
      question,
      texts,
      { quotes },
    ] as const)
  }

  /** Teacher-forced: the likeliest token and the given one's log p at each position of `ids`. */
  force(clipId: string, question: string, ids: readonly number[], quotes: boolean): Promise<readonly Forced[]> {
    return this.page.evaluate(([id, asked, given, options]) => valley.force(id, asked, given, options), [
      clipId,
      question,
      ids,
      { quotes },
    ] as const)
  }

  /** CLIP vectors of texts. @throws Error where the pack has no text tower */
  async embedTexts(texts: readonly string[]): Promise<number[][]> {
    const flat = await this.page.evaluate(async (given) => Array.from(await valley.embedTexts(given)), [...texts])
    const size = flat.length / texts.length
    return texts.map((_, at) => flat.slice(at * size, (at + 1) * size))
  }

  async forget(clipId: string): Promise<void> {
    await this.page.evaluate((id) => valley.forget(id), clipId)
  }
}

function pack(source: Source): Parcel {
  const media = source.kind === 'frames' ? [...new Set(source.frames.map(({ file }) => file))] : [source.file]
  const files = media.map((file: Media) => ({
    base64: file.read().toString('base64'),
    type: file.type,
    name: file.name,
  }))
  if (source.kind === 'file') return { files, frames: null }
  if (source.kind === 'strip') return { files, frames: 'strip' }
  return { files, frames: source.frames.map(({ file, at }) => ({ file: media.indexOf(file), at })) }
}

/** Runs in the page, so it may use nothing from this file. No named function inside: tsx would wrap it in a helper of its own. */
async function encodeInPage({
  clipId,
  frames,
  parcel,
}: {
  clipId: string
  frames: number | undefined
  parcel: Parcel
}) {
  try {
    const files = parcel.files.map(
      ({ base64, type, name }) =>
        new File([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))], name, { type }),
    )
    const [first] = files
    if (!first) throw new Error('nothing to encode')
    let source: Blob | Blob[] = first
    if (parcel.frames !== null) {
      const bitmaps = await Promise.all(files.map((file) => createImageBitmap(file)))
      const squares = bitmaps.map(({ width, height }) => Math.round(width / height))
      const cuts =
        parcel.frames === 'strip'
          ? Array.from({ length: squares[0] ?? 0 }, (_, at) => ({ file: 0, at }))
          : parcel.frames
      source = await Promise.all(
        cuts.map(({ file, at }) => {
          const bitmap = bitmaps[file]
          if (!bitmap || (at !== null && at >= (squares[file] ?? 0))) throw new Error(`no frame ${at} in ${first.name}`)
          const width = at === null ? bitmap.width : bitmap.height
          const canvas = new OffscreenCanvas(width, bitmap.height)
          canvas.getContext('2d')?.drawImage(bitmap, -(at ?? 0) * width, 0)
          return canvas.convertToBlob({ type: 'image/png' })
        }),
      )
      for (const bitmap of bitmaps) bitmap.close()
    }
    const vectors: number[][] = []
    const options = { clipId, name: first.name, ...(frames === undefined ? {} : { frames }) }
    const clip = await valley.encode(source, options, (event) => {
      if (event.type === 'frame' && event.vector) vectors.push(Array.from(event.vector))
    })
    return { clip, vectors }
  } catch (thrown) {
    const { code, message } = valley.describeError(thrown)
    return { error: code && code !== message ? `${code}: ${message}` : message }
  }
}
