import { type HubPooling, hubPoolings, hubRepository, type VisualShape } from '../../workers/protocol'
import { hubManifest, storedManifest } from '../packs/stored-manifest'

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
  /** What only packs of the hub have: several ways to pool a clip, and what each costs. null: a pack of our own. */
  readonly hub: HubSummary | null
}

export type HubSummary = {
  readonly repository: string
  readonly commit: string
  /** How it pools clips by itself; `hubPoolings` are all of them. */
  readonly pooling: HubPooling
  /** What a clip costs is told from this: visualCost(visual, frames, pooling). */
  readonly visual: VisualShape
}

/** Frames that a pack of the hub may look at: as many as their decoders' contexts hold. */
export const hubMaxFrames = 16

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
    hub: null,
  }
}

/** Reads the summary out of the description that is kept of a repository of the hub; null where it is none. */
export function summarizeHub(json: unknown): PackSummary | null {
  if (typeof json !== 'object' || json === null) return null
  const { name, repository, commit, licence, languages, pooling, visual } = json as Record<string, unknown>
  const way = hubPoolings.find((one) => one === pooling)
  if (!text(name) || !Array.isArray(languages) || !way || typeof visual !== 'object' || visual === null) return null
  return {
    name: text(name),
    version: text(commit).slice(0, 7),
    licence: text(licence),
    languages: languages.filter((tag): tag is string => typeof tag === 'string'),
    maxFrames: hubMaxFrames,
    describeImage: '',
    describeVideo: '',
    captionSource: '',
    captionLicence: '',
    beams: 1,
    hub: { repository: text(repository), commit: text(commit), pooling: way, visual: visual as VisualShape },
  }
}

/** Fetches the summary; null where it cannot be had, since the engine reports that itself. */
export async function fetchPackSummary(packUrl: string): Promise<PackSummary | null> {
  try {
    const repository = hubRepository(packUrl)
    if (repository !== null) return summarizeHub(await hubManifest(repository))
    if (packUrl.startsWith('opfs:')) return summarizePack(await storedManifest(packUrl))
    const response = await fetch(packUrl)
    return response.ok ? summarizePack(await response.json()) : null
  } catch {
    return null
  }
}
