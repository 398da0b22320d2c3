/** What every task needs: the app with the pack, the predictions so far, a way to walk through items. */
import type { PackManifest } from '../../../workers/packs/schema'
import type { ErrorCode } from '../../../workers/protocol'
import type { AppUnderTest, Encoded } from './app-under-test'
import type { Source } from './data/items'
import type { Predictions } from './predictions'
import { Progress } from './progress'

export type Settings = {
  /** Of the first N items only. */
  readonly limit: number | undefined
  readonly beams: number | undefined
  readonly repetitionPenalty: number | undefined
  /** Upper bound of a clip's frames; the pack's default where absent. */
  readonly frames: number | undefined
  /** false: the prompt quotes no captions of similar scenes. */
  readonly quotes: boolean
}

export type Run = {
  readonly manifest: PackManifest
  readonly settings: Settings
  /** Opens the app at the first call: a finished run needs none. */
  app(): Promise<AppUnderTest>
  /** Predictions of this run; `parts` are what they depend on beside pack, data and settings. `kind` names the file. */
  predictions<Row extends { readonly id: string }>(kind?: string, parts?: object): Predictions<Row>
}

export type Values = Readonly<Record<string, number>>

/** How the pack's describing question is answered in this run. */
export function generationOptions({ settings, manifest }: Run) {
  const {
    beams = manifest.generation.beams,
    repetitionPenalty = manifest.generation.repetitionPenalty,
    quotes,
  } = settings
  return { temperature: 0, beams, repetitionPenalty, quotes }
}

type Todo = { readonly id: string; readonly source: Source; readonly frames?: number }

/** Errors of the app that say something of the file. Any other ends the run: the next one goes on from there. */
const refusals: readonly ErrorCode[] = [
  'not-a-video',
  'empty-file',
  'no-video-track',
  'codec-unsupported',
  'clip-damaged',
  'file-unreadable',
]

/**
 * Encodes items one after the other and hands each to `use`; while one is used, the next is encoded. An item that the app
 * refuses is handed on with its error.
 */
export async function walk<Item extends Todo>(
  run: Run,
  what: string,
  items: readonly Item[],
  use: (app: AppUnderTest, item: Item, encoded: Encoded | { readonly error: string }) => Promise<void>,
): Promise<void> {
  const first = items[0]
  if (!first) return
  const app = await run.app()
  const progress = new Progress(items.length, what)
  const encode = (item: Item) =>
    app.encode(item.id, item.source, item.frames ?? run.settings.frames).catch((thrown: unknown) => {
      const error = thrown instanceof Error ? thrown.message : String(thrown)
      if (!refusals.some((code) => error.startsWith(code))) throw thrown
      return { error }
    })
  let next = encode(first)
  for (const [index, item] of items.entries()) {
    const encoded = await next
    const following = items[index + 1]
    if (following) {
      next = encode(following)
      // Heard when it is awaited; until then `use` may still be at work.
      next.catch(() => {})
    }
    await use(app, item, encoded)
    await app.forget(item.id)
    progress.step()
  }
}
