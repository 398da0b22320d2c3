import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { beforeEach, expect, test, vi } from 'vitest'
import { sampleStats as stats } from '../../tests/fixtures/sample'
import { encoded, frame, media } from '../../tests/fixtures/sample-conversation'
import { ConversationStore } from './conversation-store'
import { databaseName, databaseVersion, openDatabase } from './database'

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory()
})

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

  const store = new ConversationStore(await openDatabase(() => {}))
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
