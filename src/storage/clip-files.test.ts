import { expect, test, vi } from 'vitest'
import { ClipFiles, largestUnasked, rememberHandle } from './clip-files'

const handle = (file: File | null, permission: PermissionState = 'granted') => {
  const requestPermission = vi.fn(async () => 'granted' as const)
  const getFile = async () => {
    if (!file) throw new DOMException('', 'NotFoundError')
    return file
  }
  return { kind: 'file', getFile, queryPermission: async () => permission, requestPermission }
}
const files = () => {
  const kept = new Map()
  const keepFile = async (record: { clipId: string }) => void kept.set(record.clipId, record)
  return { kept, files: new ClipFiles({ keepFile, file: async (id) => kept.get(id) }) }
}
const large = (file: File) => Object.defineProperty(file, 'size', { value: largestUnasked + 1 })

test('copies are kept as the person chose, and large ones are asked about first', async () => {
  const { kept, files: f } = files()
  const small = new File(['x'], 'a.mp4')
  expect(await f.keep('a', small, 'copy')).toBe('copied')
  expect(await f.find('a', false)).toEqual({ kind: 'file', file: small, copy: true })
  const big = large(new File(['x'], 'b.mp4'))
  expect(await f.keep('b', big, 'copy')).toBe('asks')
  expect(kept.has('b')).toBe(false)
  expect(await f.keep('b', big, 'copy', true)).toBe('copied')
})

test('a place is kept where the browser gave one, else a copy', async () => {
  const { kept, files: f } = files()
  const file = new File(['x'], 'a.mp4')
  expect(await f.keep('a', file, 'link')).toBe('copied')
  rememberHandle(file, handle(file) as unknown as FileSystemFileHandle)
  expect(await f.keep('a', file, 'link')).toBe('linked')
  expect(kept.get('a').kind).toBe('handle')
  expect(await f.find('a', false)).toEqual({ kind: 'file', file, copy: false })
})

test('a withdrawn permission, a deleted file and one that was never kept are told apart', async () => {
  const { kept, files: f } = files()
  const file = new File(['x'], 'a.mp4')
  const locked = handle(file, 'prompt')
  kept.set('locked', { clipId: 'locked', kind: 'handle', handle: locked })
  kept.set('gone', { clipId: 'gone', kind: 'handle', handle: handle(null) })
  expect(await f.find('locked', false)).toEqual({ kind: 'locked' })
  expect(locked.requestPermission).not.toHaveBeenCalled()
  expect(await f.find('locked', true)).toEqual({ kind: 'file', file, copy: false })
  expect(await f.find('gone', false)).toEqual({ kind: 'missing' })
  expect(await f.find('never', false)).toEqual({ kind: 'missing' })
})
