/**
 * A pack of the hub where packs are told apart by address: `hub:owner/name`. Nothing is fetched from it; the files are those
 * that this browser holds of the repository.
 */
const scheme = 'hub:'

export const hubAddress = (repository: string) => `${scheme}${repository}`

/** `owner/name` of a pack of the hub; null: a pack of our own format. */
export const hubRepository = (packUrl: string): string | null =>
  packUrl.startsWith(scheme) ? packUrl.slice(scheme.length) : null

/** Name of the file in `keptFolders.hub` that describes what is held. A slash cannot stand in it, and a repository has no `=`. */
export const hubManifestName = (repository: string) => `${repository.replace('/', '=')}.json`
