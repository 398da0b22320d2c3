import { WorkerThreads } from '../../src/assistant/worker-threads'

/** A worker of the app as the page has it: the threads that it asks for are started, and end with it. */
export function withThreads(worker: Worker): Worker {
  const threads = new WorkerThreads(worker)
  const terminate = worker.terminate.bind(worker)
  worker.terminate = () => {
    terminate()
    threads.end()
  }
  return worker
}
