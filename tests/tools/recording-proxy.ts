/** A proxy that writes down every request that a browser makes, from pages and workers alike, and lets only one host through. */
import { createServer, request as forward } from 'node:http'
import type { AddressInfo } from 'node:net'

export type RecordingProxy = {
  readonly server: string
  /** Absolute URLs, and `host:port` of attempts at a secure connection. */
  readonly asked: string[]
  close(): Promise<void>
}

/** @param allowedHost  `host:port`; anything else is written down and refused */
export async function startRecordingProxy(allowedHost: string): Promise<RecordingProxy> {
  const asked: string[] = []
  const server = createServer((incoming, outgoing) => {
    const url = incoming.url ?? ''
    asked.push(url)
    if (!URL.canParse(url) || new URL(url).host !== allowedHost) return void outgoing.writeHead(502).end()
    const upstream = forward(url, { method: incoming.method, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    upstream.on('error', () => outgoing.destroy())
    incoming.pipe(upstream)
  })
  server.on('connect', (incoming, socket) => {
    asked.push(incoming.url ?? '')
    socket.destroy()
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}
