import type { ThreadStart } from '../protocol'

type Scope = { Worker: typeof Worker; postMessage(message: ThreadStart): void }

/**
 * Tells the page when this worker begins to make a worker, as onnxruntime does for each of its threads, and when that is
 * done. In Firefox `new Worker` within a worker may never return (ESR 140, about one load in forty on two busy cores): the
 * parent waits for the debugger to know of the new thread on the condition variable on which that thread awaits its
 * script, and the one notification wakes either. A blocked worker cannot tell; whoever heard the beginning can.
 * Called once, first thing in a worker.
 */
export function announceThreadStarts(scope: Scope = self as unknown as Scope): void {
  const Native = scope.Worker
  if (!Native) return
  const tell = (threadStart: ThreadStart['threadStart']) => scope.postMessage({ threadStart })
  scope.Worker = class extends Native {
    constructor(url: string | URL, options?: WorkerOptions) {
      tell('begun')
      try {
        super(url, options)
      } finally {
        tell('made')
      }
    }
  }
}
