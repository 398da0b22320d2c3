import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { beforeEach, expect, test, vi } from 'vitest'
import { asked, finished, run } from '../../tests/fixtures/sample-conversation'
import { Shelf } from './shelf'

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory()
})

const shelf = () => {
  const onTrouble = vi.fn()
  return { shelf: new Shelf({ onTrouble, onMended: () => {}, delay: 0 }), onTrouble }
}

test('what is said before the database is open is kept too', async () => {
  const first = shelf()
  first.shelf.note(run([asked('a'), finished('a')]))
  await first.shelf.close()
  const second = shelf()
  expect(await second.shelf.list()).toMatchObject([{ id: 'talk', title: 'a?' }])
  expect((await second.shelf.load('talk'))?.chat.turns).toHaveLength(1)
})

test('without storage everything goes on, and that is said', async () => {
  globalThis.indexedDB = {
    open: () => {
      throw new DOMException('', 'SecurityError')
    },
  } as unknown as IDBFactory
  const { shelf: s, onTrouble } = shelf()
  s.note(run([asked('a')]))
  expect(await s.list()).toEqual([])
  expect(await s.load('talk')).toBeNull()
  expect(await s.keepClip('clip', new Blob(['x']), 'copy')).toBeNull()
  expect(onTrouble).toHaveBeenCalledExactlyOnceWith('no-storage', expect.any(DOMException))
})
