import { describe, expect, test, vi } from 'vitest'
import { type AnswerEvent, type AskRequest, type EncodeEvent, ValleyError } from '../../workers/protocol'
import { deferred } from '../assistant/deferred'
import { activeClip } from '../clip/reducer'
import { Session, type SessionEngine } from './session'

const media = {
  kind: 'video',
  container: 'MP4',
  codec: 'avc1.42001f',
  width: 320,
  height: 180,
  rotation: 0,
  duration: 2,
} as const
const pack = { id: 'p', name: 'Pack', version: '1', hash: 'h' }
const stats = {
  promptTokens: 10,
  reusedTokens: 0,
  newTokens: 2,
  timeToFirstToken: 5,
  prefillMs: 4,
  tokensPerSecond: 20,
  backend: 'wasm',
  droppedTurns: 0,
  beams: 1,
  quotes: [],
} as const

/** An engine whose clips open and whose answers come when the test says so. */
function fakeEngine({ hasTextTower = true } = {}) {
  const encodes = new Map<string, ReturnType<typeof deferred<void>>>()
  const requests: AskRequest[] = []
  let answer: ReturnType<typeof deferred<void>> = deferred()
  const forgotten: string[] = []
  const engine: SessionEngine = {
    async *encode(_file, options, signal): AsyncGenerator<EncodeEvent, void, undefined> {
      const gate = deferred<void>()
      encodes.set(options.name, gate)
      signal.addEventListener('abort', () => gate.reject(new ValleyError('aborted')))
      yield { type: 'opened', media, pack, fromCache: false }
      await gate.promise
      const vector = new Float32Array([1])
      yield { type: 'frame', index: 0, timestamp: 0.5, thumbnail: new Blob(), vector }
      const clip = {
        clipId: options.clipId,
        media,
        timestamps: [0.5, 1.5],
        patchTokens: 16,
        frameTokens: 2,
        backend: 'wasm',
        route: 'planes',
        timings: { open: 1, decode: 1, encode: 1, total: 3 },
        contentHash: 'c',
        fromCache: false,
      } as const
      yield { type: 'encoded', clip }
    },
    async *ask(request, signal): AsyncGenerator<AnswerEvent, void, undefined> {
      requests.push(request)
      if (request.options?.temperature) {
        const text = `tried ${'very '.repeat(requests.length % 4)}`
        yield { type: 'text', text }
        yield { type: 'done', reason: 'end', ids: [1], stats }
        return
      }
      const gate = answer
      signal.addEventListener('abort', () => gate.reject(new ValleyError('aborted')))
      yield { type: 'prefill', done: 5, total: 10 }
      yield { type: 'text', text: ' A dog' }
      yield { type: 'draft', text: ' runs' }
      await gate.promise
      yield { type: 'text', text: ' runs.' }
      yield { type: 'done', reason: 'end', ids: [1, 2], stats }
    },
    prepare: async () => {},
    embedTexts: async (texts) => {
      if (!hasTextTower) throw new ValleyError('no-text-tower')
      // The longer a text, the nearer to the one frame.
      return Float32Array.from(texts, (text) => text.length / 1000)
    },
    forget: (clipId) => void forgotten.push(clipId),
  }
  const schedule = (callback: () => void) => {
    queueMicrotask(callback)
    return () => {}
  }
  const session = new Session(engine, { frames: 8, generation: { temperature: 0 } }, { schedule })
  return {
    session,
    requests,
    forgotten,
    finishClip: (name: string) => encodes.get(name)?.resolve(),
    failClip: (name: string, error: ValleyError) => encodes.get(name)?.reject(error),
    finishAnswer: () => {
      answer.resolve()
      answer = deferred()
    },
    failAnswer: (error: ValleyError) => {
      answer.reject(error)
      answer = deferred()
    },
  }
}

const turns = (session: Session) => session.transcript().turns
const until = (check: () => boolean) => vi.waitFor(() => expect(check()).toBe(true))

describe('asking', () => {
  test('a question asked before the clip is ready waits and is answered then', async () => {
    const { session, requests, finishClip, finishAnswer } = fakeEngine()
    session.ask('What is happening?')
    expect(turns(session)[0]?.status).toBe('waiting')
    session.openClip(new Blob(), 'dog.mp4')
    await until(() => activeClip(session.getState().clips)?.status === 'encoding')
    expect(requests).toHaveLength(0)
    finishClip('dog.mp4')
    await until(() => turns(session)[0]?.status === 'writing')
    expect(requests[0]).toMatchObject({ question: 'What is happening?', turns: [] })
    finishAnswer()
    await until(() => turns(session)[0]?.status === 'done')
    expect(turns(session)[0]).toMatchObject({ answer: 'A dog runs.', reason: 'end', stats: { newTokens: 2 } })
    expect(session.getState().announcement).toEqual({ kind: 'answer', text: 'A dog runs.' })
  })

  test('the next question carries the conversation', async () => {
    const { session, requests, finishClip, finishAnswer } = fakeEngine()
    session.openClip(new Blob(), 'dog.mp4')
    session.ask('What is happening?')
    await until(() => activeClip(session.getState().clips)?.status === 'encoding')
    finishClip('dog.mp4')
    await until(() => turns(session)[0]?.status === 'writing')
    finishAnswer()
    await until(() => turns(session)[0]?.status === 'done')
    session.ask('Where?')
    await until(() => requests.length === 2)
    expect(requests[1]?.turns).toEqual([{ question: 'What is happening?', answer: 'A dog runs.' }])
  })

  test('stop keeps what was written and what the likeliest beam has, and asking again replaces it', async () => {
    const { session, requests, finishClip, finishAnswer } = fakeEngine()
    session.openClip(new Blob(), 'dog.mp4')
    session.ask('What is happening?')
    await until(() => activeClip(session.getState().clips)?.status === 'encoding')
    finishClip('dog.mp4')
    await until(() => session.live.textWithDraft.endsWith('runs'))
    session.stop()
    expect(turns(session)[0]).toMatchObject({ status: 'stopped', answer: 'A dog runs' })
    expect(session.getState().runningTurn).toBeNull()
    finishAnswer()
    session.askAgain(turns(session)[0]?.id ?? '')
    await until(() => turns(session)[0]?.status === 'writing')
    finishAnswer()
    await until(() => turns(session)[0]?.status === 'done')
    expect(turns(session)).toHaveLength(1)
    expect(requests[1]?.turns).toEqual([])
  })

  test('an engine failure ends the turn with its error and the chat goes on', async () => {
    const { session, finishClip, finishAnswer, failAnswer } = fakeEngine()
    session.openClip(new Blob(), 'dog.mp4')
    session.ask('First?')
    await until(() => activeClip(session.getState().clips)?.status === 'encoding')
    finishClip('dog.mp4')
    await until(() => turns(session)[0]?.status === 'writing')
    failAnswer(new ValleyError('worker-died', { worker: 'language' }))
    await until(() => turns(session)[0]?.status === 'failed')
    expect(turns(session)[0]).toMatchObject({ answer: 'A dog', error: { code: 'worker-died' } })
    session.ask('Second?')
    await until(() => turns(session)[1]?.status === 'writing')
    finishAnswer()
    await until(() => turns(session)[1]?.status === 'done')
  })

  test('a waiting question can be taken back', () => {
    const { session } = fakeEngine()
    session.ask('What is happening?')
    session.stop()
    expect(turns(session)[0]).toMatchObject({ status: 'stopped', answer: '' })
  })

  test('blank text asks nothing', () => {
    const { session } = fakeEngine()
    session.ask('  \n')
    expect(turns(session)).toEqual([])
  })
})

async function answered(name = 'dog.mp4', options = {}) {
  const fake = fakeEngine(options)
  const id = fake.session.openClip(new Blob(), name)
  fake.session.ask('What is happening?')
  await until(() => activeClip(fake.session.getState().clips)?.status === 'encoding')
  fake.finishClip(name)
  await until(() => turns(fake.session)[0]?.status === 'writing')
  fake.finishAnswer()
  await until(() => turns(fake.session)[0]?.status === 'done')
  return { ...fake, id, turnId: turns(fake.session)[0]?.id ?? '' }
}

describe('answers', () => {
  test('the frames that an answer speaks of are found after it', async () => {
    const { session } = await answered()
    await until(() => turns(session)[0]?.evidence !== null)
    expect(turns(session)[0]?.evidence?.frames).toMatchObject([{ timestamp: 0.5 }])
  })

  test('without a text tower an answer stands without evidence', async () => {
    const { session } = await answered('dog.mp4', { hasTextTower: false })
    await until(() => session.getState().runningTurn === null)
    expect(turns(session)[0]).toMatchObject({ status: 'done', evidence: null })
  })

  test('an edited question is asked in place of the old one, without its own answer as history', async () => {
    const { session, requests, turnId, finishAnswer } = await answered()
    session.editQuestion(turnId, ' Where is it? ')
    await until(() => turns(session)[0]?.status === 'writing')
    expect(requests[1]).toMatchObject({ question: 'Where is it?', turns: [] })
    finishAnswer()
    await until(() => turns(session)[0]?.status === 'done')
    expect(turns(session)).toHaveLength(1)
  })

  test('of four sampled answers the one nearest to the frames is kept, with seeds of their own', async () => {
    const { session, requests, turnId } = await answered()
    session.askHarder(turnId)
    expect(turns(session)[0]).toMatchObject({ answer: 'A dog runs.', tries: { done: 0, total: 4 } })
    await until(() => turns(session)[0]?.status === 'done')
    expect(turns(session)[0]?.answer).toBe('tried very very very')
    const seeds = requests.slice(1).map(({ options }) => options?.seed)
    expect(new Set(seeds).size).toBe(4)
  })

  test('trying harder without a text tower says so before anything is sampled', async () => {
    const { session, requests, turnId } = await answered('dog.mp4', { hasTextTower: false })
    session.askHarder(turnId)
    await until(() => turns(session)[0]?.error !== null)
    expect(turns(session)[0]).toMatchObject({ answer: 'A dog runs.', status: 'done', error: { code: 'no-text-tower' } })
    expect(requests).toHaveLength(1)
  })
})

describe('clips', () => {
  test('a second clip stands beside the first, and either can be asked about', async () => {
    const { session, requests, forgotten, id, finishClip } = await answered('one.mp4')
    const second = session.openClip(new Blob(), 'two.mp4')
    session.ask('And here?')
    await until(() => activeClip(session.getState().clips)?.status === 'encoding')
    finishClip('two.mp4')
    await until(() => requests.length === 2)
    expect(requests[1]).toMatchObject({ clipId: second, turns: [] })
    session.stop()
    session.chooseClip(id)
    session.ask('And there?')
    await until(() => requests.length === 3)
    expect(requests[2]).toMatchObject({ clipId: id, turns: [{ question: 'What is happening?' }] })
    expect(forgotten).toEqual([])
    expect(session.getState().clips.order).toEqual([id, second])
  })

  test('a clip that fails leaves a notice and gives way to the one before', async () => {
    const { session, id, failClip } = await answered('one.mp4')
    session.openClip(new Blob(), 'bad.mp4')
    await until(() => activeClip(session.getState().clips)?.status === 'encoding')
    failClip('bad.mp4', new ValleyError('clip-damaged', { stage: 'demux' }))
    await until(() => session.getState().notices.length === 1)
    expect(session.getState().clips).toMatchObject({ activeId: id, order: [id] })
    const notice = session.getState().notices[0]
    expect(notice).toMatchObject({ kind: 'error', name: 'bad.mp4', error: { code: 'clip-damaged' } })
    session.dismiss(notice?.id ?? '')
    expect(session.getState().notices).toEqual([])
    expect(session.transcript().errors).toMatchObject([{ code: 'clip-damaged' }])
  })

  test('a known clip whose file is at fault waits for another; after other failures it can be taken up again', async () => {
    const { session, id, failClip, finishClip } = await answered('one.mp4')
    const again = async (code: 'clip-damaged' | 'out-of-memory') => {
      session.configure({ frames: session.getState().notices.length + 9, generation: { temperature: 0 } })
      await until(() => session.getState().clips.clips[id]?.status === 'encoding')
      failClip('one.mp4', new ValleyError(code))
    }
    await again('out-of-memory')
    await until(() => session.getState().clips.clips[id]?.status === 'closed')
    expect(session.getState().clips.activeId).toBeNull()
    session.chooseClip(id)
    await until(() => activeClip(session.getState().clips)?.status === 'encoding')
    finishClip('one.mp4')
    await until(() => activeClip(session.getState().clips)?.status === 'ready')
    await again('clip-damaged')
    await until(() => activeClip(session.getState().clips)?.status === 'missing')
    expect(turns(session)[0]?.answer).toBe('A dog runs.')
    session.replaceFile(id, new Blob(['another']))
    await until(() => activeClip(session.getState().clips)?.status === 'encoding')
  })

  test('several files all become clips, opened one after another; the first is shown', async () => {
    const { session, finishClip } = fakeEngine()
    session.openFiles([new File([], 'a.mp4'), new File([], 'b.mp4')])
    const statuses = () => Object.values(session.getState().clips.clips).map(({ status }) => status)
    expect(activeClip(session.getState().clips)?.name).toBe('a.mp4')
    await until(() => statuses()[0] === 'encoding')
    expect(statuses()[1]).toBe('opening')
    finishClip('a.mp4')
    await until(() => statuses()[1] === 'encoding')
    finishClip('b.mp4')
    await until(() => statuses().every((status) => status === 'ready'))
    expect(activeClip(session.getState().clips)?.name).toBe('a.mp4')
  })

  test('another number of frames encodes the open clip anew under the same id', async () => {
    const { session, forgotten, id, finishClip } = await answered('one.mp4')
    session.configure({ frames: 16, generation: { temperature: 0 } })
    expect(activeClip(session.getState().clips)?.status).toBe('opening')
    await until(() => activeClip(session.getState().clips)?.status === 'encoding')
    finishClip('one.mp4')
    await until(() => activeClip(session.getState().clips)?.status === 'ready')
    expect(session.getState().clips.activeId).toBe(id)
    expect(forgotten).toEqual([id])
  })

  test('closing a clip that was talked about puts it aside; it can be taken up again', async () => {
    const { session, requests, forgotten, id, finishClip } = await answered('one.mp4')
    session.closeClip()
    expect(forgotten).toEqual([id])
    expect(session.getState().clips).toMatchObject({ activeId: null, order: [id] })
    expect(turns(session)).toHaveLength(1)
    session.ask('Still there?')
    session.chooseClip(id)
    await until(() => activeClip(session.getState().clips)?.status === 'encoding')
    finishClip('one.mp4')
    await until(() => requests.length === 2)
    expect(requests[1]?.question).toBe('Still there?')
  })

  test('closing a clip that nothing was asked about takes it away', async () => {
    const { session, finishClip } = fakeEngine()
    session.openClip(new Blob(), 'one.mp4')
    await until(() => activeClip(session.getState().clips)?.status === 'encoding')
    finishClip('one.mp4')
    await until(() => activeClip(session.getState().clips)?.status === 'ready')
    session.closeClip()
    expect(session.getState().clips.order).toEqual([])
  })
})

describe('removing a clip', () => {
  test('its answers stay under its name, what runs or waits about it ends, and the clip beside it is shown', async () => {
    const { session, requests, forgotten, id, finishClip } = await answered('one.mp4')
    const second = session.openClip(new Blob(), 'two.mp4')
    await until(() => activeClip(session.getState().clips)?.status === 'encoding')
    finishClip('two.mp4')
    await until(() => activeClip(session.getState().clips)?.status === 'ready')
    session.chooseClip(id)
    session.ask('And then?')
    session.ask('And after that?')
    await until(() => turns(session)[1]?.status === 'writing')
    session.removeClip(id)
    expect(session.getState().clips).toMatchObject({ activeId: second, order: [second] })
    expect(forgotten).toEqual([id])
    expect(turns(session).map(({ status, clipName }) => [status, clipName])).toEqual([
      ['done', 'one.mp4'],
      ['stopped', 'one.mp4'],
      ['stopped', 'one.mp4'],
    ])
    expect(turns(session)[0]?.answer).toBe('A dog runs.')
    session.ask('Here?')
    await until(() => requests.length === 3)
    expect(requests[2]).toMatchObject({ clipId: second, question: 'Here?', turns: [] })
  })

  test('one that is still looked at is let go of, and one that is not shown leaves the shown one alone', async () => {
    const { session, forgotten, id } = await answered('one.mp4')
    const second = session.openClip(new Blob(), 'two.mp4', false)
    await until(() => session.getState().clips.clips[second]?.status === 'encoding')
    session.removeClip(second)
    expect(forgotten).toEqual([second])
    expect(session.getState().clips).toMatchObject({ activeId: id, order: [id] })
    session.removeClip(id)
    expect(session.getState().clips).toMatchObject({ activeId: null, order: [] })
    expect(turns(session)).toHaveLength(1)
  })
})

describe('conversations', () => {
  test('an answer goes on in the conversation that was left, and the clip is let go of after', async () => {
    const { session, forgotten, id, finishAnswer } = await answered('one.mp4')
    session.ask('And then?')
    await until(() => turns(session)[1]?.status === 'writing')
    const { id: first } = session.getState().conversation
    session.conversations.showNew()
    expect(turns(session)).toEqual([])
    expect(session.getState().conversations.map(({ title }) => title)).toEqual(['What is happening?'])
    expect(forgotten).toEqual([])
    finishAnswer()
    await until(() => forgotten.includes(id))
    // Nothing is kept here without storage: it cannot be shown again, and that changes nothing.
    await session.conversations.show(first)
    expect(turns(session)).toEqual([])
  })

  test('a new conversation in place of an empty one is the same one', () => {
    const { session } = fakeEngine()
    const { id } = session.getState().conversation
    session.conversations.showNew()
    expect(session.getState().conversation.id).toBe(id)
  })
})
