import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ValleyError } from '../../workers/protocol'
import {
  type Conversation,
  type ConversationAction,
  conversationReducer,
  newConversation,
} from '../conversations/model'
import { ClipFiles, largestUnasked, rememberHandle } from './clip-files'
import { ConversationStore } from './conversation-store'
import { databaseName, databaseVersion, openDatabase } from './database'
import { Keeper, type Saves } from './keeper'
import { Shelf } from './shelf'

const none = new Map<string, string>()
const about = { clipId: 'clip', name: 'holiday.mp4' }
const chat = (action: Extract<ConversationAction, { type: 'chat' }>['action']): ConversationAction => ({
  type: 'chat',
  action,
})
const clips = (action: Extract<ConversationAction, { type: 'clips' }>['action']): ConversationAction => ({
  type: 'clips',
  action,
})
const asked = (turnId: string, question = `${turnId}?`) => chat({ type: 'asked', turnId, question, about, at: 5 })
const stats = {
  promptTokens: 10,
  reusedTokens: 0,
  newTokens: 3,
  timeToFirstToken: 5,
  prefillMs: 4,
  tokensPerSecond: 20,
  backend: 'wasm',
  droppedTurns: 0,
  beams: 1,
  quotes: ['A dog runs.'],
} as const
const finished = (turnId: string, answer = `${turnId}!`) =>
  chat({ type: 'finished', turnId, answer, reason: 'end', stats })
const media = {
  kind: 'video',
  container: 'MP4',
  codec: 'avc1.42001f',
  width: 320,
  height: 180,
  rotation: 0,
  duration: 4,
} as const
const encoded = {
  clipId: 'clip',
  media,
  timestamps: [1],
  patchTokens: 16,
  frameTokens: 1,
  backend: 'wasm',
  route: 'planes',
  timings: { open: 1, decode: 2, encode: 3, total: 6 },
  contentHash: 'c',
  fromCache: false,
} as const
const pack = { id: 'p', name: 'Pack', version: '1', hash: 'h' }
const frame = { index: 0, timestamp: 1, thumbnail: new Blob(['t']), vector: new Float32Array([0.6, 0.8]) }
const opened: ConversationAction[] = [
  clips({ type: 'added', id: 'clip', name: 'holiday.mp4', file: new Blob(['film']), active: true }),
  clips({ type: 'event', id: 'clip', event: { type: 'opened', media, pack, fromCache: false } }),
  clips({ type: 'event', id: 'clip', event: { type: 'frame', ...frame } }),
  clips({ type: 'event', id: 'clip', event: { type: 'encoded', clip: encoded } }),
]
const run = (actions: readonly ConversationAction[], from = newConversation('talk', 1)): Conversation =>
  actions.reduce((state, action) => conversationReducer(state, action, 10), from)

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory()
})

const open = async () => new ConversationStore(await openDatabase(() => {}))

describe('the store', () => {
  test('a conversation comes back with its clips, frames, answers and errors', async () => {
    const store = await open()
    const error = new ValleyError('context-full', { tokens: 900, limit: 768 })
    const talk = run([
      ...opened,
      asked('a'),
      finished('a'),
      chat({
        type: 'evidence-found',
        turnId: 'a',
        evidence: { frames: [{ timestamp: 1, similarity: 0.3 }], unsure: true },
      }),
      asked('b'),
      chat({ type: 'failed', turnId: 'b', answer: '', error }),
    ])
    await store.save(talk, null, none)
    const back = await store.load('talk')
    expect(back?.chat.turns[0]).toEqual(talk.chat.turns[0])
    expect(back?.chat.turns[1]?.error).toBeInstanceOf(ValleyError)
    expect(back?.chat.turns[1]?.error).toMatchObject({ code: 'context-full', data: { tokens: 900 } })
    expect(back?.clips).toMatchObject({ activeId: 'clip', order: ['clip'] })
    const clip = back?.clips.clips.clip
    expect(clip).toMatchObject({ status: 'closed', file: null, media, encoded, pack, packBefore: null })
    expect([...(clip?.frames[0]?.vector ?? [])]).toEqual([...frame.vector])
    expect(await store.list()).toEqual([{ id: 'talk', title: 'a?', updatedAt: 10 }])
  })

  test('only what changed is written, and what is gone is deleted', async () => {
    const store = await open()
    const before = run([...opened, asked('a'), finished('a'), asked('b'), finished('b')])
    await store.save(before, null, none)
    const put = vi.spyOn(IDBObjectStore.prototype, 'put')
    const after = run([chat({ type: 'asked-anew', turnId: 'a', question: 'x?', about }), finished('a', 'x!')], before)
    await store.save(after, before, none)
    expect(put.mock.calls.map(([value]) => value.id)).toEqual(['talk', 'a'])
    put.mockRestore()
    expect((await store.load('talk'))?.chat.turns.map(({ question, answer }) => [question, answer])).toEqual([
      ['x?', 'x!'],
    ])
  })

  test('an answer cut off in the middle is kept as far as it got; one without a word gives back what was', async () => {
    const store = await open()
    const talk = run([
      ...opened,
      asked('a'),
      finished('a'),
      chat({ type: 'asked-anew', turnId: 'a', question: 'again?', about }),
      chat({ type: 'sent', turnId: 'a', pack }),
      asked('b'),
      chat({ type: 'sent', turnId: 'b', pack }),
      chat({ type: 'writing', turnId: 'b' }),
      asked('c'),
    ])
    await store.save(talk, null, new Map([['b', 'half a sen']]))
    expect((await store.load('talk'))?.chat.turns).toMatchObject([
      { question: 'a?', answer: 'a!', status: 'done' },
      { answer: 'half a sen', status: 'stopped' },
      { status: 'waiting' },
    ])
  })

  test('while a clip is encoded anew, what is stored of it stays', async () => {
    const store = await open()
    const before = run([...opened, asked('a')])
    await store.save(before, null, none)
    const newer = { ...pack, version: '2', hash: 'i' }
    const event = { type: 'opened', media, pack: newer, fromCache: false } as const
    const again = run([clips({ type: 'event', id: 'clip', event })], before)
    await store.save(again, before, none)
    const clip = (await store.load('talk'))?.clips.clips.clip
    expect(clip).toMatchObject({ encoded, pack, frames: { 0: { timestamp: 1 } } })
  })

  test('what another tab added to a conversation stays in it', async () => {
    const here = await open()
    const there = await open()
    const start = run([asked('a'), finished('a')])
    await here.save(start, null, none)
    await there.save(run([asked('theirs')], start), start, none)
    await here.save(run([asked('ours')], start), start, none)
    expect((await here.load('talk'))?.chat.turns.map(({ id }) => id)).toEqual(['a', 'ours', 'theirs'])
  })

  test('removing a conversation leaves nothing of it', async () => {
    const database = await openDatabase(() => {})
    const store = new ConversationStore(database)
    await store.save(run([...opened, asked('a')]), null, none)
    await store.keepFile({ clipId: 'clip', kind: 'copy', blob: new Blob(['film']) })
    expect(await store.copies()).toEqual(new Map([['talk', 4]]))
    await store.remove('talk')
    const counts = await Promise.all([...database.objectStoreNames].map((name) => database.count(name)))
    expect(counts).toEqual([0, 0, 0, 0, 0])
  })

  test('search looks through titles, questions, answers and names of clips, without case and accents', async () => {
    const store = await open()
    const named = { type: 'named', name: 'Sommer in Köln' } as const
    await store.save(run([...opened, asked('a', 'Who?'), finished('a', 'Two CAFÉ tables.'), named]), null, none)
    await store.save(run([asked('z', '这是哪里？')], newConversation('other', 2)), null, none)
    const found = async (query: string) => [...(await store.search(query))]
    expect(await found('koln')).toEqual(['talk'])
    expect(await found('tables CAFE')).toEqual(['talk'])
    expect(await found('holiday')).toEqual(['talk'])
    expect(await found('哪里')).toEqual(['other'])
    expect(await found('koln 哪里')).toEqual([])
  })
})

describe('versions', () => {
  test('a conversation stored before packs were noted opens as it was, from packs that are not known', async () => {
    const request = indexedDB.open(databaseName, 1)
    const base = await new Promise<IDBDatabase>((resolve) => {
      request.onupgradeneeded = () => {
        const { result } = request
        result.createObjectStore('conversations', { keyPath: 'id' })
        result.createObjectStore('turns', { keyPath: 'id' }).createIndex('conversation', 'conversationId')
        result.createObjectStore('clips', { keyPath: 'id' }).createIndex('conversation', 'conversationId')
        result.createObjectStore('frames', { keyPath: 'clipId' })
        result.createObjectStore('files', { keyPath: 'clipId' })
      }
      request.onsuccess = () => resolve(request.result)
    })
    const old = { question: 'a?', answer: 'a!', clipId: 'clip', clipName: 'holiday.mp4', askedAt: 5, status: 'done' }
    const plain = { ...old, id: 'a', reason: 'end', segments: null, stats, error: null, evidence: null }
    const waiting = { ...plain, answer: '', status: 'waiting', before: plain, conversationId: 'talk' }
    const written = base.transaction([...base.objectStoreNames], 'readwrite')
    const dates = { createdAt: 1, updatedAt: 10 }
    const talk = { id: 'talk', name: null, title: 'a?', ...dates, activeClip: 'clip', turns: ['a'], clips: ['clip'] }
    written.objectStore('conversations').put(talk)
    written.objectStore('turns').put(waiting)
    const clip = { id: 'clip', name: 'holiday.mp4', media, timestamps: [1], encoded, conversationId: 'talk' }
    written.objectStore('clips').put(clip)
    written.objectStore('frames').put({ clipId: 'clip', frames: [frame] })
    written.objectStore('files').put({ clipId: 'clip', kind: 'copy', blob: new Blob(['film']) })
    await new Promise((resolve) => written.addEventListener('complete', resolve))
    base.close()

    const store = await open()
    const back = await store.load('talk')
    expect(back?.chat.turns).toEqual([{ ...plain, pack: null, prefill: null, tries: null, before: null }])
    expect(back?.clips.clips.clip).toMatchObject({ encoded, pack: null, packBefore: null, frames: { 0: frame } })
    expect(await store.file('clip')).toMatchObject({ kind: 'copy' })
  })

  test('a database of a newer version is left alone', async () => {
    const newer = indexedDB.open(databaseName, databaseVersion + 1)
    await new Promise((resolve) => newer.addEventListener('success', resolve))
    newer.result.close()
    await expect(openDatabase(() => {})).rejects.toMatchObject({ name: 'VersionError' })
  })

  test('a newer version in another tab gets its way, and this tab hears of it', async () => {
    const released = vi.fn()
    await openDatabase(released)
    const newer = indexedDB.open(databaseName, databaseVersion + 1)
    await new Promise((resolve) => newer.addEventListener('success', resolve))
    expect(released).toHaveBeenCalledOnce()
  })
})

describe('the keeper', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  function keeper(save: Saves['save'] = async () => {}) {
    const saves = vi.fn(save)
    const onTrouble = vi.fn()
    const onMended = vi.fn()
    return {
      keeper: new Keeper({ save: saves, remove: async () => {} }, { onTrouble, onMended }),
      saves,
      onTrouble,
      onMended,
    }
  }

  test('changes in a row are written once, an answer that ended at once', async () => {
    const { keeper: k, saves } = keeper()
    const steps = [asked('a'), chat({ type: 'sent', turnId: 'a', pack })]
    k.note(run(steps.slice(0, 1)))
    k.note(run(steps))
    await vi.advanceTimersByTimeAsync(399)
    expect(saves).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(saves).toHaveBeenCalledOnce()
    k.note(run([...steps, finished('a')]))
    await vi.advanceTimersByTimeAsync(0)
    expect(saves).toHaveBeenCalledTimes(2)
  })

  test('a text that is being written is stored about once a second', async () => {
    const { keeper: k, saves } = keeper()
    const talk = run([asked('a')])
    k.loaded(talk)
    for (let piece = 1; piece <= 30; piece++) {
      k.noteText(talk, 'a', 'x'.repeat(piece))
      await vi.advanceTimersByTimeAsync(100)
    }
    expect(saves.mock.calls.length).toBeGreaterThanOrEqual(2)
    expect(saves.mock.calls.length).toBeLessThanOrEqual(3)
    expect(saves.mock.lastCall?.[2].get('a')?.length).toBeGreaterThan(10)
  })

  test('what could not be written is told, kept, and written with the next change', async () => {
    let full = true
    const {
      keeper: k,
      saves,
      onTrouble,
      onMended,
    } = keeper(async () => {
      if (full) throw new DOMException('', 'QuotaExceededError')
    })
    const talk = run([asked('a')])
    k.note(talk)
    await k.flush()
    expect(onTrouble).toHaveBeenCalledOnce()
    full = false
    const more = run([asked('b')], talk)
    k.note(more)
    await k.flush()
    expect(saves.mock.lastCall?.slice(0, 2)).toEqual([more, null])
    expect(onMended).toHaveBeenCalledOnce()
  })

  test('an empty conversation is not stored', async () => {
    const { keeper: k, saves } = keeper()
    k.note(newConversation('talk', 1))
    await k.flush()
    expect(saves).not.toHaveBeenCalled()
  })
})

describe('files of clips', () => {
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
    expect(await f.find('a', false)).toEqual({ kind: 'file', file: small })
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
    expect(await f.find('a', false)).toEqual({ kind: 'file', file })
  })

  test('a withdrawn permission, a deleted file and one that was never kept are told apart', async () => {
    const { kept, files: f } = files()
    const file = new File(['x'], 'a.mp4')
    const locked = handle(file, 'prompt')
    kept.set('locked', { clipId: 'locked', kind: 'handle', handle: locked })
    kept.set('gone', { clipId: 'gone', kind: 'handle', handle: handle(null) })
    expect(await f.find('locked', false)).toEqual({ kind: 'locked' })
    expect(locked.requestPermission).not.toHaveBeenCalled()
    expect(await f.find('locked', true)).toEqual({ kind: 'file', file })
    expect(await f.find('gone', false)).toEqual({ kind: 'missing' })
    expect(await f.find('never', false)).toEqual({ kind: 'missing' })
  })
})

describe('the shelf', () => {
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
})
