import type { FromThread, ThreadRequest, ToThread } from '../protocol'

type Scope = { Worker: typeof Worker; postMessage(message: ThreadRequest, transfer: Transferable[]): void }

/**
 * Has the page start the workers of this worker: onnxruntime's threads and the towers. In Firefox `new Worker` within a
 * worker may never return (ESR 140): the parent waits for the debugger to know of the new thread on the condition variable
 * on which that thread awaits its script, and the one notification wakes either. A page does not wait.
 * src/assistant/worker-threads.ts is the page's side. Called once, first thing in a worker.
 */
export function startThreadsByPage(scope: Scope = self as unknown as Scope): void {
  scope.Worker = class extends PageThread {
    constructor(url: string | URL, options: WorkerOptions = {}) {
      const { port1, port2 } = new MessageChannel()
      super(port1)
      scope.postMessage({ startThread: { url: String(url), options, port: port2 } }, [port2])
    }
  }
}

/** A worker that the page runs, as a Worker shows itself. What it is sent by way of the page is copied, ports excepted. */
class PageThread extends EventTarget implements Worker {
  onmessage: Worker['onmessage'] = null
  onmessageerror: Worker['onmessageerror'] = null
  onerror: Worker['onerror'] = null
  readonly #port: MessagePort

  constructor(port: MessagePort) {
    super()
    this.#port = port
    port.onmessage = ({ data, ports }: MessageEvent<FromThread>) => {
      if ('error' in data) this.#fail(data.error)
      else this.#tell(new MessageEvent('message', { data: data.message, ports: [...ports] }), this.onmessage)
    }
    port.onmessageerror = () => this.#fail('a message could not be read')
  }

  postMessage(message: unknown, options: Transferable[] | StructuredSerializeOptions = []): void {
    const transfer = Array.isArray(options) ? options : (options.transfer ?? [])
    this.#port.postMessage({ message } satisfies ToThread, transfer)
  }

  terminate(): void {
    this.#port.onmessage = null
    // The page closes it.
    this.#port.postMessage({ end: true } satisfies ToThread)
  }

  #fail(message: string): void {
    this.#tell(new ErrorEvent('error', { message }), this.onerror)
  }

  #tell<E extends Event>(event: E, handler: ((this: Worker, event: E) => unknown) | null): void {
    handler?.call(this, event)
    this.dispatchEvent(event)
  }
}
