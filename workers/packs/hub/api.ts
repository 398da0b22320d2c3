/**
 * What the hub's API says of a repository at a revision: its files, their sizes and what their bytes must hash to.
 * https://huggingface.co/docs/hub/api; a mirror that answers the same requests takes its place.
 */
import { z } from 'zod'
import { toValleyError, ValleyError } from '../../protocol'
import { macrotask } from '../../runtime/macrotask'

export type HubFile = {
  readonly path: string
  readonly bytes: number
  /** LFS object id. null: a small file in git itself, whose blob id stands in `blob`. */
  readonly sha256: string | null
  /** SHA-1 of git's blob. */
  readonly blob: string
}

export type HubListing = {
  readonly repository: string
  /** The commit that the revision named: 40 hexadecimal digits. */
  readonly commit: string
  readonly licence: string | null
  /** BCP 47 tags from the model card; empty where it names none. */
  readonly languages: readonly string[]
  readonly files: readonly HubFile[]
}

const hex = (length: number) => z.string().regex(new RegExp(`^[0-9a-f]{${length}}$`))
const words = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat())
const modelInfo = z.object({
  sha: hex(40),
  siblings: z.array(
    z.object({
      rfilename: z.string(),
      size: z.int().nonnegative(),
      blobId: hex(40),
      lfs: z.object({ sha256: hex(64), size: z.int().nonnegative() }).nullish(),
    }),
  ),
  cardData: z
    .object({ license: z.string().optional(), license_name: z.string().optional(), language: words.optional() })
    .nullish(),
})

/**
 * Asks for a repository's files at `revision` (a branch or a commit).
 * @param origin  of the hub or a mirror, without a slash at its end
 * Errors: hub-gated, hub-moved, hub-busy, hub-blocked, download-failed, hub-config (its answer is no listing), aborted
 */
export async function listRepository(
  origin: string,
  repository: string,
  revision: string,
  signal?: AbortSignal,
): Promise<HubListing> {
  const url = `${origin}/api/models/${repository}/revision/${encodeURIComponent(revision)}?blobs=true`
  const response = await requestHub(url, repository, { signal: signal ?? null })
  const json: unknown = await response.json().catch((thrown: unknown) => {
    throw toValleyError(thrown, 'download-failed', { url, status: response.status })
  })
  const parsed = modelInfo.safeParse(json)
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
    throw new ValleyError('hub-config', { repository, path: 'api', problems })
  }
  const { sha, siblings, cardData } = parsed.data
  return {
    repository,
    commit: sha,
    licence: cardData?.license_name ?? cardData?.license ?? null,
    languages: cardData?.language ?? [],
    files: siblings.map(({ rfilename, size, blobId, lfs }) => ({
      path: rfilename,
      bytes: lfs?.size ?? size,
      sha256: lfs?.sha256 ?? null,
      blob: blobId,
    })),
  }
}

/** Where a file of a commit is fetched from; the hub redirects large ones to its content network. */
export const fileUrl = (origin: string, repository: string, commit: string, path: string) =>
  `${origin}/${repository}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`

/** `fetch` whose failures say what the hub meant by them. Errors: as listRepository, without hub-config */
export async function requestHub(url: string, repository: string, init: RequestInit): Promise<Response> {
  const refusals = watchPolicy()
  // No cookies and no referrer: the hub learns which file is wanted, and nothing of who wants it but the address.
  const options: RequestInit = { ...init, credentials: 'omit', referrerPolicy: 'no-referrer' }
  try {
    const response = await fetch(url, options).catch(async (thrown: unknown) => {
      const error = toValleyError(thrown, 'download-failed', { url, status: 0 })
      const blocked = error.code !== 'aborted' && (await refusals.seen())
      throw blocked ? new ValleyError('hub-blocked', { origin: new URL(url).origin }, { cause: thrown }) : error
    })
    if (!response.ok) throw hubError(response, repository)
    return response
  } finally {
    refusals.stop()
  }
}

/** What a status of the hub means. */
export function hubError({ status, headers, url }: Response, repository: string): ValleyError {
  if (status === 401 || status === 403) return new ValleyError('hub-gated', { repository, status })
  if (status === 404 || status === 410) return new ValleyError('hub-moved', { repository, status })
  if (status === 429) return new ValleyError('hub-busy', { repository, seconds: waitSeconds(headers) })
  return new ValleyError('download-failed', { url, status })
}

/**
 * How long the hub asks to be left alone; null where it does not say, or its CORS headers do not let us read it.
 * `RateLimit: "resolvers";r=0;t=55` is the hub's own way (https://huggingface.co/docs/hub/rate-limits), Retry-After anybody's.
 */
export function waitSeconds(headers: Headers): number | null {
  const after = headers.get('Retry-After')
  if (after !== null && /^\d+$/.test(after.trim())) return Number(after)
  if (after !== null && Number.isFinite(Date.parse(after))) {
    return Math.max(0, Math.ceil((Date.parse(after) - Date.now()) / 1000))
  }
  const window = headers.get('RateLimit')?.match(/;\s*t=(\d+)/)?.[1]
  return window === undefined ? null : Number(window)
}

/** Tells a request that our own Content-Security-Policy refused from one that failed on the way: `fetch` rejects alike. */
function watchPolicy() {
  let refused = false
  const onViolation = () => {
    refused = true
  }
  const target = 'addEventListener' in globalThis ? globalThis : null
  target?.addEventListener('securitypolicyviolation', onViolation)
  return {
    stop: () => target?.removeEventListener('securitypolicyviolation', onViolation),
    /** The event is a task of its own, queued before the rejection or right after it. */
    seen: async () => {
      await macrotask()
      return refused
    },
  }
}
