import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { MemoryStorage } from '../../tests/fixtures/memory-storage'
import { about, asked, chat, clips, finished, opened, run } from '../../tests/fixtures/sample-conversation'
import { newConversation } from '../conversations/model'
import { largestUnasked } from './clip-files'
import { ConversationStore } from './conversation-store'
import { openDatabase } from './database'
import { Shelf } from './shelf'

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory()
  vi.stubGlobal('localStorage', new MemoryStorage())
})
afterEach(() => void vi.unstubAllGlobals())

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

describe('a page that goes away right after a question was asked', () => {
  const start = run([...opened, asked('a'), finished('a')])
  const loaded = async (s: Shelf, id = 'talk') => (await s.load(id))?.chat.turns.map(({ question }) => question)

  /** A shelf of a page that has shown `start`, and of which no write comes to an end any more. */
  async function going() {
    const { shelf: s } = shelf()
    s.note(start)
    await s.flush()
    vi.spyOn(ConversationStore.prototype, 'save').mockReturnValue(new Promise<never>(() => {}))
    return s
  }
  /** Its first write is under way, and the page is gone. */
  async function gone() {
    await vi.waitFor(() => expect(ConversationStore.prototype.save).toHaveBeenCalled())
    vi.restoreAllMocks()
  }

  test('the question is there at the next visit, and waits', async () => {
    const s = await going()
    s.note(run([asked('b')], start))
    await gone()
    const back = await shelf().shelf.load('talk')
    expect(back?.chat.turns).toMatchObject([{ status: 'done' }, { question: 'b?', status: 'waiting', clipId: 'clip' }])
    expect(Object.keys(localStorage)).toEqual([])
    expect(await loaded(shelf().shelf)).toEqual(['a?', 'b?'])
  })

  test('also where it would have begun its conversation, behind another write', async () => {
    const s = await going()
    s.note(run([{ type: 'named', name: 'Holiday' }], start))
    s.note(run([asked('b')], newConversation('other', 2)))
    await gone()
    const { shelf: later } = shelf()
    expect((await later.list()).map(({ title }) => title).sort()).toEqual(['a?', 'b?'])
    expect(await loaded(later, 'other')).toEqual(['b?'])
  })

  test('also where the database was not open yet', async () => {
    vi.spyOn(indexedDB, 'open').mockReturnValue(new EventTarget() as IDBOpenDBRequest)
    shelf().shelf.note(run([asked('b')]))
    vi.restoreAllMocks()
    expect(await loaded(shelf().shelf)).toEqual(['b?'])
  })

  test('an edited one stands in the place of the one before', async () => {
    const s = await going()
    s.note(run([chat({ type: 'asked-anew', turnId: 'a', question: 'x?', about })], start))
    await gone()
    const back = await shelf().shelf.load('talk')
    expect(back?.chat.turns).toMatchObject([
      { question: 'x?', status: 'waiting', before: { question: 'a?', answer: 'a!' } },
    ])
  })

  test('not where its conversation was deleted, by whichever tab, before or after the next visit began', async () => {
    const s = await going()
    s.note(run([asked('b')], start))
    s.note(run([asked('c')], newConversation('other', 2)))
    await gone()
    const tab = new ConversationStore(await openDatabase(() => {}))
    // An older version of the app knows nothing of what is noted.
    await tab.remove('talk')
    tab.close()
    const { shelf: later } = shelf()
    await later.remove('other')
    expect(await later.list()).toEqual([])
    expect(await loaded(shelf().shelf, 'other')).toBeUndefined()
    expect(Object.keys(localStorage)).toEqual([])
  })

  test('a disk that is full then does not take it: it comes with the visit that has room', async () => {
    const s = await going()
    s.note(run([asked('b')], start))
    await gone()
    vi.spyOn(console, 'warn').mockImplementation(() => {})
    vi.spyOn(ConversationStore.prototype, 'amend').mockRejectedValue(new DOMException('', 'QuotaExceededError'))
    expect(await loaded(shelf().shelf)).toEqual(['a?'])
    vi.restoreAllMocks()
    expect(await loaded(shelf().shelf)).toEqual(['a?', 'b?'])
  })

  test('in a page that stays, what is stored is noted no more, and is not asked twice', async () => {
    const { shelf: s } = shelf()
    s.note(start)
    const more = run([asked('b')], start)
    s.note(more)
    expect(Object.keys(localStorage)).toHaveLength(1)
    await s.flush()
    expect(Object.keys(localStorage)).toEqual([])
    s.note(run([finished('b')], more))
    await s.close()
    expect((await shelf().shelf.load('talk'))?.chat.turns).toMatchObject([{ id: 'a' }, { id: 'b', status: 'done' }])
  })

  test('another tab that opens just then takes nothing from the first', async () => {
    const { shelf: first } = shelf()
    first.note(start)
    await first.flush()
    const more = run([asked('b')], start)
    first.note(more)
    expect(await loaded(shelf().shelf)).toEqual(['a?', 'b?'])
    await first.flush()
    first.note(run([finished('b')], more))
    await first.close()
    expect((await shelf().shelf.load('talk'))?.chat.turns).toMatchObject([{ id: 'a' }, { id: 'b', status: 'done' }])
  })

  test('where nothing can be kept, nothing is noted either', async () => {
    globalThis.indexedDB = {
      open: () => {
        throw new DOMException('', 'SecurityError')
      },
    } as unknown as IDBFactory
    const { shelf: s } = shelf()
    await s.list()
    s.note(run([asked('a')]))
    expect(Object.keys(localStorage)).toEqual([])
  })
})
