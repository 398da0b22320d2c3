import 'fake-indexeddb/auto'
import { describe, expect, test } from 'vitest'
import { world } from '../../tests/fixtures/engine-world'
import { answered, gatedSession, turns, until } from '../../tests/fixtures/gated-session'
import { hubAddress, ValleyError } from '../../workers/protocol'
import { activeClip } from '../clip/reducer'
import { Shelf } from '../storage/shelf'
import { Session } from './session'

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
    const { session, finishClip } = gatedSession()
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
    const { session, finishClip } = gatedSession()
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
    const { session } = gatedSession()
    const { id } = session.getState().conversation
    session.conversations.showNew()
    expect(session.getState().conversation.id).toBe(id)
  })
})

test('what is said and kept of a clip’s pooling is that of the tokens that are used now', async () => {
  const { engine } = world()
  await engine.changePack(hubAddress('someone/model'), 'mean')
  const shelf = new Shelf({ onTrouble: (_, cause) => expect(cause).toBeUndefined(), onMended: () => {} })
  const atOnce = (callback: () => void) => {
    queueMicrotask(callback)
    return () => {}
  }
  const session = new Session(engine, { frames: 8, generation: { temperature: 0 } }, { shelf, schedule: atOnce })
  const id = session.openClip(new Blob(['x']), 'one.mp4')
  await until(() => activeClip(session.getState().clips)?.status === 'ready')
  expect(session.transcript().clip?.pooling).toBe('mean')
  const seen = activeClip(session.getState().clips)
  await engine.setPooling('importance')
  session.ask('What?')
  await until(() => turns(session)[0]?.status === 'done')
  expect(session.transcript().clip?.pooling).toBe('importance')
  // What was seen of its frames stays as it was, and so does the clip.
  expect(activeClip(session.getState().clips)).toMatchObject({
    status: 'ready',
    frames: seen?.frames,
    pack: seen?.pack,
  })
  await shelf.flush()
  const stored = await shelf.load(session.getState().conversation.id)
  expect(stored?.clips.clips[id]?.encoded?.pooling).toBe('importance')
  await session.close()
})
