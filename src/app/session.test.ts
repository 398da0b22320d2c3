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
function fakeEngine() {
  const encodes = new Map<string, ReturnType<typeof deferred<void>>>()
  const requests: AskRequest[] = []
  let answer: ReturnType<typeof deferred<void>> = deferred()
  const forgotten: string[] = []
  const engine: SessionEngine = {
    async *encode(_file, options, signal): AsyncGenerator<EncodeEvent, void, undefined> {
      const gate = deferred<void>()
      encodes.set(options.name, gate)
      signal.addEventListener('abort', () => gate.reject(new ValleyError('aborted')))
      yield { type: 'opened', media }
      await gate.promise
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
    forget: (clipId) => void forgotten.push(clipId),
  }
  const session = new Session(engine, { frames: 8, generation: { temperature: 0 } }, (callback) => {
    queueMicrotask(callback)
    return () => {}
  })
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
    await until(() => session.getState().clips.activeId !== null)
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
    await until(() => session.getState().clips.activeId !== null)
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
    await until(() => session.getState().clips.activeId !== null)
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

describe('clips', () => {
  test('the clip before is kept until the next is encoded, then forgotten', async () => {
    const { session, forgotten, finishClip } = fakeEngine()
    const first = session.openClip(new Blob(), 'one.mp4')
    await until(() => activeClip(session.getState().clips)?.status === 'encoding')
    finishClip('one.mp4')
    await until(() => activeClip(session.getState().clips)?.status === 'ready')
    session.openClip(new Blob(), 'two.mp4')
    await until(() => activeClip(session.getState().clips)?.name === 'two.mp4')
    expect(forgotten).toEqual([])
    await until(() => activeClip(session.getState().clips)?.status === 'encoding')
    finishClip('two.mp4')
    await until(() => forgotten.includes(first))
    expect(session.getState().clips.order).toHaveLength(1)
  })

  test('a clip that fails leaves a notice and gives way to the one before', async () => {
    const { session, finishClip, failClip } = fakeEngine()
    const first = session.openClip(new Blob(), 'one.mp4')
    await until(() => activeClip(session.getState().clips)?.status === 'encoding')
    finishClip('one.mp4')
    await until(() => activeClip(session.getState().clips)?.status === 'ready')
    session.openClip(new Blob(), 'bad.mp4')
    await until(() => activeClip(session.getState().clips)?.status === 'encoding')
    failClip('bad.mp4', new ValleyError('clip-damaged', { stage: 'demux' }))
    await until(() => session.getState().notices.length === 1)
    expect(session.getState().clips.activeId).toBe(first)
    const notice = session.getState().notices[0]
    expect(notice).toMatchObject({ kind: 'error', name: 'bad.mp4', error: { code: 'clip-damaged' } })
    session.dismiss(notice?.id ?? '')
    expect(session.getState().notices).toEqual([])
    expect(session.transcript().errors).toMatchObject([{ code: 'clip-damaged' }])
  })

  test('of several files the first is opened, and that is said', () => {
    const { session } = fakeEngine()
    session.openFiles([new File([], 'a.mp4'), new File([], 'b.mp4')])
    expect(activeClip(session.getState().clips)?.name).toBe('a.mp4')
    expect(session.getState().notices).toMatchObject([{ kind: 'one-clip', name: 'a.mp4', count: 2 }])
  })

  test('another number of frames encodes the open clip anew under the same id', async () => {
    const { session, forgotten, finishClip } = fakeEngine()
    const id = session.openClip(new Blob(), 'one.mp4')
    await until(() => activeClip(session.getState().clips)?.status === 'encoding')
    finishClip('one.mp4')
    await until(() => activeClip(session.getState().clips)?.status === 'ready')
    session.configure({ frames: 16, generation: { temperature: 0 } })
    expect(activeClip(session.getState().clips)?.status).toBe('opening')
    await until(() => activeClip(session.getState().clips)?.status === 'encoding')
    finishClip('one.mp4')
    await until(() => activeClip(session.getState().clips)?.status === 'ready')
    expect(session.getState().clips.activeId).toBe(id)
    expect(forgotten).toEqual([id])
  })

  test('closing the clip lets go of it and keeps the chat', async () => {
    const { session, forgotten, finishClip, finishAnswer } = fakeEngine()
    const id = session.openClip(new Blob(), 'one.mp4')
    session.ask('What?')
    await until(() => activeClip(session.getState().clips)?.status === 'encoding')
    finishClip('one.mp4')
    await until(() => turns(session)[0]?.status === 'writing')
    finishAnswer()
    await until(() => turns(session)[0]?.status === 'done')
    session.closeClip()
    expect(forgotten).toContain(id)
    expect(session.getState().clips.order).toEqual([])
    expect(turns(session)).toHaveLength(1)
  })
})
