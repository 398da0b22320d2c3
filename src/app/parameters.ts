import { type Backend, type GenerationOptions, type GraphFlavour, graphFlavours } from '../../workers/protocol'

export type Parameters = {
  readonly packUrl: string
  readonly visionBackend?: Backend
  readonly languageBackend?: Backend
  readonly languageFlavour?: GraphFlavour
  /** false: nothing of clips is kept between visits, nor taken from earlier ones. */
  readonly keepClips?: boolean
  /** false: frames and decoder are not warmed for a first clip (tests/bench). */
  readonly warmUp?: boolean
  /** Upper bound of sampled frames, in place of the settings'. */
  readonly frames?: number
  /** In place of what the settings and the pack say. */
  readonly generation: GenerationOptions
}

const defaultPack = 'models/valley-nano/pack.json'

const backend = (value: string | null): Backend | undefined =>
  value === 'wasm' || value === 'webgpu' ? value : undefined

/** A number of at least `least`; undefined where there is none. */
function number(value: string | null, least: number): number | undefined {
  const read = value === null || value.trim() === '' ? Number.NaN : Number(value)
  return Number.isFinite(read) && read >= least ? read : undefined
}

/** Without the entries that are undefined. */
const given = <T extends object>(entries: T) =>
  Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]?: Exclude<T[Key], undefined>
  }

function readGeneration({ searchParams }: URL): GenerationOptions {
  return given({
    quotes: searchParams.get('quotes') === 'off' ? false : undefined,
    maxNewTokens: number(searchParams.get('max-new-tokens'), 1),
    repetitionPenalty: number(searchParams.get('repetition-penalty'), 0.01),
    beams: number(searchParams.get('beams'), 1),
    lengthPenalty: number(searchParams.get('length-penalty'), 0),
  })
}

/**
 * What the address asks for: `?vision=` and `?language=` force a backend (`wasm` or `webgpu`), `?flavour=` a decoder graph,
 * `?pack=` names another pack.json of the same origin, `?frames=` bounds the frames; `?quotes=off`, `?beams=`,
 * `?length-penalty=`, `?repetition-penalty=` and `?max-new-tokens=` change how answers are made; `?cache=off` encodes and
 * prefills every clip anew (the pack's files stay cached); `?warm-up=off` leaves the time before a first clip unused. Anything else is ignored.
 */
export function readParameters(page: URL, base: URL): Parameters {
  const { searchParams } = page
  const named = searchParams.get('pack')
  const wanted = named ? new URL(named, base) : undefined
  return {
    packUrl: wanted?.origin === page.origin ? wanted.href : new URL(defaultPack, base).href,
    generation: readGeneration(page),
    ...given({
      visionBackend: backend(searchParams.get('vision')),
      languageBackend: backend(searchParams.get('language')),
      languageFlavour: graphFlavours.find((flavour) => flavour === searchParams.get('flavour')),
      keepClips: searchParams.get('cache') === 'off' ? false : undefined,
      warmUp: searchParams.get('warm-up') === 'off' ? false : undefined,
      frames: number(searchParams.get('frames'), 1),
    }),
  }
}
