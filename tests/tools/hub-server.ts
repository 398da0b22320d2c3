/**
 * Behaves like the hub of models, on this machine: its API, `resolve` with a redirect of large files to a second host,
 * CORS, ETag, Range, and its ways to refuse. Two ports, because the redirect crosses origins there.
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type HubRepository = {
  /** 40 hexadecimal digits. */
  readonly commit: string
  readonly files: Readonly<Record<string, Uint8Array>>
  readonly card?: object
  /** Files that are listed as larger than they are here, and are not to be fetched: by path, in bytes. */
  readonly listedBytes?: Readonly<Record<string, number>>
}

/** How one file is given, until it is told otherwise. `cut`: a part of what was asked for, then the connection is gone. */
export type HubMishap =
  | { readonly kind: 'cut'; readonly after: number; readonly once?: true }
  /** A part of what was asked for, and then nothing more, the connection open. */
  | { readonly kind: 'stall'; readonly after: number }
  | { readonly kind: 'wrong-byte'; readonly at: number }
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Files come whole, whatever range is asked for. */
  | { readonly kind: 'no-ranges' }

export type HubRequest = { readonly host: 'hub' | 'files'; readonly path: string; readonly range: string | null }

export type HubServer = {
  readonly origin: string
  readonly filesOrigin: string
  readonly requests: HubRequest[]
  readonly repositories: Map<string, HubRepository>
  /** By `owner/name`, or `owner/name/path` of a file. */
  readonly mishaps: Map<string, HubMishap>
  stop(): Promise<void>
}

/** Larger files are kept in LFS, as `.gitattributes` of the hub has it for graphs, and lie on the second host. */
const isLarge = (path: string) => /\.(onnx|onnx_data|bin|safetensors)(_\d+)?$/.test(path)

const digest = (algorithm: string, ...parts: (string | Uint8Array)[]) => {
  const hash = createHash(algorithm)
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}
const gitBlob = (bytes: Uint8Array) => digest('sha1', `blob ${bytes.length}\0`, bytes)

/** As the hub: any page may read, and see these headers. Retry-After is not among them, its RateLimit neither. */
const exposed = 'X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,ETag,Link,Accept-Ranges,Content-Range'

function allowPages(request: IncomingMessage, response: ServerResponse): boolean {
  response.setHeader('Access-Control-Allow-Origin', request.headers.origin ?? '*')
  response.setHeader('Access-Control-Expose-Headers', exposed)
  response.setHeader('Vary', 'Origin')
  if (request.method !== 'OPTIONS') return false
  response
    .writeHead(204, { 'Access-Control-Allow-Methods': 'GET', 'Access-Control-Allow-Headers': 'authorization' })
    .end()
  return true
}

/** @param mirror  gives large files itself, as a mirror has to; else it sends on to its second host, as the hub does */
export async function startHubServer(
  repositories: Readonly<Record<string, HubRepository>>,
  { mirror = false } = {},
): Promise<HubServer> {
  const held = new Map(Object.entries(repositories))
  const mishaps = new Map<string, HubMishap>()
  const requests: HubRequest[] = []
  let filesOrigin = ''

  function note(host: HubRequest['host'], request: IncomingMessage): URL {
    const url = new URL(request.url ?? '/', 'http://localhost')
    requests.push({ host, path: decodeURIComponent(url.pathname), range: request.headers.range ?? null })
    return url
  }

  const hub = createServer((request, response) => {
    if (allowPages(request, response)) return
    const path = decodeURIComponent(note('hub', request).pathname)
    const [, api, file] = [
      path,
      path.match(/^\/api\/models\/([^/]+\/[^/]+)\/revision\/(.+)$/),
      path.match(/^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/),
    ]
    const [, name = '', revision = '', within = ''] = api ?? file ?? []
    const repository = held.get(name)
    const refusal = mishaps.get(name) ?? (file ? mishaps.get(`${name}/${within}`) : undefined)
    if (refusal?.kind === 'status') return refuse(response, refusal)
    // Whoever is not signed in is not told whether there is such a repository.
    if (!repository) return refuse(response, { kind: 'status', status: 401 })
    if (revision !== 'main' && revision !== repository.commit) return refuse(response, { kind: 'status', status: 404 })
    response.setHeader('X-Repo-Commit', repository.commit)
    if (api) return tell(response, repository)
    const bytes = repository.files[within]
    if (!bytes) return refuse(response, { kind: 'status', status: 404 })
    if (!isLarge(within) || mirror) {
      return give(request, response, bytes, gitBlob(bytes), mishaps.get(`${name}/${within}`))
    }
    const target = `${filesOrigin}/${name}/${repository.commit}/${within}?signature=short-lived`
    response.writeHead(302, { Location: target, 'X-Linked-ETag': `"${digest('sha256', bytes)}"` }).end()
  })

  const files = createServer((request, response) => {
    if (allowPages(request, response)) return
    const [, owner, name, , ...path] = decodeURIComponent(note('files', request).pathname).split('/')
    const key = `${owner}/${name}/${path.join('/')}`
    const bytes = held.get(`${owner}/${name}`)?.files[path.join('/')]
    if (!bytes) return refuse(response, { kind: 'status', status: 404 })
    const mishap = mishaps.get(key)
    if (mishap?.kind === 'cut' && mishap.once) mishaps.delete(key)
    give(request, response, bytes, digest('sha256', bytes), mishap)
  })

  const origins = await Promise.all([hub, files].map(listen))
  const [origin = ''] = origins
  filesOrigin = origins[1] ?? ''
  return {
    origin,
    filesOrigin,
    requests,
    repositories: held,
    mishaps,
    stop: async () => {
      await Promise.all([hub, files].map(close))
    },
  }
}

function refuse(response: ServerResponse, { status, headers = {} }: Extract<HubMishap, { kind: 'status' }>): void {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end('{"error":"refused"}')
}

/** The answer of /api/models/{repository}/revision/{revision}?blobs=true. */
function tell(response: ServerResponse, { commit, files, card, listedBytes }: HubRepository): void {
  const siblings = Object.entries(files).map(([rfilename, bytes]) => {
    const size = listedBytes?.[rfilename] ?? bytes.length
    const lfs = { sha256: digest('sha256', bytes), size, pointerSize: 134 }
    return { rfilename, size, blobId: gitBlob(bytes), ...(isLarge(rfilename) ? { lfs } : {}) }
  })
  response.setHeader('Content-Type', 'application/json')
  response.end(JSON.stringify({ sha: commit, siblings, cardData: card ?? {} }))
}

function give(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
  etag: string,
  mishap: HubMishap | undefined,
): void {
  const asked = mishap?.kind === 'no-ranges' ? null : request.headers.range?.match(/^bytes=(\d+)-$/)
  const from = Number(asked?.[1] ?? 0)
  if (from >= bytes.length && asked)
    return void response.writeHead(416, { 'Content-Range': `bytes */${bytes.length}` }).end()
  const body = Buffer.from(bytes.subarray(from))
  if (mishap?.kind === 'wrong-byte' && mishap.at >= from) body[mishap.at - from] = (body[mishap.at - from] ?? 0) ^ 1
  response.writeHead(asked ? 206 : 200, {
    'Content-Type': 'application/octet-stream',
    'Content-Length': body.length,
    'Accept-Ranges': 'bytes',
    ETag: `"${etag}"`,
    ...(asked ? { 'Content-Range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {}),
  })
  if (mishap?.kind === 'stall') return void response.write(body.subarray(0, mishap.after))
  if (mishap?.kind !== 'cut') return void response.end(body)
  // The connection ends in order, after what was written: a reset would take along what is still on its way.
  response.write(body.subarray(0, mishap.after), () => response.socket?.end())
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function close(server: Server): Promise<void> {
  return new Promise((done) => {
    server.close(() => done())
    server.closeAllConnections()
  })
}
