/** Starts the server that behaves like the hub for browser tests, and lets them tell it how to behave. */
import type { IncomingMessage } from 'node:http'
import type { Plugin } from 'vite'
import { noiseRepository, unfitRepositories } from './hub-fixture'
import { type HubMishap, type HubRequest, type HubServer, startHubServer } from './hub-server'
import { tinyRepositories } from './hub-tiny'

/** What a test sends to `/test-hub`. */
export type HubOrder =
  /** As new: no mishaps, no requests noted. */
  | { readonly order: 'reset' }
  | { readonly order: 'mishap'; readonly key: string; readonly mishap: HubMishap | null }
  /** The repository is gone, or another commit of it is the newest. */
  | { readonly order: 'commit'; readonly repository: string; readonly commit: string | null }
  /** A repository that the app refuses is there. */
  | { readonly order: 'serve'; readonly repository: string; readonly of: keyof typeof unfitRepositories }
export type HubAnswer = {
  readonly origin: string
  readonly filesOrigin: string
  /** Since the last order. */
  readonly requests: readonly HubRequest[]
}

export const noiseName = 'someone/Small-VLM'

/** `POST /test-hub` with an order gives a HubAnswer. The server starts with the first one. */
export function serveHub(): Plugin {
  let hub: Promise<HubServer> | undefined
  return {
    name: 'valley-test-hub',
    configureServer(server) {
      server.httpServer?.on('close', () => void hub?.then((running) => running.stop()))
      server.middlewares.use('/test-hub', (request, response) => {
        hub ??= startHubServer({ [noiseName]: noiseRepository, ...tinyRepositories() })
        void Promise.all([hub, readBody(request)]).then(([running, body]) => {
          const requests = running.requests.splice(0)
          obey(running, JSON.parse(body) as HubOrder)
          const answer: HubAnswer = { origin: running.origin, filesOrigin: running.filesOrigin, requests }
          response.setHeader('Content-Type', 'application/json')
          response.end(JSON.stringify(answer))
        })
      })
    },
  }
}

function obey({ mishaps, repositories }: HubServer, order: HubOrder): void {
  if (order.order === 'reset') {
    mishaps.clear()
    repositories.set(noiseName, noiseRepository)
  } else if (order.order === 'mishap') {
    if (order.mishap) mishaps.set(order.key, order.mishap)
    else mishaps.delete(order.key)
  } else if (order.order === 'serve') {
    repositories.set(order.repository, unfitRepositories[order.of])
  } else {
    const { commit, repository } = order
    if (commit === null) repositories.delete(repository)
    else repositories.set(repository, { ...noiseRepository, commit })
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
