/** A repository of the hub as people name it. String functions only: the page reads a field with them. */

/** `owner/name`, and the branch, tag or commit of it that is meant; null: what the catalogue pins, else the newest. */
export type HubName = { readonly repository: string; readonly revision: string | null }

/** `owner/name` as the hub allows it. */
const repositoryName = /^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}$/
/** As git allows a reference, without what has a meaning in a URL. */
const revisionName = /^(?!.*\.\.)\w[\w.-]*(\/[\w.-]+)*$/

/**
 * A repository's name out of what a person typed: `owner/name`, `owner/name@revision`, or its page's address on any host,
 * whose `/tree/REVISION` or `/commit/REVISION` counts. null: it is none of these.
 */
export function parseRepository(typed: string): HubName | null {
  const path = typed.trim().replace(/^https?:\/\/[^/]+\//i, '')
  const at = path.indexOf('@')
  const [owner = '', name = '', kind, within] = (at < 0 ? path : path.slice(0, at)).split('/')
  const revision = at >= 0 ? path.slice(at + 1) : kind === 'tree' || kind === 'commit' ? decode(within ?? '') : null
  const repository = `${owner}/${name}`
  if (!repositoryName.test(repository) || (revision !== null && !revisionName.test(revision))) return null
  return { repository, revision }
}

/** An address has the slashes of a reference escaped. '' where it is escaped wrongly: no revision has that name. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}
