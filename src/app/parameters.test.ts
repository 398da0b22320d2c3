import { expect, test } from 'vitest'
import { summarizePack } from '../assistant/pack'
import { readParameters } from './parameters'
import { parseSettings } from './settings'

const read = (query: string) =>
  readParameters(new URL(`https://valley.test/app/${query}`), new URL('https://valley.test/app/'))

test('without parameters the embedded pack loads on backends of the engine’s choice', () => {
  const packUrl = 'https://valley.test/app/models/valley-nano/pack.json'
  expect(read('')).toEqual({ packUrl, generation: {} })
})

test('backends can be forced, nonsense cannot', () => {
  expect(read('?vision=wasm&language=webgpu')).toMatchObject({ visionBackend: 'wasm', languageBackend: 'webgpu' })
  expect(read('?vision=cuda')).not.toHaveProperty('visionBackend')
  expect(read('?flavour=f32')).toHaveProperty('languageFlavour', 'f32')
  expect(read('?flavour=f64')).not.toHaveProperty('languageFlavour')
  expect(read('?cache=off')).toHaveProperty('keepClips', false)
  expect(read('?cache=on')).not.toHaveProperty('keepClips')
  expect(read('?warm-up=off')).toHaveProperty('warmUp', false)
  expect(read('?warm-up=on')).not.toHaveProperty('warmUp')
})

test('how answers are made can be asked for, nonsense cannot', () => {
  const asked = read('?beams=3&length-penalty=0&repetition-penalty=1.2&max-new-tokens=24&quotes=off&frames=4')
  expect(asked.generation).toEqual({
    beams: 3,
    lengthPenalty: 0,
    repetitionPenalty: 1.2,
    maxNewTokens: 24,
    quotes: false,
  })
  expect(asked.frames).toBe(4)
  const nonsense = read('?beams=0&length-penalty=-1&repetition-penalty=none&max-new-tokens=&quotes=on&frames=-2')
  expect(nonsense).toEqual(read(''))
})

test('another pack is taken from the same origin only', () => {
  expect(read('?pack=tests/tiny/pack.json').packUrl).toBe('https://valley.test/app/tests/tiny/pack.json')
  expect(read('?pack=/tiny/pack.json').packUrl).toBe('https://valley.test/tiny/pack.json')
  expect(read('?pack=https://elsewhere.test/pack.json').packUrl).toBe(read('').packUrl)
})

test('stored settings are taken over, damaged or foreign ones fall back', () => {
  const defaults = {
    language: 'zh-CN',
    theme: 'system',
    frames: 8,
    creativity: 'precise',
    search: null,
    keeping: 'copy',
    figures: false,
    hub: 'https://huggingface.co',
  }
  expect(parseSettings(null, ['zh-CN'])).toEqual(defaults)
  expect(parseSettings('{not json', ['zh-CN'])).toEqual(defaults)
  expect(parseSettings('[1]', ['zh-CN'])).toEqual(defaults)
  expect(
    parseSettings(
      '{"theme":"neon","frames":1000,"creativity":"wild","search":"deep","language":"xx","hub":"ftp://x.y"}',
      ['zh'],
    ),
  ).toEqual(defaults)
  const chosen = {
    language: 'en',
    theme: 'dark',
    frames: 16,
    creativity: 'creative',
    search: 'careful',
    keeping: 'link',
    figures: true,
    hub: 'https://mirror.example.org:8443',
  }
  expect(parseSettings(JSON.stringify(chosen), ['zh-CN'])).toEqual(chosen)
})

test('a pack summary needs a name and languages', () => {
  const pack = {
    name: 'Nano',
    version: '1',
    licence: 'x',
    languages: ['en', 3],
    sampling: { maxFrames: 12 },
    prompt: { describeImage: 'Describe.' },
    captionStore: { source: 'COCO', licence: 'CC-BY-4.0' },
    generation: { beams: 3 },
  }
  expect(summarizePack(pack)).toEqual({
    name: 'Nano',
    version: '1',
    licence: 'x',
    languages: ['en'],
    maxFrames: 12,
    hub: null,
    describeImage: 'Describe.',
    describeVideo: '',
    captionSource: 'COCO',
    captionLicence: 'CC-BY-4.0',
    beams: 3,
  })
  const bare = summarizePack({ ...pack, generation: undefined, captionStore: undefined })
  expect(bare).toMatchObject({ beams: 1, captionSource: '', captionLicence: '' })
  expect(summarizePack({ name: 'Nano' })).toBeNull()
  expect(summarizePack('no pack')).toBeNull()
})
