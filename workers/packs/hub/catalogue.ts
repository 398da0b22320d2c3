/** The repositories that the app offers by itself: `hub` in models/catalog.json. Every field's source: docs/packs.md. */
import { z } from 'zod'
import { hubFamilies } from './config'
import { hubParts, hubPrecisions, type PublishedParts } from './precision'
import { hubPoolings } from './tokens'

const bytes = z.number().positive()
const sizes = z.partialRecord(z.enum(hubPrecisions), bytes)

export const hubEntry = z.object({
  repository: z.string().regex(/^[\w.-]+\/[\w.-]+$/),
  /** null: could not be confirmed; the newest commit is resolved and pinned at the first download. */
  revision: z
    .string()
    .regex(/^[0-9a-f]{40}$/)
    .nullable(),
  name: z.string().min(1),
  family: z.enum(hubFamilies),
  licence: z.string().nullable(),
  /** BCP 47 tags; null: the model card names none. */
  languages: z.array(z.string()).nullable(),
  /** Bytes as the repository's pages list them, rounded there; what is not known is left out. */
  parts: z.partialRecord(z.enum(hubParts), sizes),
  /** How its clips are pooled where nobody says otherwise. */
  pooling: z.enum(hubPoolings),
  unconfirmed: z.array(z.string()),
})
export type HubEntry = z.infer<typeof hubEntry>

const catalogue = z.object({ hub: z.array(hubEntry).default([]) })

/** The catalogue's entries; [] where it cannot be read. */
export async function readHubEntries(catalogUrl: string): Promise<readonly HubEntry[]> {
  const response = await fetch(catalogUrl).catch(() => null)
  const parsed = catalogue.safeParse(await response?.json().catch(() => null))
  if (!parsed.success) console.warn(`${catalogUrl} names no repositories that can be read`, parsed.error)
  return parsed.success ? parsed.data.hub : []
}

export const listedParts = ({ parts }: HubEntry): PublishedParts => parts as PublishedParts
