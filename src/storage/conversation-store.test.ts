import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { beforeEach, expect, test, vi } from 'vitest'
import { samplePack as pack } from '../../tests/fixtures/sample'
import {
  about,
  asked,
  chat,
  clips,
  encoded,
  finished,
  frame,
  media,
  opened,
  run,
} from '../../tests/fixtures/sample-conversation'
import { ValleyError } from '../../workers/protocol'
import { newConversation } from '../conversations/model'
import { ConversationStore } from './conversation-store'
import { openDatabase } from './database'

const none = new Map<string, string>()
const open = async () => new ConversationStore(await openDatabase(() => {}))

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory()
})

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

test('an answer cut off in the middle is kept as far as it got; a repeated one without a word gives back what was', async () => {
  const store = await open()
  const talk = run([
    ...opened,
    asked('a'),
    finished('a'),
    chat({ type: 'asked-anew', turnId: 'a', question: 'a?', about }),
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

test('an edited question without a word of its answer waits again, with the old answer at hand', async () => {
  const store = await open()
  const answered = run([...opened, asked('a'), finished('a')])
  const waiting = run([chat({ type: 'asked-anew', turnId: 'a', question: 'other?', about })], answered)
  const sent = run([chat({ type: 'sent', turnId: 'a', pack })], waiting)
  const begun = run([chat({ type: 'writing', turnId: 'a' })], sent)
  for (const talk of [waiting, sent, begun]) {
    await store.save(talk, null, none)
    expect((await store.load('talk'))?.chat.turns).toEqual(waiting.chat.turns)
  }
  await store.save(begun, null, new Map([['a', 'half a sen']]))
  const [turn] = (await store.load('talk'))?.chat.turns ?? []
  expect(turn).toMatchObject({ question: 'other?', answer: 'half a sen', status: 'stopped' })
})

test('a change of what is stored is written as one, and none is', async () => {
  const store = await open()
  const other = await open()
  const start = run([asked('a'), finished('a')])
  await store.save(start, null, none)
  // The other's write begins meanwhile, and comes after.
  let theirs: Promise<void> | undefined
  await store.amend('talk', (stored) => {
    theirs = other.save(run([asked('theirs')], start), start, none)
    return stored && run([asked('ours')], stored)
  })
  await theirs
  expect((await store.load('talk'))?.chat.turns.map(({ id }) => id)).toEqual(['a', 'theirs', 'ours'])
  const put = vi.spyOn(IDBObjectStore.prototype, 'put')
  await store.amend('talk', () => null)
  await store.amend('nobody', (stored) => stored)
  expect(put).not.toHaveBeenCalled()
  put.mockRestore()
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

test('a clip that is taken out goes with its frames and file; a conversation with nothing left in it is not listed', async () => {
  const database = await openDatabase(() => {})
  const store = new ConversationStore(database)
  const before = run(opened)
  await store.save(before, null, none)
  await store.keepFile({ clipId: 'clip', kind: 'copy', blob: new Blob(['film']) })
  expect(await store.list()).toMatchObject([{ title: 'holiday.mp4' }])
  await store.save(run([clips({ type: 'removed', id: 'clip', show: null })], before), before, none)
  const left = await Promise.all((['clips', 'frames', 'files'] as const).map((name) => database.count(name)))
  expect(left).toEqual([0, 0, 0])
  expect(await store.list()).toEqual([])
})

test('removing a conversation leaves nothing of it', async () => {
  const database = await openDatabase(() => {})
  const store = new ConversationStore(database)
  await store.save(run([...opened, asked('a')]), null, none)
  await store.keepFile({ clipId: 'clip', kind: 'copy', blob: new Blob(['film']) })
  expect(await store.copies()).toEqual([{ clipId: 'clip', bytes: 4, clip: 'holiday.mp4', conversation: 'a?' }])
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
