/** When the tower without a GPU gets its second worker. */
import { afterEach, expect, test, vi } from 'vitest'
import { Ledger } from '../../workers/runtime/ledger'
import { LoadedPack } from '../../workers/vision/loaded-pack'
import { TowerLanes } from '../../workers/vision/tower-lanes'
import { WasmEncoder } from '../../workers/vision/wasm-encoder'
import { tinyPackUrl } from './language-tiny'

afterEach(() => {
  vi.restoreAllMocks()
})

/** An encoder without a clip so far, and what asks for its second worker. */
async function freshEncoder() {
  const grow = vi.spyOn(TowerLanes.prototype, 'grow').mockImplementation(async () => undefined)
  const pack = await LoadedPack.read(tinyPackUrl('tiny-mean'), new Ledger(), () => undefined)
  return { grow, encoder: await WasmEncoder.create(new Ledger(), pack) }
}

test('not beside the first clip of few frames, which would be done before it; beside the next one', async () => {
  const { grow, encoder } = await freshEncoder()
  for (const opened of [0, 1]) {
    const job = await encoder.begin(8)
    job.dispose()
    expect(grow).toHaveBeenCalledTimes(opened)
  }
  await encoder.dispose()
})

test('beside a first clip of many frames', async () => {
  const { grow, encoder } = await freshEncoder()
  const job = await encoder.begin(64)
  job.dispose()
  expect(grow).toHaveBeenCalledTimes(1)
  await encoder.dispose()
})
