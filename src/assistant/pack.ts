import { storedManifest } from '../packs/stored-manifest'

/** What the page itself shows of a pack; the workers read and validate the whole of it. */
export type PackSummary = {
  readonly name: string
  readonly version: string
  readonly licence: string
  /** BCP 47 tags of the languages that the model reads and writes. */
  readonly languages: readonly string[]
  readonly maxFrames: number
  /** The prompts that the model was taught with; empty where the pack names none. */
  readonly describeImage: string
  readonly describeVideo: string
  /** Where the captions that it quotes come from, and under which licence; empty where it has none. */
  readonly captionSource: string
  readonly captionLicence: string
  /** Hypotheses that its own answer search weighs at once. */
  readonly beams: number
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

/** Reads the summary out of a pack.json; null where it is not one. */
export function summarizePack(json: unknown): PackSummary | null {
  if (typeof json !== 'object' || json === null) return null
  const pack = json as Record<string, unknown>
  const sampling = pack.sampling as { maxFrames?: unknown } | undefined
  const prompt = pack.prompt as { describeImage?: unknown; describeVideo?: unknown } | undefined
  const store = pack.captionStore as { source?: unknown; licence?: unknown } | undefined
  const generation = pack.generation as { beams?: unknown } | undefined
  if (!text(pack.name) || !Array.isArray(pack.languages)) return null
  return {
    name: text(pack.name),
    version: text(pack.version),
    licence: text(pack.licence),
    languages: pack.languages.filter((tag): tag is string => typeof tag === 'string'),
    maxFrames: typeof sampling?.maxFrames === 'number' ? sampling.maxFrames : 16,
    describeImage: text(prompt?.describeImage),
    describeVideo: text(prompt?.describeVideo),
    captionSource: text(store?.source),
    captionLicence: text(store?.licence),
    beams: typeof generation?.beams === 'number' ? generation.beams : 1,
  }
}

/** Fetches the summary; null where it cannot be had, since the engine reports that itself. */
export async function fetchPackSummary(packUrl: string): Promise<PackSummary | null> {
  try {
    if (packUrl.startsWith('opfs:')) return summarizePack(await storedManifest(packUrl))
    const response = await fetch(packUrl)
    return response.ok ? summarizePack(await response.json()) : null
  } catch {
    return null
  }
}
