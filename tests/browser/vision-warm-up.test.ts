/** A clip that comes while the encoder is being warmed. */
import { afterEach, expect, test, vi } from 'vitest'
import { VisionEngine } from '../../workers/vision/engine'
import { TowerLanes } from '../../workers/vision/tower-lanes'
import { tinyPackUrl } from './language-tiny'
import { fetchFile } from './vision-support'

afterEach(() => {
  vi.restoreAllMocks()
})

test('is opened beside a grey frame that is still being run', async () => {
  let letGo: () => void = () => undefined
  const held = new Promise<void>((resolve) => {
    letGo = resolve
  })
  const see = TowerLanes.prototype.see
  const seen = vi.spyOn(TowerLanes.prototype, 'see').mockImplementationOnce(async function (this: TowerLanes, frame) {
    await held
    return see.call(this, frame)
  })
  const engine = new VisionEngine()
  const file = await fetchFile('/tests/fixtures/clips/vp9.webm')
  await engine.load({ packUrl: tinyPackUrl('tiny-mean'), backend: 'wasm' }, () => undefined)
  await expect.poll(() => seen.mock.calls.length).toBe(1)
  const types: string[] = []
  for await (const event of engine.encode(file, { clipId: 'a', name: file.name }, new AbortController().signal)) {
    types.push(event.type)
    if (event.type === 'planned') letGo()
  }
  expect(types).toEqual(['opened', 'planned', 'frame', 'frame', 'frame', 'encoded'])
})
