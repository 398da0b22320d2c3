/** Recording as a person does it, from the camera that Chromium draws to the clip in the conversation. */
import { deleteDB } from 'idb'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { page, userEvent } from 'vitest/browser'
import { databaseName } from '../../src/storage/database'
import { ValleyError } from '../../workers/protocol'
import { type Mounted, mount } from './page-mount'

let mounted: Mounted | undefined
/** Every track that the browser gave since the test began. */
let tracks: MediaStreamTrack[] = []
const media = navigator.mediaDevices

beforeEach(async () => {
  localStorage.clear()
  const user = media.getUserMedia.bind(media)
  vi.spyOn(media, 'getUserMedia').mockImplementation(async (wanted) => {
    const stream = await user(wanted)
    tracks.push(...stream.getTracks())
    return stream
  })
  mounted = await mount()
})
afterEach(async () => {
  await mounted?.close()
  document.body.replaceChildren()
  expect(tracks.map(({ readyState }) => readyState)).toEqual(tracks.map(() => 'ended'))
  tracks = []
  vi.restoreAllMocks()
})

const button = (name: string) => page.getByRole('button', { name, exact: true })
const dialog = () => page.getByRole('dialog')
const clipNames = () => {
  const clips = mounted?.session.getState().clips
  return clips?.order.map((id) => clips.clips[id]?.name)
}
const textOf = (role: 'alert' | 'status' | 'timer') => expect.poll(() => dialog().getByRole(role).element().textContent)
/** Until so much of pictures is there, that a file can be made of. */
const aSecond = () => textOf('timer').toMatch(/^0:(0[1-9]|[1-5]\d) of 2:00$/)

test('two seconds from the camera become a clip of the conversation, which says how long it is', async () => {
  await button('Record from the camera').click()
  // Nothing is asked of the browser before the person says so here.
  await expect.element(button('Turn on the camera')).toBeVisible()
  expect(media.getUserMedia).not.toHaveBeenCalled()
  await button('Turn on the camera').click()
  const preview = page.getByLabelText('What is recorded')
  await expect.element(preview).toHaveAttribute('data-mirrored', 'true')
  expect((preview.element() as HTMLVideoElement).muted).toBe(true)
  await button('Start recording').click()
  await textOf('timer').toMatch(/^0:(0[2-9]|[1-5]\d) of 2:00$/)
  await button('Stop and open').click()
  await expect.element(dialog()).not.toBeInTheDocument()
  await expect
    .element(page.getByRole('heading', { name: /^Camera \d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d\.webm$/ }))
    .toBeVisible()
  const player = document.querySelector<HTMLVideoElement>('.player video')
  await expect.poll(() => player?.duration).toBeGreaterThan(1)
  expect(player?.duration).toBeLessThan(30)
  await expect.element(page.getByText('2 frames looked at')).toBeVisible()
})

test('a press beside the dialog or Escape loses nothing of what is recorded', async () => {
  await button('Record from the camera').click()
  await button('Turn on the camera').click()
  await button('Start recording').click()
  await aSecond()
  await userEvent.click(document.querySelector('.scrim') ?? document.body, { position: { x: 5, y: 5 } })
  await expect.element(page.getByRole('timer')).toBeVisible()
  await userEvent.keyboard('{Escape}')
  await expect.element(dialog()).not.toBeInTheDocument()
  expect(clipNames()).toEqual([expect.stringMatching(/^Camera /)])
})

test('a recording is kept even if the page goes away before a model has looked at it', async () => {
  await mounted?.close()
  sessionStorage.clear()
  await deleteDB(databaseName)
  mounted = await mount({ keeps: true, mishaps: { load: [new ValleyError('download-failed', { status: 503 })] } })
  await button('Record from the camera').click()
  await button('Turn on the camera').click()
  await button('Start recording').click()
  await aSecond()
  await button('Stop and open').click()
  await expect.element(dialog()).not.toBeInTheDocument()
  const [name] = clipNames() ?? []
  expect(name).toMatch(/^Camera /)
  await mounted.close()
  mounted = await mount({ keeps: true })
  await expect.element(page.getByRole('heading', { level: 1, name: name ?? '' })).toBeVisible()
  await expect.element(page.getByText('2 frames looked at')).toBeVisible()
})

test('the browser is told to ask before the page goes away with a recording', async () => {
  // What the page listens to follows what it shows.
  const leaves = () => expect.poll(() => window.dispatchEvent(new Event('beforeunload', { cancelable: true })))
  await button('Record from the camera').click()
  await button('Turn on the camera').click()
  await expect.element(button('Start recording')).toBeVisible()
  await leaves().toBe(true)
  await button('Start recording').click()
  await expect.element(page.getByRole('timer')).toBeVisible()
  await leaves().toBe(false)
  await button('Discard').click()
  await expect.element(button('Start recording')).toBeVisible()
  await leaves().toBe(true)
  await button('Close').click()
  await expect.element(dialog()).not.toBeInTheDocument()
  expect(clipNames()).toEqual([])
})

test('a refusal is a sentence with a next step, and can be tried again', async () => {
  vi.mocked(media.getUserMedia).mockRejectedValueOnce(new DOMException('', 'NotAllowedError'))
  await button('Record from the camera').click()
  await button('Turn on the camera').click()
  await textOf('alert').toContain('does not let this page use the camera. Allow it')
  await button('Try again').click()
  await expect.element(button('Start recording')).toBeVisible()
})

test('a camera that is unplugged midway leaves its recording, and the dialog says why it ended', async () => {
  await button('Record from the camera').click()
  await button('Turn on the camera').click()
  await button('Start recording').click()
  await aSecond()
  tracks[0]?.stop()
  await textOf('status').toContain('unplugged or switched off. What was recorded')
  expect(clipNames()).toEqual([expect.stringMatching(/^Camera /)])
  await button('Go on').click()
  await expect.element(dialog()).not.toBeInTheDocument()
})
