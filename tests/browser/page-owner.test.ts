/** One engine for all tabs, by Web Locks. Owners in one page contend for a lock as those of two tabs do. */
import { expect, test } from 'vitest'
import { EngineOwner } from '../../src/assistant/engine-owner'

function tab(lockName: string) {
  const log: string[] = []
  const engine = { start: () => void log.push('start'), suspend: () => void log.push('suspend') }
  return { log, owner: new EngineOwner(engine, navigator.locks, lockName) }
}
const newName = () => `test-engine-${crypto.randomUUID()}`
const reach = (owner: EngineOwner, state: string) => expect.poll(() => owner.getState()).toBe(state)

test('the first tab has the engine, the second says so, takes it over, and gives it back in the same way', async () => {
  const name = newName()
  const [first, second] = [tab(name), tab(name)]
  void first.owner.claim()
  await reach(first.owner, 'here')
  void second.owner.claim()
  await reach(second.owner, 'elsewhere')
  expect([first.log, second.log]).toEqual([['start'], []])
  second.owner.takeOver()
  await reach(first.owner, 'elsewhere')
  await reach(second.owner, 'here')
  expect([first.log, second.log]).toEqual([['start', 'suspend'], ['start']])
  first.owner.takeOver()
  await reach(second.owner, 'elsewhere')
  await reach(first.owner, 'here')
  expect([first.log, second.log]).toEqual([
    ['start', 'suspend', 'start'],
    ['start', 'suspend'],
  ])
})

test('a tab in line starts its engine when the other is closed', async () => {
  const name = newName()
  let close = () => {}
  void navigator.locks.request(
    name,
    () =>
      new Promise<void>((resolve) => {
        close = resolve
      }),
  )
  const { owner, log } = tab(name)
  void owner.claim()
  await reach(owner, 'elsewhere')
  expect(log).toEqual([])
  close()
  await reach(owner, 'here')
  expect(log).toEqual(['start'])
})

test('without Web Locks the engine starts regardless', async () => {
  const log: string[] = []
  const engine = { start: () => void log.push('start'), suspend: () => {} }
  const owner = new EngineOwner(engine, undefined)
  await owner.claim()
  expect([owner.getState(), ...log]).toEqual(['here', 'start'])
})
