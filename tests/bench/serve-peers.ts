/** Builds the peers' pages and serves them, and the models that they read, on the app's own origin. */
import { createReadStream, existsSync, statSync } from 'node:fs'
import { extname, join, resolve, sep } from 'node:path'
import { build, type Plugin } from 'vite'
import { isolationHeaders } from '../../workers/offline/security-headers'
import { benchFolder } from './assets/folder'
import { pagesFolder } from './pages/vite.config'

const mounts = { '/bench/pages': pagesFolder, '/bench/data': join(benchFolder, 'data') }

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
}

export async function buildPeers(): Promise<void> {
  await build({ configFile: join(import.meta.dirname, 'pages/vite.config.ts') })
}

/**
 * `/bench/pages/…` and `/bench/data/…`. Isolated like the app, so that there are threads; without the app's policy, under
 * which both libraries could not start (they run workers from blob: addresses).
 */
export function servePeers(): Plugin {
  return {
    name: 'valley-bench-peers',
    configurePreviewServer(server) {
      for (const [mount, folder] of Object.entries(mounts)) {
        server.middlewares.use(mount, (request, response, next) => {
          const { pathname } = new URL(request.url ?? '/', 'http://localhost')
          const path = resolve(folder, `.${decodeURIComponent(pathname)}`)
          if (!path.startsWith(folder + sep) || !existsSync(path) || !statSync(path).isFile()) {
            // Not the app's page: a library that asks for an optional file must learn that there is none.
            if (mount === '/bench/pages') return next()
            response.statusCode = 404
            response.end()
            return
          }
          for (const [name, value] of Object.entries(isolationHeaders)) response.setHeader(name, value)
          response.setHeader('Content-Type', types[extname(path)] ?? 'application/octet-stream')
          response.setHeader('Content-Length', statSync(path).size)
          if (request.method === 'HEAD') response.end()
          else createReadStream(path).pipe(response)
        })
      }
    },
  }
}
