import { expect, test } from 'vitest'
import { samplePack as pack, sampleMedia, sampleStats as stats } from '../../tests/fixtures/sample'
import { ValleyError } from '../../workers/protocol'
import { toMarkdown } from './markdown'
import { type Conversation, type ConversationAction, conversationReducer, newConversation } from './model'
import { fileName } from './save-file'
import { fromJson, toJson } from './saved'
import { type Cue, timedDescriptions, toWebVtt } from './webvtt'

const media = sampleMedia(20)
const about = { clipId: 'clip', name: 'a_dog.mp4' }
const evidence = { frames: [{ timestamp: 7, similarity: 0.3 }], unsure: false }
type Chat = Extract<ConversationAction, { type: 'chat' }>['action']

function talk(...chat: Chat[]): Conversation {
  const opened: ConversationAction[] = [
    { type: 'clips', action: { type: 'added', id: 'clip', name: 'a_dog.mp4', file: new Blob(), active: true } },
    { type: 'clips', action: { type: 'event', id: 'clip', event: { type: 'opened', media, pack, fromCache: false } } },
  ]
  const actions = [...opened, ...chat.map((action): ConversationAction => ({ type: 'chat', action }))]
  return actions.reduce((state, action) => conversationReducer(state, action, 10), newConversation('talk', 1))
}
const asked = (turnId: string, question: string): Chat => ({ type: 'asked', turnId, question, about, at: 5 })
const finished = (turnId: string, answer: string): Chat => ({ type: 'finished', turnId, answer, reason: 'end', stats })

const full = talk(
  asked('a', '# What *is* it?\n1. really'),
  { type: 'sent', turnId: 'a', pack },
  finished('a', 'A **dog**.'),
  { type: 'evidence-found', turnId: 'a', evidence },
  asked('b', 'And then?'),
  { type: 'failed', turnId: 'b', answer: '', error: new ValleyError('context-full', { tokens: 900, limit: 768 }) },
)

test('Markdown reads like the chat, and what was typed stays text', () => {
  const words = { untitled: 'Untitled', you: 'You', noAnswer: 'None.', about: (name: string) => `About ${name}` }
  expect(toMarkdown(full, words)).toBe(
    `# \\# What \\*is\\* it? 1. really

## About a\\_dog.mp4

**You**

> \\# What \\*is\\* it?
> 1\\. really

A **dog**.

*0:07*

**You**

> And then?

*None.*
`,
  )
})

test('a conversation saved as JSON and opened again says the same, under ids of its own', () => {
  const back = fromJson(toJson(full))
  if (!back) throw new Error('not read')
  const clipId = back.clips.activeId
  expect(back).toMatchObject({ createdAt: 1, updatedAt: 10, clips: { order: [clipId] } })
  expect(back.id).not.toBe('talk')
  expect(back.chat.turns.map(({ id: _, clipId: __, ...turn }) => turn)).toEqual(
    full.chat.turns.map(({ id: _, clipId: __, ...turn }) => turn),
  )
  expect(back.chat.turns.map((turn) => turn.clipId)).toEqual([clipId, clipId])
  expect(back.chat.turns[1]?.error).toBeInstanceOf(ValleyError)
  expect(back.clips.clips[clipId ?? '']).toMatchObject({ name: 'a_dog.mp4', status: 'missing', media })
  expect(fromJson(toJson(full))?.chat.turns[0]?.id).not.toBe(back.chat.turns[0]?.id)
})

test('a file saved before answers named their pack is opened too', () => {
  const file = JSON.parse(toJson(full))
  expect(file.turns[0].pack).toEqual(pack)
  for (const turn of file.turns) delete turn.pack
  expect(fromJson(JSON.stringify(file))?.chat.turns.map((turn) => [turn.answer, turn.pack])).toEqual([
    ['A **dog**.', null],
    ['', null],
  ])
})

test('what is not a saved conversation is not opened', () => {
  const saved = JSON.parse(toJson(full))
  const changed = (change: (file: typeof saved) => void) => {
    const copy = structuredClone(saved)
    change(copy)
    return JSON.stringify(copy)
  }
  for (const text of [
    '',
    'null',
    '{"a":',
    '[]',
    '{}',
    changed((file) => (file.version = 2)),
    changed((file) => (file.format = 'other')),
    changed((file) => (file.turns[0].answer = { html: 1 })),
    changed((file) => (file.turns[0].status = 'hacked')),
    changed((file) => (file.turns[1].error.code = 'no-such-code')),
    changed((file) => (file.clips[0].media.rotation = 45)),
    changed((file) => delete file.turns),
  ]) {
    expect(fromJson(text), text).toBeNull()
  }
  expect(fromJson(changed(() => {}))).not.toBeNull()
})

test('timed descriptions of a clip come together in order, as WebVTT', () => {
  const segments = (turnId: string, ...found: Cue[]): Chat => ({ type: 'segments-found', turnId, segments: found })
  const clips = timedDescriptions(
    talk(
      asked('a', '?'),
      segments('a', { start: 10, end: 20, text: 'B & b' }),
      asked('b', '?'),
      finished('b', 'Not 0:03 of it.'),
      asked('c', '?'),
      segments('c', { start: 0, end: 4, text: 'A' }),
    ),
  )
  expect(clips.map(({ name }) => name)).toEqual(['a_dog.mp4'])
  expect(toWebVtt(clips[0]?.cues ?? [])).toBe(
    'WEBVTT\n\n00:00:00.000 --> 00:00:04.000\nA\n\n00:00:10.000 --> 00:00:20.000\nB &amp; b\n',
  )
  expect(toWebVtt([{ start: 3661.5, end: 3700, text: 'a\n\n--> b' }])).toContain(
    '01:01:01.500 --> 01:01:40.000\na\n--&gt; b\n',
  )
})

test('clips of one name stay apart, and what was said twice of a part stands once', () => {
  const cue = (text: string): Cue => ({ start: 0, end: 3, text })
  const described = (turnId: string, clipId: string, ...found: Cue[]): Chat[] => [
    { type: 'asked', turnId, question: '?', about: { clipId, name: 'clip.webm' }, at: 1, byParts: true },
    { type: 'segments-found', turnId, segments: found },
  ]
  const clips = timedDescriptions(
    talk(
      ...described('a', 'one', cue('A dog.')),
      ...described('b', 'two', cue('A cat.')),
      ...described('c', 'one', cue('A dog.'), { start: 3, end: 6, text: 'Grass.' }),
    ),
  )
  expect(clips).toEqual([
    { name: 'clip.webm', cues: [cue('A dog.'), { start: 3, end: 6, text: 'Grass.' }] },
    { name: 'clip.webm', cues: [cue('A cat.')] },
  ])
})

test('file names hold nothing that a system forbids', () => {
  expect(fileName(talk(asked('a', 'What: a/b?\\c "d"')), 'Untitled', 'md')).toBe('What a b c d.md')
  expect(fileName(talk(asked('a', '...')), 'Untitled', 'md')).toBe('Untitled.md')
  expect(fileName(newConversation('x', 1), 'Untitled', 'md')).toBe('Untitled.md')
})
