import type { FromThread, ThreadRequest, ToThread } from '../../workers/protocol'

/** The workers that a worker asked its page to start (workers/runtime/page-threads.ts says why it does). They end with it. */
export class WorkerThreads {
  readonly #running = new Map<MessagePort, Worker>()
  #ended = false

  constructor(worker: Pick<Worker, 'addEventListener'>) {
    worker.addEventListener('message', (event) => {
      const { startThread } = ((event as MessageEvent).data ?? {}) as Partial<ThreadRequest>
      if (startThread) this.#start(startThread)
    })
  }

  /** How many run. */
  get size(): number {
    return this.#running.size
  }

  end(): void {
    this.#ended = true
    for (const port of [...this.#running.keys()]) this.#end(port)
  }

  #start({ url, options, port }: ThreadRequest['startThread']): void {
    if (this.#ended) {
      port.close()
      return
    }
    const tell = (message: FromThread, ports: readonly MessagePort[] = []) => port.postMessage(message, [...ports])
    let thread: Worker
    try {
      thread = new Worker(url, options)
    } catch (thrown) {
      tell({ error: String(thrown) })
      port.close()
      return
    }
    this.#running.set(port, thread)
    thread.onmessage = ({ data, ports }) => tell({ message: data }, ports)
    thread.onmessageerror = () => tell({ error: 'a message could not be read' })
    thread.onerror = (event) => {
      event.preventDefault()
      tell({ error: event.message || 'the script failed' })
    }
    port.onmessage = ({ data, ports }: MessageEvent<ToThread>) => {
      if ('end' in data) this.#end(port)
      else thread.postMessage(data.message, [...ports])
    }
  }

  #end(port: MessagePort): void {
    this.#running.get(port)?.terminate()
    this.#running.delete(port)
    port.close()
  }
}
