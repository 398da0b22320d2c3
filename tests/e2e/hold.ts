/** Makes a worker stand still in the middle of its work, so that a state which passes in a moment can be looked at. */
import type { Page, Worker } from 'playwright-core'

declare const holding: { release(): void }
declare const valley: {
  transcript(): { clip: { clipId: string } | null }
  score(clipId: string, question: string, texts: readonly string[]): Promise<readonly number[]>
}

function workerOf(page: Page, name: 'vision' | 'language'): Worker {
  const worker = page.workers().find((candidate) => candidate.url().includes(`${name}.worker`))
  if (!worker) throw new Error(`the page has no ${name} worker`)
  return worker
}

/** The next clip stands still for the page once `frames` of its frames were told. Resolves with the way to let it go on. */
export async function holdVision(page: Page, frames: number): Promise<() => Promise<void>> {
  const worker = workerOf(page, 'vision')
  await worker.evaluate((passing) => {
    const { postMessage } = MessagePort.prototype
    const { promise, resolve } = Promise.withResolvers<void>()
    type Reply = { value?: { type?: string; index?: number } } | null
    // Events go one by one, each when it is asked for (workers/transfer.ts): what is held holds all that come after.
    MessagePort.prototype.postMessage = function (this: MessagePort, message: Reply, ...rest: never[]) {
      const send = () => postMessage.call(this, message, ...rest)
      const held = message?.value?.type === 'frame' && (message.value.index ?? 0) >= passing
      if (held) void promise.then(send)
      else send()
    } as typeof postMessage
    const release = () => {
      MessagePort.prototype.postMessage = postMessage
      resolve()
    }
    Object.assign(globalThis, { holding: { release } })
  }, frames)
  return () => worker.evaluate(() => holding.release())
}

/** The next answer stands still after `steps` turns of the worker's event loop, one of which follows every token. */
export async function holdLanguage(page: Page, steps: number): Promise<() => Promise<void>> {
  const worker = workerOf(page, 'language')
  // A clip that was just opened is being prefilled, which takes turns as well: what is asked for now comes after it.
  await page.evaluate(async () => {
    const { clip } = valley.transcript()
    if (clip) await valley.score(clip.clipId, 'Is it read?', ['Yes.'])
  })
  await worker.evaluate((passing) => {
    const { postMessage } = MessagePort.prototype
    const { promise, resolve } = Promise.withResolvers<void>()
    let seen = 0
    // What the worker sends itself to let the loop run (workers/runtime/macrotask.ts) is null, and nothing else is.
    MessagePort.prototype.postMessage = function (this: MessagePort, message: unknown, ...rest: never[]) {
      const send = () => postMessage.call(this, message, ...rest)
      if (message !== null) return send()
      seen += 1
      if (seen > passing) void promise.then(send)
      else send()
    } as typeof postMessage
    const release = () => {
      MessagePort.prototype.postMessage = postMessage
      resolve()
    }
    Object.assign(globalThis, { holding: { release } })
  }, steps)
  return () => worker.evaluate(() => holding.release())
}
