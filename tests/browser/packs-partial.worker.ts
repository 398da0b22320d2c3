/** Downloads as the workers do them, one shard of a base, over a network that comes in small pieces. */
import * as Comlink from 'comlink'
import { openBase, openPack } from '../../workers/packs/source'

const piece = 4096
const asked: (string | null)[] = []
const direct = self.fetch.bind(self)
/** Whole files come as they are, shards in pieces, from where the range begins. */
self.fetch = async (input, init) => {
  const response = await direct(input, init?.signal ? { signal: init.signal } : {})
  if (!String(input).includes('/weights-')) return response
  const range = new Headers(init?.headers).get('Range')
  asked.push(range)
  const bytes = new Uint8Array(await response.arrayBuffer())
  let at = Number(range?.match(/\d+/)?.[0] ?? 0)
  if (at >= bytes.length) return new Response(null, { status: 416 })
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (init?.signal?.aborted) return controller.error(init.signal.reason)
      if (at >= bytes.length) return controller.close()
      controller.enqueue(bytes.slice(at, at + piece))
      at += piece
    },
  })
  return new Response(body, { status: range ? 206 : 200 })
}

const functions = {
  /** The shard's first bytes' sum, or an error. @param stopAt  bytes after which it is paused, as by a person */
  async download(packUrl: string, stopAt = Number.POSITIVE_INFINITY) {
    const paused = new AbortController()
    const base = await openBase(await openPack(packUrl))
    const [entry] = base.manifest.files.weights
    if (!entry) throw new Error('no shard')
    const onProgress = (done: number) => void (done >= stopAt && paused.abort())
    const bytes = await base.file(entry, { signal: paused.signal, onProgress })
    return { length: bytes.length, sha256: entry.sha256 }
  },
  /** The ranges that were asked for since the last call. */
  ranges: () => asked.splice(0),
}
export type DownloadFunctions = typeof functions
Comlink.expose(functions)
