import { describe, expect, test } from 'vitest'
import { answered, gatedSession, turns, until } from '../../tests/fixtures/gated-session'
import { asked, finished, opened, run } from '../../tests/fixtures/sample-conversation'
import { ValleyError } from '../../workers/protocol'
import { activeClip } from '../clip/reducer'

describe('asking', () => {
  test('a question asked before the clip is ready waits and is answered then', async () => {
    const { session, requests, finishClip, finishAnswer } = gatedSession()
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
    const { session, requests, finishClip, finishAnswer } = gatedSession()
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
    const { session, requests, finishClip, finishAnswer } = gatedSession()
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
    const { session, finishClip, finishAnswer, failAnswer } = gatedSession()
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
    const { session } = gatedSession()
    session.ask('What is happening?')
    session.stop()
    expect(turns(session)[0]).toMatchObject({ status: 'stopped', answer: '' })
  })

  test('blank text asks nothing', () => {
    const { session } = gatedSession()
    session.ask('  \n')
    expect(turns(session)).toEqual([])
  })
})

describe('answers', () => {
  test('the frames that an answer speaks of are found after it', async () => {
    const { session } = await answered()
    await until(() => turns(session)[0]?.evidence !== null)
    expect(turns(session)[0]?.evidence?.frames).toMatchObject([{ timestamp: 0.5 }])
  })

  test('an answer whose frames were not found before the page went away gets them once its clip is there again', async () => {
    const { session, finishClip } = gatedSession()
    session.conversations.takeIn(run([...opened, asked('a'), finished('a', 'A dog runs.')]))
    session.replaceFile('clip', new Blob())
    await until(() => activeClip(session.getState().clips)?.status === 'encoding')
    finishClip('holiday.mp4')
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
