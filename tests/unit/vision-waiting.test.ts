import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Turns } from '../../workers/vision/turns'
import { withDeadline } from '../../workers/vision/watchdog'

const never = new Promise<never>(() => undefined)

describe('a deadline', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('a decoder that never answers becomes a damaged clip', async () => {
    const waiting = withDeadline(never, 20_000, new AbortController().signal, 'decode')
    const settled = expect(waiting).rejects.toMatchObject({
      code: 'clip-damaged',
      data: { stage: 'decode', detail: 'timeout' },
    })
    await vi.advanceTimersByTimeAsync(19_999)
    expect(vi.getTimerCount()).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    await settled
  })

  test('abort ends the wait at once', async () => {
    const controller = new AbortController()
    const waiting = withDeadline(never, 20_000, controller.signal, 'decode')
    controller.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('an answer and a failure pass through and leave no timer', async () => {
    const { signal } = new AbortController()
    expect(await withDeadline(Promise.resolve(7), 20_000, signal, 'open')).toBe(7)
    await expect(withDeadline(Promise.reject(new Error('broken')), 20_000, signal, 'open')).rejects.toThrow('broken')
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('turns', () => {
  test('one at a time, in order, whatever fails in between', async () => {
    const turns = new Turns()
    const order: string[] = []
    const job = (name: string, fail = false) =>
      turns.take(undefined, async () => {
        order.push(`${name} starts`)
        await Promise.resolve()
        order.push(`${name} ends`)
        if (fail) throw new Error(name)
      })
    const [a, b, c] = [job('a'), job('b', true), job('c')]
    await expect(b).rejects.toThrow('b')
    await Promise.all([a, c])
    expect(order).toEqual(['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends'])
  })

  test('who waits can be aborted, and holds nobody up', async () => {
    const turns = new Turns()
    const first = await turns.enter(undefined)
    const controller = new AbortController()
    const second = turns.enter(controller.signal)
    const third = turns.enter(undefined)
    controller.abort()
    await expect(second).rejects.toMatchObject({ code: 'aborted' })
    first()
    ;(await third)()
  })

  test('are busy for as long as somebody has the turn or waits for it', async () => {
    const turns = new Turns()
    expect(turns.busy).toBe(false)
    const first = await turns.enter(undefined)
    const second = turns.enter(undefined)
    first()
    expect(turns.busy).toBe(true)
    ;(await second)()
    await Promise.resolve()
    expect(turns.busy).toBe(false)
  })

  test('a short job runs once, where the long one pauses or when it is over', async () => {
    const { signal } = new AbortController()
    const turns = new Turns()
    const order: string[] = []
    const short = (name: string) =>
      turns.short(signal, async () => {
        order.push(name)
        return name
      })
    const leave = await turns.enter(undefined)
    const during = short('during')
    order.push('long')
    await turns.pause()
    expect(await during).toBe('during')
    const after = short('after')
    leave()
    expect(await after).toBe('after')
    expect(await short('alone')).toBe('alone')
    expect(order).toEqual(['long', 'during', 'after', 'alone'])
  })

  test('a short job that is given up is not run, and one that fails does not harm the long one', async () => {
    const turns = new Turns()
    const leave = await turns.enter(undefined)
    const controller = new AbortController()
    const job = vi.fn(async () => {})
    const given = turns.short(controller.signal, job)
    controller.abort()
    await expect(given).rejects.toMatchObject({ code: 'aborted' })
    const failing = turns.short(new AbortController().signal, () => Promise.reject(new Error('no words')))
    failing.catch(() => {})
    await turns.pause()
    await expect(failing).rejects.toThrow('no words')
    expect(job).not.toHaveBeenCalled()
    leave()
    ;(await turns.enter(undefined))()
  })
})
