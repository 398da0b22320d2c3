/** Serves the clips of ../shared/data (or VALLEY_DATA) to browser tests under /test-data/, read-only, where they exist. */
import { createReadStream, existsSync, readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Plugin } from 'vite'

/** The folder of shared data; it may not exist. */
const dataFolder = resolve(import.meta.dirname, process.env.VALLEY_DATA ?? '../../../shared/data')

const served = ['videos', 'videos-odd']

/** `/test-data/videos/` lists names as JSON ([] where there is no data), `/test-data/videos/NAME` gives the bytes. */
export function serveData(): Plugin {
  return {
    name: 'valley-test-data',
    configureServer(server) {
      server.middlewares.use('/test-data', (request, response, next) => {
        const [folder = '', name = ''] = decodeURIComponent(request.url ?? '')
          .replace(/^\//, '')
          .split('/')
        if (!served.includes(folder) || name.startsWith('.')) return next()
        response.setHeader('Cross-Origin-Resource-Policy', 'same-origin')
        const path = join(dataFolder, folder, name)
        if (name === '') {
          response.setHeader('Content-Type', 'application/json')
          response.end(JSON.stringify(existsSync(path) ? readdirSync(path).filter((n) => n !== 'INDEX.tsv') : []))
        } else if (existsSync(path)) {
          response.setHeader('Content-Type', 'application/octet-stream')
          response.setHeader('Content-Length', statSync(path).size)
          createReadStream(path).pipe(response)
        } else {
          response.statusCode = 404
          response.end()
        }
      })
    },
  }
}
