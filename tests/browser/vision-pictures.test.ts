/** A clip given as its frames: pictures go the way of a video's frames, and come out as each of them alone. */
import * as Comlink from 'comlink'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type LedgerSnapshot, ValleyError } from '../../workers/protocol'
import { tinyPackUrl } from './language-tiny'
import { encodeFile, restingLedger, startVision, type VisionWorker } from './vision-support'

let vision: VisionWorker
let resting: LedgerSnapshot
beforeAll(async () => {
  vision = startVision()
  const options = { packUrl: tinyPackUrl('tiny-mean'), backend: 'wasm' } as const
  await vision.api.load(
    options,
    Comlink.proxy(() => undefined),
  )
  resting = await restingLedger(vision)
}, 60_000)
afterAll(() => vision.end())

/** A PNG of one colour with a white corner. */
async function picture(color: string, width = 48, height = 48): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height)
  const context = canvas.getContext('2d')
  if (!context) throw new Error('no 2D context')
  context.fillStyle = color
  context.fillRect(0, 0, width, height)
  context.fillStyle = 'white'
  context.fillRect(0, 0, width / 3, height / 3)
  return canvas.convertToBlob({ type: 'image/png' })
}

const name = new File([], 'strip')

test('the tokens are those of the pictures by themselves: patches averaged, frames one after another', async () => {
  const pictures = [await picture('red'), await picture('blue', 64, 30)]
  const clip = await encodeFile(vision, name, { pictures })
  expect(clip.planned).toEqual([0.5, 1.5])
  expect(clip.clip).toMatchObject({
    frameTokens: 2,
    media: { kind: 'video', container: 'PNG', duration: 2, width: 48 },
  })
  const alone = [
    await encodeFile(vision, new File(pictures.slice(0, 1), 'a')),
    await encodeFile(vision, new File(pictures.slice(1), 'b')),
  ]
  expect([...clip.tokens.frameTokens]).toEqual(alone.flatMap(({ tokens }) => [...tokens.frameTokens]))
  for (const [at, value] of clip.tokens.patchTokens.entries()) {
    const [first = 0, second = 0] = alone.map(({ tokens }) => tokens.patchTokens[at])
    expect(value).toBeCloseTo((first + second) / 2, 4)
  }
  expect([...(alone[0]?.tokens.frameTokens ?? [])]).not.toEqual([...(alone[1]?.tokens.frameTokens ?? [])])
  await expect.poll(() => vision.api.ledger()).toEqual(resting)
})

test('beyond the budget pictures are taken evenly spread, as training takes them from a strip', async () => {
  const pictures = await Promise.all(['red', 'lime', 'blue', 'black'].map((color) => picture(color)))
  const two = await encodeFile(vision, name, { pictures, frames: 2 })
  const chosen = await encodeFile(vision, name, { pictures: pictures.filter((_, at) => at === 1 || at === 3) })
  expect(two.planned).toEqual([1, 3])
  expect([...two.tokens.frameTokens]).toEqual([...chosen.tokens.frameTokens])
})

test.each([
  ['empty-file', []],
  ['not-a-video', [new Blob(['no picture'])]],
])('%s', async (code, pictures) => {
  const thrown = await encodeFile(vision, name, { pictures }).catch((error: unknown) => error)
  expect(thrown instanceof ValleyError && thrown.code).toBe(code)
  await expect.poll(() => vision.api.ledger()).toEqual(resting)
})
