/**
 * Keeps the app usable without a network and gives it the headers that a plain static host does not send. It caches and
 * adds headers; it never computes. What is cached where, and why pack files are not: docs/offline.md.
 */
import { clientsClaim } from 'workbox-core'
import {
  addPlugins,
  addRoute,
  cleanupOutdatedCaches,
  createHandlerBoundToURL,
  matchPrecache,
  type PrecacheEntry,
  precache,
} from 'workbox-precaching'
import { registerRoute } from 'workbox-routing'
import { CacheFirst, NetworkFirst } from 'workbox-strategies'
import { hubParameter, parseHubOrigin } from './offline/hub-origin'
import { hubPolicy } from './offline/hub-policy'
import { contentSecurityPolicy, securityHeaders } from './offline/security-headers'
import { receiveSharedFiles } from './offline/share-target'
import { sharedFiles } from './protocol'

declare const self: ServiceWorkerGlobalScope & { __WB_MANIFEST: (PrecacheEntry | string)[] }

const scope = new URL(self.registration.scope)
const within = (path: string) => new URL(path, scope)

/** Every file of the build but the packs. */
const entries = self.__WB_MANIFEST
const pathOf = (entry: PrecacheEntry | string) => (typeof entry === 'string' ? entry : entry.url)

/** onnxruntime's builds: a device uses one or two of them, megabytes each, so they are kept when they are first used. */
const isRuntimeBuild = (path: string) => /(^|\/)ort[.-][^/]*$/.test(path)
const runtimeBuilds = new Set(
  entries
    .map(pathOf)
    .filter(isRuntimeBuild)
    .map((path) => within(path).href),
)
/**
 * Page, worker and thread ask for one and the same file with and without an Origin; where the host says that its answers
 * vary by that (vite preview does), the one that was kept would not be found again without a network.
 */
const matchOptions = { ignoreVary: true }
const runtimeCache = 'valley-runtime'
const manifestCache = 'valley-manifests'

/** Adds what the host left out; a host's own policy stands. */
const addHeaders = {
  handlerWillRespond: async ({ response }: { response: Response }) => {
    const missing = Object.entries(securityHeaders).filter(([name]) => !response.headers.has(name))
    if (missing.length === 0 || response.type === 'opaqueredirect') return response
    const headers = new Headers(response.headers)
    for (const [name, value] of missing) headers.set(name, value)
    return new Response(response.body, { status: response.status, statusText: response.statusText, headers })
  },
}

/** Our policy with the hub's origin in it; one that the host wrote itself stands as it is. */
async function openToHub(response: Response, origin: string | null): Promise<Response> {
  const headed = await addHeaders.handlerWillRespond({ response })
  if (!origin || headed.headers.get('Content-Security-Policy') !== contentSecurityPolicy) return headed
  const headers = new Headers(headed.headers)
  headers.set('Content-Security-Policy', hubPolicy(origin))
  return new Response(headed.body, { status: headed.status, statusText: headed.statusText, headers })
}

/** A server that says `no-store` means it: packs under measurement change between two runs. */
const keepUnlessForbidden = {
  cacheWillUpdate: async ({ response }: { response: Response }) =>
    response.status === 200 && !response.headers.get('Cache-Control')?.includes('no-store') ? response : null,
}

addPlugins([addHeaders])
precache(entries.filter((entry) => !isRuntimeBuild(pathOf(entry))))
cleanupOutdatedCaches()

// The page's address carries settings (?frames=8) that have nothing to do with which file it is.
const pagePaths = [scope.pathname, within('index.html').pathname]
registerRoute(
  ({ request, url }) => request.mode === 'navigate' && pagePaths.includes(url.pathname),
  createHandlerBoundToURL('index.html'),
)
// A person asked for a pack of the hub: the worker that fetches it, and no other, may talk to that origin.
registerRoute(
  ({ request, url, sameOrigin }) =>
    sameOrigin && request.destination === 'worker' && url.searchParams.has(hubParameter),
  async ({ request, url }) => {
    const response = (await matchPrecache(url.pathname)) ?? (await fetch(request))
    return openToHub(response, parseHubOrigin(url.searchParams.get(hubParameter) ?? ''))
  },
)
addRoute()

registerRoute(
  ({ url }) => runtimeBuilds.has(url.href),
  new CacheFirst({ cacheName: runtimeCache, matchOptions, plugins: [keepUnlessForbidden, addHeaders] }),
)

// Manifests name pack files by hash and may change: the network's word first. The files themselves are kept, checked
// and read by the workers (workers/packs), so they pass by here untouched.
registerRoute(
  ({ url, sameOrigin }) => sameOrigin && url.pathname.endsWith('.json') && url.pathname.startsWith(scope.pathname),
  new NetworkFirst({ cacheName: manifestCache, matchOptions, plugins: [keepUnlessForbidden] }),
)

registerRoute(
  ({ url }) => url.href === within(sharedFiles.action).href,
  ({ request }) => receiveSharedFiles(request, scope),
  'POST',
)

// The first version serves the page that installed it; a later one waits until the person agrees or all tabs are closed.
clientsClaim()
self.addEventListener('message', (event) => {
  if (event.data?.type === 'SKIP_WAITING') void self.skipWaiting()
})

self.addEventListener('activate', (event) => {
  event.waitUntil(dropOldBuilds())
})

/** Builds of onnxruntime that this version of the app no longer uses. */
async function dropOldBuilds(): Promise<void> {
  const cache = await caches.open(runtimeCache)
  for (const request of await cache.keys()) if (!runtimeBuilds.has(request.url)) await cache.delete(request)
}
