/**
 * How things cross the worker boundary. comlink moves calls; three things it loses are restored here by transfer
 * handlers: our errors (code, data, cause), AbortSignals, and async iterables (pulled one item at a time, so the consumer
 * sets the pace).
 */
import * as Comlink from 'comlink'
import { type ErrorCode, type ErrorData, toValleyError, ValleyError } from './protocol'

type WireError =
  | {
      kind: 'valley'
      code: ErrorCode
      data: ErrorData
      message: string
      stack: string | undefined
      cause: WireError | undefined
    }
  | { kind: 'other'; name: string; message: string; stack: string | undefined }

export function errorToWire(thrown: unknown): WireError {
  if (thrown instanceof ValleyError) {
    const { code, data, message, stack, cause } = thrown
    return { kind: 'valley', code, data, message, stack, cause: cause === undefined ? undefined : errorToWire(cause) }
  }
  if (thrown instanceof Error) return { kind: 'other', name: thrown.name, message: thrown.message, stack: thrown.stack }
  return { kind: 'other', name: 'Error', message: String(thrown), stack: undefined }
}

function errorFromWire(wire: WireError): Error {
  if (wire.kind === 'valley') {
    const cause = wire.cause === undefined ? {} : { cause: errorFromWire(wire.cause) }
    const error = new ValleyError(wire.code, wire.data, { message: wire.message, ...cause })
    if (wire.stack) error.stack = wire.stack
    return error
  }
  const error = new Error(wire.message)
  error.name = wire.name
  if (wire.stack) error.stack = wire.stack
  return error
}

type ThrownValue = { value: unknown }

const isAsyncIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value

type StreamRequest = 'next' | 'return'
type StreamReply = { ok: true; done: boolean; value: unknown } | { ok: false; error: WireError }

/** Serves an async iterable over a port: one reply per request; `return` runs the producer's `finally`. */
function serveStream(iterable: AsyncIterable<unknown>, port: MessagePort): void {
  const iterator = iterable[Symbol.asyncIterator]()
  port.onmessage = async ({ data }: MessageEvent<StreamRequest>) => {
    try {
      const result = data === 'next' ? await iterator.next() : await iterator.return?.()
      const done = result?.done ?? true
      port.postMessage({ ok: true, done, value: result?.value } satisfies StreamReply)
      if (done) port.close()
    } catch (thrown) {
      port.postMessage({ ok: false, error: errorToWire(toValleyError(thrown)) } satisfies StreamReply)
      port.close()
    }
  }
}

function consumeStream(port: MessagePort): AsyncIterableIterator<unknown> {
  let settle: ((reply: StreamReply) => void) | undefined
  let finished = false
  port.onmessage = ({ data }: MessageEvent<StreamReply>) => settle?.(data)
  const request = async (kind: StreamRequest): Promise<IteratorResult<unknown>> => {
    if (finished) return { done: true, value: undefined }
    const reply = await new Promise<StreamReply>((resolve) => {
      settle = resolve
      port.postMessage(kind)
    })
    if (!reply.ok || reply.done) {
      finished = true
      port.close()
    }
    if (!reply.ok) throw errorFromWire(reply.error)
    return reply.done ? { done: true, value: undefined } : { done: false, value: reply.value }
  }
  return {
    next: () => request('next'),
    return: () => request('return'),
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

/** Registers the three handlers with comlink. Both sides call it once before anything is exposed or wrapped. */
export function registerTransferHandlers(): void {
  // comlink marks thrown values with a private symbol; its own handler is replaced so that code, data and cause survive.
  const original = Comlink.transferHandlers.get('throw')
  if (original) {
    Comlink.transferHandlers.set('throw', {
      canHandle: original.canHandle,
      serialize: ({ value }: ThrownValue) => [errorToWire(value), []],
      deserialize: (wire: WireError) => {
        throw errorFromWire(wire)
      },
    } as Comlink.TransferHandler<ThrownValue, WireError>)
  }
  Comlink.transferHandlers.set('abort-signal', {
    canHandle: (value): value is AbortSignal => value instanceof AbortSignal,
    serialize: (signal) => {
      const { port1, port2 } = new MessageChannel()
      const fire = () => {
        port1.postMessage('abort')
        port1.close()
      }
      if (signal.aborted) fire()
      else signal.addEventListener('abort', fire, { once: true })
      return [port2, [port2]]
    },
    deserialize: (port: MessagePort) => {
      const controller = new AbortController()
      port.onmessage = () => {
        controller.abort()
        port.close()
      }
      return controller.signal
    },
  } satisfies Comlink.TransferHandler<AbortSignal, MessagePort>)
  Comlink.transferHandlers.set('stream', {
    canHandle: isAsyncIterable,
    serialize: (iterable) => {
      const { port1, port2 } = new MessageChannel()
      serveStream(iterable, port1)
      return [port2, [port2]]
    },
    deserialize: (port: MessagePort) => consumeStream(port),
  } satisfies Comlink.TransferHandler<AsyncIterable<unknown>, MessagePort>)
}
