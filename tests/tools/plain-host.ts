/** A static host as plain as they come: files under a path, no header beyond type and length, and it can be switched off. */
import { createReadStream, readFileSync, statSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, resolve, sep } from 'node:path'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.webm': 'video/webm',
  '.wasm': 'application/wasm',
}

export type PlainHostOptions = {
  /** Folders by the path that they are served under; the longest path that fits wins. Paths end with a slash. */
  readonly folders: Readonly<Record<string, string>>
  /** For each response; none where absent. */
  readonly headers?: Readonly<Record<string, string>>
}

export type PlainHost = {
  readonly origin: string
  /** Paths asked for so far, in order. */
  readonly requests: string[]
  /** Files in place of those on disk, by request path: a new version of the site. */
  readonly replaced: Map<string, string>
  /** Files of which only so many bytes come, the connection open, by request path. */
  readonly stalled: Map<string, number>
  /** Parts of files asked for so far, in order. */
  readonly ranges: { readonly path: string; readonly from: number }[]
  stop(): Promise<void>
}

export async function startPlainHost({ folders, headers = {} }: PlainHostOptions): Promise<PlainHost> {
  const mounts = Object.keys(folders).sort((a, b) => b.length - a.length)
  const requests: string[] = []
  const replaced = new Map<string, string>()
  const stalled = new Map<string, number>()
  const ranges: PlainHost['ranges'] = []

  /** @param from  the first byte that is asked for, of a range up to the end */
  function answer(pathname: string, response: ServerResponse, from = 0): void {
    const wanted = pathname.endsWith('/') ? `${pathname}index.html` : pathname
    response.setHeader('Content-Type', types[extname(wanted)] ?? 'application/octet-stream')
    const text = replaced.get(wanted)
    if (text !== undefined) return void response.end(text)
    const mount = mounts.find((prefix) => wanted.startsWith(prefix))
    const folder = resolve(folders[mount ?? ''] ?? '.')
    const path = join(folder, wanted.slice(mount?.length ?? 0))
    const file = mount && path.startsWith(folder + sep) ? statSync(path, { throwIfNoEntry: false }) : undefined
    if (!file?.isFile()) return void response.writeHead(404).end()
    response.setHeader('Content-Length', file.size - from)
    if (from > 0) {
      ranges.push({ path: wanted, from })
      response.writeHead(206, { 'Content-Range': `bytes ${from}-${file.size - 1}/${file.size}` })
    }
    const most = stalled.get(wanted)
    if (most === undefined) createReadStream(path, { start: from }).pipe(response)
    else createReadStream(path, { start: from, end: from + most - 1 }).pipe(response, { end: false })
  }

  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    requests.push(pathname)
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? []
    answer(decodeURIComponent(pathname), response, Number(from ?? 0))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    replaced,
    stalled,
    ranges,
    stop: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

/** A second version of a built site: another service worker, which finds another page. */
export function publishNextVersion(host: PlainHost, dist: string, path: string): void {
  const worker = readFileSync(join(dist, 'service-worker.js'), 'utf8')
  const changed = worker.replace(/("revision":")[0-9a-f]+(","url":"index\.html")/, '$1next$2')
  if (changed === worker) throw new Error('service-worker.js names no revision of index.html')
  const page = readFileSync(join(dist, 'index.html'), 'utf8')
  host.replaced.set(`${path}service-worker.js`, changed)
  host.replaced.set(`${path}index.html`, page.replace('</head>', '<meta name="version" content="next"></head>'))
}
