import { describe, expect, test } from 'vitest'
import { contentHash } from '../../workers/cache/content-hash'
import { packRecord, unpackRecord } from '../../workers/cache/records'

describe('content hash', () => {
  const mebibyte = 2 ** 20
  const large = (change?: number) => {
    const bytes = new Uint8Array(5 * mebibyte)
    if (change !== undefined) bytes[change] = 1
    return bytes
  }
  const hash = (bytes: Uint8Array<ArrayBuffer>) => contentHash(new Blob([bytes]))

  test('does not depend on name or type, but on content and size', async () => {
    const one = await contentHash(new File([large()], 'a.mp4', { type: 'video/mp4' }))
    expect(await contentHash(new File([large()], 'b.webm', { type: '' }))).toBe(one)
    expect(await hash(large().subarray(1))).not.toBe(one)
    expect(one).toMatch(/^[0-9a-f]{64}$/)
  })

  test('a large file is told by its first, middle and last MiB, and only these are read', async () => {
    const zeros = await hash(large())
    for (const at of [0, mebibyte - 1, 2.5 * mebibyte, 5 * mebibyte - 1]) {
      expect(await hash(large(at)), String(at)).not.toBe(zeros)
    }
    expect(await hash(large(1.5 * mebibyte))).toBe(zeros)
  })

  test('a small file is told by every byte', async () => {
    const bytes = new Uint8Array(3 * mebibyte)
    expect(await hash(bytes.with(1.4 * mebibyte, 1))).not.toBe(await hash(bytes))
  })

  test('pictures count in their order', async () => {
    const [a, b] = [new Blob(['a']), new Blob(['b'])]
    expect(await contentHash([a, b])).not.toBe(await contentHash([b, a]))
    expect(await contentHash([a, b])).toBe(await contentHash([a, b]))
  })
})

describe('a record as a file', () => {
  const record = { meta: { quotes: ['A dog.'] }, parts: [Uint8Array.of(1, 2, 3), Uint8Array.of(9)] }
  const file = async () => new Uint8Array(await new Blob(await packRecord(record)).arrayBuffer())

  test('comes back, each part in a buffer of its own', async () => {
    const back = await unpackRecord(await file())
    expect(back).toEqual(record)
    expect(back?.parts.map(({ buffer }) => buffer.byteLength)).toEqual([3, 1])
  })

  test('is nothing once a bit of it changed or its end is missing', async () => {
    const whole = await file()
    for (const at of [0, 30, 57, whole.length - 1]) {
      expect(await unpackRecord(whole.with(at, (whole[at] ?? 0) ^ 4)), String(at)).toBeNull()
    }
    expect(await unpackRecord(whole.subarray(0, -1))).toBeNull()
    expect(await unpackRecord(new Uint8Array(0))).toBeNull()
  })
})
