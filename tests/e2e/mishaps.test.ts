import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { askQuestion, openClip, readTranscript, waitFor } from '../tools/drive'
import { clip, type Running, startApp, whenWriting } from './support'

declare const valley: { killWorker(name: 'vision' | 'language'): void; loseDevice(): Promise<void> }

let running: Running
const yoga = clip('askany_yoga.mp4', 'h264-edit-list.mp4')

beforeAll(async () => {
  // On a software adapter vision would choose the CPU; here its kernels must run.
  running = await startApp('?vision=webgpu')
})
afterAll(() => running?.close())

test('a file that is no video is refused with a sentence and its name, and the chat survives', async () => {
  const { page, driven } = running
  await openClip(driven, yoga.path)
  const first = await askQuestion(driven, 'Describe the video briefly.')
  expect(first.status).toBe('done')

  const path = join(mkdtempSync(join(tmpdir(), 'valley-')), 'notes.mp4')
  writeFileSync(path, 'This is not a film.\n'.repeat(50))
  const { errors, turns } = await openClip(driven, path)
  expect(errors.at(-1)?.code).toBe('not-a-video')
  expect(turns[0]?.answer).toBe(first.answer)
  const notice = page.locator('[data-code="not-a-video"]')
  await expect.poll(() => notice.innerText()).toContain('notes.mp4')
  expect(await notice.innerText()).not.toMatch(/Error:|at .*\.ts/)
  expect((await askQuestion(driven, 'Is it outdoors?')).status).toBe('done')
})

test('a worker killed mid-answer rejects that answer; the next question is answered by a new worker', async () => {
  const { page, driven } = running
  const kill = whenWriting(page, 'kill language')
  await driven.submit('Tell a long story about everything that can be seen.')
  await kill
  const { turns } = await waitFor(driven, (t) => t.turns.at(-1)?.status === 'failed', 60_000)
  expect(turns.at(-1)?.error?.code).toBe('worker-died')
  const next = await askQuestion(driven, 'Describe the video briefly.')
  expect(next.status).toBe('done')
  expect(next.answer.split(/\s+/).length).toBeGreaterThan(3)
})

test('the vision worker can die too: the next clip is looked at by a new one', async () => {
  const { page, driven } = running
  await page.evaluate(() => valley.killWorker('vision'))
  const { clip: encoded, errors } = await openClip(driven, yoga.path)
  expect(errors.filter((error) => error.code === 'worker-died')).toEqual([])
  expect(encoded?.backend).toBe('webgpu')
})

test('a lost GPU device is replaced without a reload', async () => {
  const { page, driven } = running
  await page.evaluate(() => valley.loseDevice())
  await openClip(driven, yoga.path)
  const turn = await askQuestion(driven, 'Describe the video briefly.')
  expect(turn.answer).toBe((await readTranscript(driven)).turns[0]?.answer)
})
