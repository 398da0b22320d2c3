/** Serves a pack's folder, and the folder beside it that holds its base, on the app's own origin. */
import { createReadStream, existsSync, statSync } from 'node:fs'
import { basename, dirname, resolve, sep } from 'node:path'
import type { Plugin } from 'vite'
import { securityHeaders } from '../../../workers/offline/security-headers'

const mount = '/evaluated-pack'

/** @param folder  holds pack.json; its base lies beside it. `path`: of pack.json, relative to the app's page. */
export function servePack(folder: string): { readonly plugin: Plugin; readonly path: string } {
  const root = dirname(folder)
  const plugin: Plugin = {
    name: 'valley-evaluated-pack',
    configurePreviewServer(server) {
      server.middlewares.use(mount, (request, response, next) => {
        const { pathname } = new URL(request.url ?? '/', 'http://localhost')
        const path = resolve(root, `.${decodeURIComponent(pathname)}`)
        if (!path.startsWith(root + sep) || !existsSync(path) || !statSync(path).isFile()) return next()
        for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value)
        response.setHeader('Content-Type', path.endsWith('.json') ? 'application/json' : 'application/octet-stream')
        // The browser's profile outlives a run; a pack may change between two.
        response.setHeader('Cache-Control', 'no-store')
        response.setHeader('Content-Length', statSync(path).size)
        createReadStream(path).pipe(response)
      })
    },
  }
  return { plugin, path: `${mount.slice(1)}/${encodeURIComponent(basename(folder))}/pack.json` }
}
