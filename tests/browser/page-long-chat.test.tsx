/** A long chat in a real browser: its end is shown at first, and what is written draws nothing of the rest again. */
import { deleteDB } from 'idb'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { page } from 'vitest/browser'
import { AnswerStatsView } from '../../src/chat/answer-stats'
import type { ChatTurn } from '../../src/chat/reducer'
import { newConversation } from '../../src/conversations/model'
import { splitTimes } from '../../src/moments/times'
import { ConversationStore } from '../../src/storage/conversation-store'
import { databaseName, openDatabase } from '../../src/storage/database'
import { unseenClip } from '../fixtures/sample'
import { film, type Mounted, mount } from './page-mount'

// One is called for every answer that is drawn, the other for every piece of Markdown that is parsed.
vi.mock('../../src/chat/answer-stats', { spy: true })
vi.mock('../../src/moments/times', { spy: true })

const turn = (index: number): ChatTurn => ({
  id: `turn-${index}`,
  clipId: 'clip',
  clipName: 'long.mp4',
  question: `Question ${index}: what is there now?`,
  askedAt: index,
  answer: `**Answer ${index}.** A dog runs across the grass at 0:01 and then:\n\n- it stops\n- it looks around\n- it sleeps`,
  status: 'done',
  prefill: null,
  reason: 'end',
  stats: null,
  pack: null,
  error: null,
  evidence: null,
  segments: null,
  tries: null,
  before: null,
})

let mounted: Mounted

beforeEach(async () => {
  localStorage.clear()
  sessionStorage.clear()
  await deleteDB(databaseName)
  await page.viewport(1280, 800)
  const chat = { turns: Array.from({ length: 500 }, (_, index) => turn(index)) }
  const clips = { clips: { clip: unseenClip('clip', 'long.mp4') }, order: ['clip'], activeId: 'clip' }
  const store = new ConversationStore(await openDatabase(() => {}))
  await store.save({ ...newConversation('long', 1), chat, clips }, null, new Map())
  await store.keepFile({ clipId: 'clip', kind: 'copy', blob: film() })
  store.close()
  mounted = await mount({ keeps: true })
  await expect.element(page.getByText('2 frames looked at')).toBeVisible()
})
afterEach(() => mounted.close())

const drawn = () => document.querySelectorAll('.turn').length

test('of 500 messages the newest are drawn, and those before as the person goes back', async () => {
  await expect.poll(drawn).toBeGreaterThan(0)
  const before = drawn()
  expect(before).toBeLessThan(120)
  // Without scrolling there, which brings them as well.
  ;(page.getByRole('button', { name: /earlier/ }).element() as HTMLElement).click()
  await expect.poll(drawn).toBeGreaterThan(before)
  expect(drawn()).toBeLessThan(200)
})

test('while an answer is written no other is drawn or parsed again', async () => {
  const others = drawn()
  const written = () => mounted.session.live.text.length
  mounted.session.ask('endless')
  const last = () => document.querySelector('.turn:last-child .answer-text')?.textContent
  await expect.poll(last).toMatch(/on and on and/)
  expect(drawn()).toBe(others + 1)
  const [figures, parsed] = [vi.mocked(AnswerStatsView), vi.mocked(splitTimes)]
  figures.mockClear()
  parsed.mockClear()
  const begun = written()
  await expect.poll(() => written() - begun).toBeGreaterThan(1000)
  const texts = parsed.mock.calls.map(([text]) => text)
  expect(texts.length).toBeGreaterThan(0)
  expect(texts.filter((text) => !text.startsWith('on and'))).toEqual([])
  expect(figures).not.toHaveBeenCalled()
  mounted.session.stop()
  await expect.poll(() => document.querySelector('.turn:last-child')?.textContent).toContain('Stopped.')
  // What is counted is counted: the answer that ended has figures of its own.
  expect(figures).toHaveBeenCalled()
})
