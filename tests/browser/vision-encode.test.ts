import * as Comlink from 'comlink'
import { expect, test } from 'vitest'
import { encodeFile, fetchFile, sharedFiles, startVision } from './vision-support'

test('probe', async () => {
  for (const backend of ['webgpu', 'wasm'] as const) {
    const vision = startVision()
    const info = await vision.api.load(
      { packUrl: new URL('/models/valley-nano/pack.json', location.href).href, backend },
      Comlink.proxy(() => undefined),
    )
    console.warn(JSON.stringify(info), JSON.stringify(await vision.api.ledger()))
    for (const name of (await sharedFiles('videos')).slice(3, 6)) {
      const { clip, tokens, frames } = await encodeFile(vision, await fetchFile(`/test-data/videos/${name}`))
      console.warn(
        JSON.stringify(clip),
        tokens.patchTokens.slice(0, 4).join(),
        tokens.frameTokens.slice(-4).join(),
        frames.length,
        frames[0]?.thumbnail.size,
        JSON.stringify(await vision.api.ledger()),
      )
    }
    vision.end()
  }
  expect(1).toBe(1)
}, 150000)
