/** Bounds waits on code that may hang: a decoder that neither answers nor fails. */
import { ValleyError } from '../protocol'

/**
 * `work`'s result, or clip-damaged {stage, detail: 'timeout'} after `milliseconds`, or aborted as soon as the signal
 * fires. The work itself goes on behind our back; the caller disposes what it runs on.
 */
export function withDeadline<T>(
  work: Promise<T>,
  milliseconds: number,
  signal: AbortSignal,
  stage: string,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    }
    const fail = (error: unknown) => {
      settle()
      reject(error)
    }
    const abort = () => fail(new ValleyError('aborted'))
    const timer = setTimeout(() => fail(new ValleyError('clip-damaged', { stage, detail: 'timeout' })), milliseconds)
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
    work.then((value) => {
      settle()
      resolve(value)
    }, fail)
  })
}
