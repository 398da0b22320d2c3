import { afterEach, expect, test } from 'vitest'
import { holdLockWhileAnswering, untilNobodyAnswers } from '../../src/pwa/answer-lock'

/** As much of a session as the lock looks at. */
class Answering {
  #turn: string | null = null
  readonly #listeners = new Set<() => void>()
  getState = () => ({ runningTurn: this.#turn })
  subscribe = (listener: () => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
  set(turn: string | null): void {
    this.#turn = turn
    for (const listener of this.#listeners) listener()
  }
}

const opened: (() => void)[] = []
function open(): Answering {
  const session = new Answering()
  opened.push(holdLockWhileAnswering(session))
  return session
}
afterEach(() => {
  for (const close of opened.splice(0)) close()
})

/** Whether a promise is still pending once the browser has dealt with every lock that was asked for or let go of before. */
async function stillWaits(promise: Promise<void>): Promise<boolean> {
  let settled = false
  void promise.then(() => {
    settled = true
  })
  // What is let go of is told in an answer to a call of its own, and what that frees in another.
  for (let round = 0; round < 4; round++) await navigator.locks.query()
  return !settled
}

test('with no answer under way there is nothing to wait for', async () => {
  open()
  await untilNobodyAnswers()
})

test('every tab that answers is waited for', async () => {
  const [one, two] = [open(), open()]
  one.set('a')
  two.set('b')
  const idle = untilNobodyAnswers()
  one.set(null)
  expect(await stillWaits(idle)).toBe(true)
  two.set(null)
  await idle
})

test('an answer that begins right after another is waited for too', async () => {
  const session = open()
  session.set('first')
  const idle = untilNobodyAnswers()
  session.set(null)
  session.set('second')
  expect(await stillWaits(idle)).toBe(true)
  session.set(null)
  await idle
})

test('closing the watch frees the lock', async () => {
  const session = new Answering()
  const close = holdLockWhileAnswering(session)
  session.set('a')
  close()
  await untilNobodyAnswers()
})
