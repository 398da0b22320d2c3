/** Puts the pictured conversations where the app keeps its own, with the sample clip that was opened in the page before. */
import type { Page } from 'playwright-core'
import type { Language } from '../../../src/app/i18n'
import { databaseName } from '../../../src/storage/database'
import type { ConversationRecord, TurnRecord } from '../../../src/storage/records'
import { type TalkName, words } from './talks'

const minute = 60_000
const day = 24 * 60 * minute
/** Questions in the long one: with their answers, 500 messages. */
const longTurns = 250

/** A copy of the opened clip under another name; `lost`: without its file. */
type ClipCopy = { readonly id: string; readonly conversationId: string; readonly name: string; readonly lost: boolean }

type Opened = {
  readonly clipId: string
  readonly name: string
  readonly timestamps: readonly number[]
  readonly duration: number
}

/** Waits until the opened clip is kept with its frames. */
async function openedClip(page: Page): Promise<Opened> {
  for (let tries = 0; tries < 100; tries++) {
    const record = await page.evaluate(async (name) => {
      const database = await new Promise<IDBDatabase>((resolve, reject) => {
        const request = indexedDB.open(name)
        request.onsuccess = () => resolve(request.result)
        request.onerror = () => reject(request.error)
      })
      const stores = database.transaction(['clips', 'frames', 'files'])
      const [clips, frames, files] = await Promise.all(
        ['clips', 'frames', 'files'].map(
          (store) =>
            new Promise<unknown[]>((resolve) => {
              const request = stores.objectStore(store).getAll()
              request.onsuccess = () => resolve(request.result)
            }),
        ),
      )
      database.close()
      const clip = clips?.[0] as
        | { id: string; name: string; timestamps: number[]; media: { duration: number } }
        | undefined
      if (!clip || clip.timestamps.length === 0 || frames?.length === 0 || files?.length === 0) return null
      return { clipId: clip.id, name: clip.name, timestamps: clip.timestamps, duration: clip.media.duration }
    }, databaseName)
    if (record) return record
    await page.waitForTimeout(100)
  }
  throw new Error('the sample clip was not kept')
}

/** Writes them all; the page finds them when it is loaded again. */
export async function seed(page: Page, language: Language): Promise<void> {
  const opened = await openedClip(page)
  const { conversations, turns, clips } = records(opened, language, Date.now())
  await page.evaluate(
    async ({ name, clipId, conversations, turns, clips }) => {
      const database = await new Promise<IDBDatabase>((resolve, reject) => {
        const request = indexedDB.open(name)
        request.onsuccess = () => resolve(request.result)
        request.onerror = () => reject(request.error)
      })
      const stores = database.transaction(['conversations', 'turns', 'clips', 'frames', 'files'], 'readwrite')
      const [clip, frames, file] = await Promise.all(
        ['clips', 'frames', 'files'].map(
          (store) =>
            new Promise<object>((resolve) => {
              const request = stores.objectStore(store).get(clipId)
              request.onsuccess = () => resolve(request.result)
            }),
        ),
      )
      // The one that the clip was opened in would only stand in the way.
      stores.objectStore('conversations').clear()
      for (const record of conversations) stores.objectStore('conversations').put(record)
      for (const record of turns) stores.objectStore('turns').put(record)
      for (const { id, conversationId, name: copyName, lost } of clips) {
        stores.objectStore('clips').put({ ...clip, id, conversationId, name: copyName })
        stores.objectStore('frames').put({ ...frames, clipId: id })
        if (!lost) stores.objectStore('files').put({ ...file, clipId: id })
      }
      await new Promise<void>((resolve, reject) => {
        stores.oncomplete = () => resolve()
        stores.onabort = () => reject(stores.error)
      })
      database.close()
    },
    { name: databaseName, clipId: opened.clipId, conversations, turns, clips },
  )
}

function records({ name, timestamps, duration }: Opened, language: Language, now: number) {
  const said = words[language]
  const conversations: ConversationRecord[] = []
  const turns: TurnRecord[] = []
  const clips: ClipCopy[] = []

  const add = (talk: TalkName, age: number, names: readonly string[], said: readonly Partial<TurnRecord>[]) => {
    const copies = names.map((copyName, index) => ({
      id: `${talk}-clip-${index}`,
      conversationId: talk,
      name: copyName,
      lost: talk === 'lost',
    }))
    clips.push(...copies)
    const own = said.map((part, index) => turn(`${talk}-${index}`, talk, copies[0] ?? null, now - age, part))
    turns.push(...own)
    conversations.push(conversation(talk, own[0]?.question ?? '', now - age, own, copies))
  }
  const nearest = (count: number, unsure = false) => ({
    frames: timestamps.slice(-count).map((timestamp) => ({ timestamp, similarity: 0.3 })),
    unsure,
  })
  const { titles } = said

  add(
    'answered',
    minute,
    [name],
    [
      {
        question: titles.answered,
        answer: said.markdown,
        evidence: nearest(4),
        stats: { ...stats(said.quotes), order: said.order },
      },
      { question: said.follow, answer: said.short, evidence: nearest(2), stats: stats([]) },
    ],
  )
  const part = duration / said.parts.length
  const segments = said.parts.map((text, index) => ({ start: index * part, end: (index + 1) * part, text }))
  add(
    'parts',
    2 * minute,
    [name],
    [{ question: titles.parts, answer: said.parts.join('\n'), segments, stats: stats([]) }],
  )
  const severalNames = [name, said.longName, 'b.webm', 'rolling-ball-2.webm']
  add('several', 3 * minute, severalNames, [
    { question: titles.several, answer: said.short, evidence: nearest(1) },
    {
      question: said.follow,
      answer: said.short,
      clipId: 'several-clip-1',
      clipName: said.longName,
      evidence: nearest(3),
    },
  ])
  add('lost', day, [name], [{ question: titles.lost, answer: said.short, evidence: nearest(2) }])
  add(
    'unsure',
    day + minute,
    [name],
    [{ question: titles.unsure, answer: said.doubtful, evidence: nearest(4, true), stats: stats([]) }],
  )
  add(
    'failed',
    4 * day,
    [name],
    [{ question: titles.failed, answer: '', status: 'failed', error: { code: 'device-lost', data: {} } }],
  )
  const many = Array.from({ length: longTurns }, (_, index) => ({
    question: index === 0 ? titles.long : said.follow,
    answer: index % 3 === 0 ? said.markdown : said.short,
    evidence: nearest(1 + (index % 4)),
    stats: stats([]),
  }))
  add('long', 5 * day, [name], many)
  for (const [index, title] of said.others.entries()) {
    const id = `other-${index}`
    const age = (6 + 12 * index) * day
    const only = turn(id, id, null, now - age, { question: title, answer: said.short })
    turns.push(only)
    conversations.push(conversation(id, title, now - age, [only], []))
  }
  return { conversations, turns, clips }
}

function conversation(
  id: string,
  title: string,
  at: number,
  turns: readonly TurnRecord[],
  clips: readonly ClipCopy[],
): ConversationRecord {
  return {
    id,
    name: null,
    title,
    createdAt: at,
    updatedAt: at,
    activeClip: clips[0]?.id ?? null,
    turns: turns.map((known) => known.id),
    clips: clips.map((known) => known.id),
  }
}

function turn(
  id: string,
  conversationId: string,
  clip: ClipCopy | null,
  askedAt: number,
  said: Partial<TurnRecord>,
): TurnRecord {
  return {
    id,
    conversationId,
    clipId: clip?.id ?? null,
    clipName: clip?.name ?? null,
    question: '',
    askedAt,
    answer: '',
    status: 'done',
    reason: 'end',
    segments: null,
    stats: null,
    pack: null,
    error: null,
    evidence: null,
    before: null,
    ...said,
  }
}

const stats = (quotes: readonly string[]) =>
  ({
    promptTokens: 214,
    reusedTokens: 160,
    newTokens: 48,
    timeToFirstToken: 640,
    prefillMs: 410,
    tokensPerSecond: 31.4,
    backend: 'webgpu',
    droppedTurns: 0,
    beams: 3,
    quotes,
  }) as const
