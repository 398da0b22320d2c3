/** Which hub of models packs may be fetched from, as a setting and in the address of the worker that fetches them. */

export const defaultHub = 'https://huggingface.co'

/** Of the packs worker's script address. */
export const hubParameter = 'hub'

/**
 * The origin in what a person typed or an address names: https, or http on this machine. null: it is none. A path is cut
 * off, so that nothing but a host and a port gets into the policy.
 */
export function parseHubOrigin(typed: string): string | null {
  const text = typed.trim()
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`
  const url = URL.canParse(withScheme) ? new URL(withScheme) : null
  if (!url || url.username || url.password || url.hostname.includes('*')) return null
  const here = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
  const allowed = url.protocol === 'https:' ? url.hostname.includes('.') || here : url.protocol === 'http:' && here
  return allowed ? url.origin : null
}
