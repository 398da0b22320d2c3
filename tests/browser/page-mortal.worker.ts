/** A worker to die in every way a worker can, for the tests of the page's worker client. */
import * as Comlink from 'comlink'
import { ValleyError } from '../../workers/protocol'
import { holdLivenessLock } from '../../workers/runtime/liveness'
import { startThreadsByPage } from '../../workers/runtime/page-threads'
import { registerTransferHandlers } from '../../workers/transfer'

const api = {
  hello: () => 'hello',
  hang: () => new Promise<never>(() => {}),
  /** Ends from inside, which fires no event on the page. */
  leave: () => void setTimeout(() => self.close(), 20),
  /** An exception that nobody catches. */
  fail: () =>
    void setTimeout(() => {
      throw new Error('out of my depth')
    }, 20),
  /** Starts a thread that holds a lock for as long as it lives. */
  startThread: (lock: string) => {
    const script = `navigator.locks.request('${lock}', () => new Promise(() => {}))`
    new Worker(URL.createObjectURL(new Blob([script], { type: 'text/javascript' })))
  },
  refuse: () => {
    throw new ValleyError('clip-damaged', { stage: 'demux' }, { cause: new ValleyError('file-unreadable') })
  },
  async *count(signal: AbortSignal): AsyncGenerator<number, void, undefined> {
    for (let n = 0; ; n++) {
      if (signal.aborted) throw new ValleyError('aborted')
      yield n
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  },
}
export type MortalApi = typeof api

holdLivenessLock()
startThreadsByPage()
registerTransferHandlers()
Comlink.expose(api)
