import { expect, test, vi } from 'vitest'
import { withinMemory } from '../../workers/runtime/buffers'

/** A device of which only the error scope counts. */
const deviceThat = (popErrorScope: () => Promise<GPUError | null>) => {
  const pushErrorScope = vi.fn()
  return { pushErrorScope, popErrorScope } as unknown as GPUDevice
}

test('what fits is handed over', async () => {
  const made = { dispose: vi.fn() }
  expect(
    await withinMemory(
      deviceThat(async () => null),
      'frames',
      () => made,
    ),
  ).toBe(made)
  expect(made.dispose).not.toHaveBeenCalled()
})

test.each<[string, () => Promise<GPUError | null>, object]>([
  ['too much', async () => ({ message: 'too much' }), { code: 'out-of-memory', data: { what: 'frames' } }],
  ['of a device that does not say', () => Promise.reject(new Error('lost')), { message: 'lost' }],
])('what is %s is disposed of', async (_, popErrorScope, error) => {
  const made = { dispose: vi.fn() }
  await expect(withinMemory(deviceThat(popErrorScope), 'frames', () => made)).rejects.toMatchObject(error)
  expect(made.dispose).toHaveBeenCalledTimes(1)
})
