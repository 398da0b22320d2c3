import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { askQuestion, openClip, readLedgers, readTranscript, waitFor } from '../tools/drive'
import { clip, dropFile, type Running, startApp, whenWriting } from './support'

let running: Running
const dog = clip('sam2_dog.mp4', 'h264-edit-list.mp4')
const cups = clip('tav_man_skiing.mp4', 'vp9.webm')

beforeAll(async () => {
  // On a software adapter vision would choose the CPU; here its kernels must run.
  running = await startApp('?vision=webgpu')
})
afterAll(() => running?.close())

describe('a person drops a clip and asks', () => {
  test('the first question gets a streamed answer about the clip', async () => {
    const { page, driven } = running
    await dropFile(page, dog.path, 'video/mp4')
    const { clip: encoded } = await waitFor(driven, (t) => t.clip !== null, 120_000)
    expect(encoded?.timestamps.length).toBeGreaterThan(0)
    expect(encoded?.frameTokens).toBe(encoded?.timestamps.length)
    expect(encoded).toMatchObject({ backend: 'webgpu', route: 'external-texture', patchTokens: 16 })

    const turn = await askQuestion(driven, 'Describe the video briefly.')
    expect(turn).toMatchObject({ status: 'done', error: null })
    expect(turn.answer.split(/\s+/).length).toBeGreaterThan(3)
    expect(turn.answer).not.toMatch(/�|<\|/)
    if (dog.shared) expect(turn.answer).toMatch(/dog|woman|girl|person/i)
    // What the transcript holds is what the page shows.
    await expect.poll(() => page.getByText(turn.answer).count()).toBeGreaterThan(0)
  })

  test('the second question costs only its own text', async () => {
    const turn = await askQuestion(running.driven, 'Is it outdoors?')
    expect(turn.status).toBe('done')
    expect(turn.answer.length).toBeGreaterThan(0)
    const { promptTokens = Number.NaN, reusedTokens = 0 } = turn.stats ?? {}
    expect(reusedTokens).toBeGreaterThan(30)
    expect(promptTokens - reusedTokens).toBeLessThan(60)
  })

  test('stop ends the third answer midway and keeps what was written', async () => {
    const { page, driven } = running
    const stop = whenWriting(page, 'click stop')
    await driven.submit('Write a long story about everything that can be seen, with every detail.')
    await stop
    const { turns } = await waitFor(driven, (t) => t.turns.at(-1)?.status === 'stopped', 60_000)
    const stopped = turns.at(-1)?.answer ?? ''
    expect(stopped.length).toBeGreaterThan(0)
    expect(turns.at(-1)?.stats).toBeNull()
    // The engine is free at once, and nothing more comes of what was stopped.
    expect((await askQuestion(driven, 'What colour is it?')).status).toBe('done')
    expect((await readTranscript(driven)).turns.at(-2)).toMatchObject({ status: 'stopped', answer: stopped })
  })

  test('another clip gets another answer, and the chat stays', async () => {
    const { driven } = running
    const before = (await readTranscript(driven)).turns
    await openClip(driven, cups.path)
    const turn = await askQuestion(driven, 'Describe the video briefly.')
    expect(turn.status).toBe('done')
    if (dog.shared) {
      expect(turn.answer).not.toBe(before[0]?.answer)
      expect(turn.answer).toMatch(/ski|snow|slope|mountain|hill/i)
    }
    // Where an answer was seen may be found after it.
    const said = ({ question, answer, status }: (typeof before)[number]) => [question, answer, status]
    expect((await readTranscript(driven)).turns.slice(0, before.length).map(said)).toEqual(before.map(said))
  })

  test('a clip opened and closed leaves no resource behind', async () => {
    const { page, driven } = running
    const close = page.getByRole('button', { name: 'Close the clip' })
    // After the last answer its frames are looked for, with the tower for texts, which then stays.
    await waitFor(driven, ({ turns }) => turns.at(-1)?.evidence != null, 60_000)
    await close.click()
    const empty = await readLedgers(driven)
    await openClip(driven, dog.path)
    await close.click()
    await expect.poll(() => readLedgers(driven)).toEqual(empty)
    expect(running.pageErrors).toEqual([])
  })
})
