import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { beforeEach, expect, test, vi } from 'vitest'
import { asked, clips, finished, opened, run } from '../../tests/fixtures/sample-conversation'
import { newConversation } from '../conversations/model'
import { largestUnasked } from './clip-files'
import { ConversationStore } from './conversation-store'
import { openDatabase } from './database'
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

test('of a clip that goes before it was ever stored no file stays, written already or still being written', async () => {
  const { shelf: s } = shelf()
  const store = new ConversationStore(await openDatabase(() => {}))
  const shown = run(opened)
  const without = run([clips({ type: 'removed', id: 'clip', show: null })], shown)
  const file = new Blob(['film'])
  // Nothing of the conversation is written meanwhile.
  vi.spyOn(ConversationStore.prototype, 'save').mockResolvedValue()
  try {
    s.note(shown)
    await s.keepClip('clip', file, 'copy')
    expect(await store.copies()).toHaveLength(1)
    s.note(without)
    await vi.waitFor(async () => expect(await store.copies()).toEqual([]))

    const other = run(opened, newConversation('other', 1))
    s.note(other)
    const keeping = s.keepClip('clip', file, 'copy')
    await s.remove('other')
    await keeping
    await vi.waitFor(async () => expect(await store.copies()).toEqual([]))
  } finally {
    vi.restoreAllMocks()
    store.close()
    await s.close()
  }
})

test('a clip that comes back from its copy is not copied once more, however large; another file in its place is', async () => {
  const { shelf: s } = shelf()
  const keepFile = vi.spyOn(ConversationStore.prototype, 'keepFile')
  try {
    await s.keepClip('clip', new Blob(['film']), 'copy')
    const found = await s.findClip('clip', false)
    if (found.kind !== 'file') throw new Error('the copy is gone')
    Object.defineProperty(found.file, 'size', { value: largestUnasked + 1 })
    expect(await s.keepClip('clip', found.file, 'copy')).toBe('copied')
    expect(keepFile).toHaveBeenCalledOnce()
    expect(await s.keepClip('clip', new Blob(['another']), 'copy')).toBe('copied')
    expect(keepFile).toHaveBeenCalledTimes(2)
  } finally {
    vi.restoreAllMocks()
    await s.close()
  }
})
