/**
 * The response headers that the product needs, in one place: the preview server sends them, and the service worker adds
 * them to documents and worker scripts of a host that cannot (see docs/offline.md). Data only; no library, no `self`.
 */

/** Cross-origin isolation: without these three headers there is no SharedArrayBuffer, hence no WASM threads. */
export const isolationHeaders = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
} as const

/** By directive. Whatever is not named is refused by `default-src`: fonts, frames, plug-ins. */
const policy = {
  'default-src': ["'none'"],
  // The eval that WebAssembly compilation counts as, and no other.
  'script-src': ["'self'", "'wasm-unsafe-eval'"],
  'worker-src': ["'self'"],
  'connect-src': ["'self'"],
  'style-src': ["'self'"],
  // blob: is what the person opened and the thumbnails made from it.
  'img-src': ["'self'", 'blob:'],
  'media-src': ["'self'", 'blob:'],
  'manifest-src': ["'self'"],
  'base-uri': ["'none'"],
  'form-action': ["'none'"],
  'frame-ancestors': ["'self'"],
} as const

const written = (directives: Readonly<Record<string, readonly string[]>>) =>
  Object.entries(directives)
    .map(([directive, sources]) => `${directive} ${sources.join(' ')}`)
    .join('; ')

export const contentSecurityPolicy = written(policy)

const { 'frame-ancestors': _, ...withinPage } = policy
/**
 * The same for a `<meta>` in the page, where no frame-ancestors may stand. It binds the page also where neither the host
 * nor a service worker sends the header; workers it does not bind (https://www.w3.org/TR/CSP3/#meta-element).
 */
export const metaPolicy = written(withinPage)

/** The person may record a camera or a screen for this page, which asks for nothing else and lets no frame ask. */
const permissionsPolicy = 'camera=(self), display-capture=(self), microphone=(), geolocation=()'

/** All of them, by name. */
export const securityHeaders = {
  ...isolationHeaders,
  'Content-Security-Policy': contentSecurityPolicy,
  'Permissions-Policy': permissionsPolicy,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
} as const
