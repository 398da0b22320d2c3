/** What the hub says, and what its refusals mean, over a server of this machine that behaves like it. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { listRepository, waitSeconds } from '../../workers/packs/hub/api'
import { gitBlob, inspectRepository } from '../../workers/packs/hub/download'
import type { HubDevice } from '../../workers/packs/hub/precision'
import { parseRepository } from '../../workers/packs/hub/repository'
import { noiseCommit, noiseRepository } from '../tools/hub-fixture'
import { type HubServer, startHubServer } from '../tools/hub-server'

const cpu: HubDevice = { webgpu: null, memoryGiB: 8, storageBufferBytes: null }
const name = 'someone/Small-VLM'
let hub: HubServer

beforeAll(async () => {
  hub = await startHubServer({ [name]: noiseRepository })
})
afterEach(() => {
  hub.mishaps.clear()
  hub.requests.length = 0
  hub.repositories.set(name, noiseRepository)
})
afterAll(() => hub.stop())

const named = (repository: string, revision: string | null = null) => ({ repository, revision })
test.each([
  ['HuggingFaceTB/SmolVLM2-256M-Video-Instruct', named('HuggingFaceTB/SmolVLM2-256M-Video-Instruct')],
  [' https://huggingface.co/a.b/c_d/tree/main/onnx ', named('a.b/c_d', 'main')],
  ['https://huggingface.co/a/b/tree/refs%2Fpr%2F8', named('a/b', 'refs/pr/8')],
  ['a/b/c', named('a/b')],
  ['a/b@v1.0', named('a/b', 'v1.0')],
  ['a/b@refs/pr/8', named('a/b', 'refs/pr/8')],
  ['a/b@', null],
  ['a/b@../c', null],
  ['a/b@x y', null],
  ['a/b/tree/%', null],
  ['gpt2', null],
  ['../etc/passwd', null],
  ['a/b?x', null],
  ['', null],
])('a repository’s name out of %j is %j', (typed, name) => expect(parseRepository(typed)).toEqual(name))

test('a branch is resolved to its commit, with sizes, hashes, licence and languages', async () => {
  const listing = await listRepository(hub.origin, name, 'main')
  expect(listing).toMatchObject({ commit: noiseCommit, licence: 'apache-2.0', languages: ['en'] })
  const graph = listing.files.find(({ path }) => path === 'onnx/vision_encoder.onnx')
  expect(graph).toMatchObject({ bytes: 200_000, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) })
  expect(listing.files.find(({ path }) => path === 'config.json')).toMatchObject({ sha256: null })
})

test('git’s name for bytes is git’s', async () => {
  // git hash-object of "hello\n"
  expect(await gitBlob(new TextEncoder().encode('hello\n'))).toBe('ce013625030ba8dba906f756967f9e9ca394464a')
})

describe('looking at a repository', () => {
  test('fetches its configuration and nothing large', async () => {
    const { model, choice, files, bytes } = await inspectRepository(hub.origin, name, 'main', cpu)
    expect(model.family).toBe('smolvlm')
    expect(choice.backend).toBe('wasm')
    expect(files.map(({ path }) => path)).toEqual([
      'config.json',
      'preprocessor_config.json',
      'tokenizer.json',
      'tokenizer_config.json',
      'onnx/vision_encoder_quantized.onnx',
      'onnx/embed_tokens_quantized.onnx',
      'onnx/decoder_model_merged_quantized.onnx',
    ])
    expect(bytes).toBeGreaterThan(3 * 203_000)
    expect(hub.requests.filter(({ host }) => host === 'files')).toEqual([])
  })

  test('counts weights that lie beside their graph', async () => {
    const { commit, files } = noiseRepository
    const beside = { 'onnx/decoder_model_merged_quantized.onnx_data': new Uint8Array(5000) }
    hub.repositories.set(name, { commit, files: { ...files, ...beside } })
    const { files: wanted } = await inspectRepository(hub.origin, name, 'main', cpu)
    expect(wanted.map(({ path }) => path)).toContain('onnx/decoder_model_merged_quantized.onnx_data')
  })

  test.each<[string, number, string]>([
    ['someone who is not signed in', 401, 'hub-gated'],
    ['someone without an agreement', 403, 'hub-gated'],
    ['a repository that is gone', 404, 'hub-moved'],
    ['an accident there', 503, 'download-failed'],
  ])('%s: %i is %s', async (_, status, code) => {
    hub.mishaps.set(name, { kind: 'status', status })
    await expect(inspectRepository(hub.origin, name, 'main', cpu)).rejects.toMatchObject({ code, data: { status } })
  })

  test('too many requests is hub-busy, with the time to wait where that can be read', async () => {
    hub.mishaps.set(name, { kind: 'status', status: 429, headers: { 'Retry-After': '12' } })
    const failure = inspectRepository(hub.origin, name, 'main', cpu)
    await expect(failure).rejects.toMatchObject({ code: 'hub-busy', data: { repository: name, seconds: 12 } })
  })

  test('a repository that is not there looks like one that is closed', async () => {
    await expect(inspectRepository(hub.origin, 'no/thing', 'main', cpu)).rejects.toMatchObject({ code: 'hub-gated' })
  })

  test('a revision that is not there has moved', async () => {
    const failure = inspectRepository(hub.origin, name, 'f'.repeat(40), cpu)
    await expect(failure).rejects.toMatchObject({ code: 'hub-moved', data: { repository: name } })
  })

  test('no answer at all is download-failed', async () => {
    const failure = inspectRepository('http://127.0.0.1:1', name, 'main', cpu)
    await expect(failure).rejects.toMatchObject({ code: 'download-failed', data: { status: 0 } })
  })

  test('a changed configuration is not read', async () => {
    hub.mishaps.set(`${name}/config.json`, { kind: 'wrong-byte', at: 3 })
    const failure = inspectRepository(hub.origin, name, 'main', cpu)
    await expect(failure).rejects.toMatchObject({ code: 'hub-integrity', data: { path: 'config.json' } })
  })

  test('a repository without graphs names what it lacks', async () => {
    const { commit, files } = noiseRepository
    const rest = Object.fromEntries(Object.entries(files).filter(([path]) => !path.startsWith('onnx/')))
    hub.repositories.set(name, { commit, files: rest })
    await expect(inspectRepository(hub.origin, name, 'main', cpu)).rejects.toMatchObject({
      code: 'hub-layout',
      data: { missing: ['onnx/vision_encoder.onnx', 'onnx/embed_tokens.onnx', 'onnx/decoder_model_merged.onnx'] },
    })
  })

  test('a page in place of the API’s answer is no listing', async () => {
    const failure = listRepository(`${hub.origin}/${name}/resolve/main/README.md?`, name, 'main')
    await expect(failure).rejects.toMatchObject({ code: 'hub-config', data: { path: 'api' } })
  })
})

test.each<[string, () => Promise<unknown>]>([
  ['answered', () => listRepository(hub.origin, name, 'main')],
  ['given up', () => listRepository(hub.origin, name, 'main', AbortSignal.abort())],
  ['without an answer', () => listRepository('http://127.0.0.1:1', name, 'main')],
])('what listens for our own policy’s refusals while a request is %s is gone after it', async (_, request) => {
  const listening = new Set<unknown>()
  vi.stubGlobal('addEventListener', (_type: string, listener: unknown) => listening.add(listener))
  vi.stubGlobal('removeEventListener', (_type: string, listener: unknown) => listening.delete(listener))
  const ended = request().catch(() => {})
  expect(listening.size).toBe(1)
  await ended
  expect(listening.size).toBe(0)
  vi.unstubAllGlobals()
})

describe('how long the hub asks to wait', () => {
  test.each<[Record<string, string>, number | null]>([
    [{ 'Retry-After': '30' }, 30],
    [{ RateLimit: '"resolvers";r=0;t=55' }, 55],
    [{ 'Retry-After': '7', RateLimit: '"api";r=0;t=55' }, 7],
    [{}, null],
    [{ 'Retry-After': 'soon' }, null],
  ])('%j', (headers, seconds) => expect(waitSeconds(new Headers(headers))).toBe(seconds))

  test('a date is counted from now', () => {
    const inAMinute = new Date(Date.now() + 60_000).toUTCString()
    const seconds = waitSeconds(new Headers({ 'Retry-After': inAMinute })) ?? 0
    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThanOrEqual(61)
  })
})
