/**
 * A converted checkpoint (training/convert) comes in as a folder: it is checked and copied, looks at a picture in the vision
 * worker, and its decoder gives PyTorch's greedy tokens. The folders are those of training/tests/export_converted.py.
 */
import * as Comlink from 'comlink'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { generate } from '../../workers/language/generate'
import { loadOwnModel, type OwnModel } from '../../workers/language/model'
import { argmax } from '../../workers/language/sampling'
import { splice } from '../../workers/language/splice'
import type { FolderFile, PacksApi } from '../../workers/protocol'
import { Ledger } from '../../workers/runtime/ledger'
import { registerTransferHandlers } from '../../workers/transfer'
import { emptyStorage } from './kept-storage'
import { encodeFile, fetchFile, startVision } from './vision-support'

registerTransferHandlers()
const worker = new Worker(new URL('../../workers/packs/packs.worker.ts', import.meta.url), { type: 'module' })
const packs = Comlink.wrap<PacksApi>(worker)
afterAll(() => worker.terminate())

const folder = new URL('/tests/fixtures/converted/', location.href).href
const never = new AbortController().signal

type Packed = { readonly deflated: string }
type Reference = {
  readonly before: readonly number[]
  readonly after: readonly number[]
  readonly cases: readonly { readonly visual: Packed; readonly tokens: readonly number[] }[]
}

async function inflated({ deflated }: Packed): Promise<Float32Array<ArrayBuffer>> {
  const bytes = Uint8Array.from(atob(deflated), (character) => character.charCodeAt(0))
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'))
  return new Float32Array(await new Response(stream).arrayBuffer())
}

/** A pack's folder as a person chooses it: everything that its two manifests list. */
async function chosen(name: string): Promise<FolderFile[]> {
  const files: FolderFile[] = []
  for (const manifest of ['pack.json', 'base/base.json']) {
    const text = await (await fetch(`${folder}${name}/${manifest}`)).text()
    const root = manifest.slice(0, manifest.lastIndexOf('/') + 1)
    const listed = [...text.matchAll(/"path": "([^"]+)"/g)].map((match) => `${root}${match[1]}`)
    for (const path of [manifest, ...new Set(listed)]) {
      files.push({ path: `${name}/${path}`, file: await (await fetch(`${folder}${name}/${path}`)).blob() })
    }
  }
  return files
}

beforeEach(emptyStorage)

async function answer(model: OwnModel, reference: Reference, index: number): Promise<number[]> {
  const one = reference.cases[index]
  if (!one) throw new Error('no such case')
  const rows = await inflated(one.visual)
  const visual = { name: `clip-${index}`, rows, length: rows.length / model.embedding.hiddenSize }
  const pieces = [
    { kind: 'text', ids: reference.before },
    { kind: 'visual', length: visual.length },
    { kind: 'text', ids: reference.after },
  ] as const
  const said: number[] = []
  await generate(
    model,
    splice(pieces, model.embedding, visual),
    {
      sampling: { temperature: 0, topP: 1, repetitionPenalty: 1 },
      search: { beams: 1, lengthPenalty: 1 },
      random: Math.random,
      maxNewTokens: one.tokens.length,
      boundaries: [],
      signal: never,
    },
    (event) => event.type === 'token' && said.push(event.id),
  )
  return said
}

/** What the model would say after each of PyTorch's tokens, and what PyTorch said. */
async function forced(model: OwnModel, reference: Reference, index: number) {
  const wanted = reference.cases[index]?.tokens ?? []
  const rows = await inflated(reference.cases[index]?.visual ?? { deflated: '' })
  const visual = { name: `forced-${index}`, rows, length: rows.length / model.embedding.hiddenSize }
  const pieces = [
    { kind: 'text', ids: reference.before },
    { kind: 'visual', length: visual.length },
    { kind: 'text', ids: [...reference.after, ...wanted.slice(0, -1)] },
  ] as const
  const sequence = splice(pieces, model.embedding, visual)
  const { length } = sequence.keys
  model.decoder.truncate(0)
  const places = wanted.map((_, at) => length - wanted.length + at)
  const logits = await model.decoder.run(sequence.embed(0, length), places)
  return { found: logits.map(argmax), wanted }
}

describe.each([
  ['tiny-valley-importance-q8', 4 * 64],
  ['tiny-valley-importance-q4f16', 4 * 64],
  ['tiny-llava-hf-q4f16', 0],
])('%s', (name, markers) => {
  test('is imported, looks, and answers as PyTorch does', async () => {
    const silent = Comlink.proxy(() => {})
    const [packUrl = ''] = (await packs.importFolder(await chosen(name), folder, silent, never)) as string[]
    expect(packUrl).toMatch(/^opfs:/)

    const vision = startVision()
    await vision.api.load({ packUrl, backend: 'wasm' }, silent)
    const { tokens } = await encodeFile(vision, await fetchFile('/tests/fixtures/clips/still.png'))
    vision.end()
    expect(tokens.patchTokens.length).toBe(16 * 64)
    expect(tokens.markers.length).toBe(markers)
    expect(tokens.frameTokens.length).toBe(markers === 0 ? 0 : 64)

    const reference = (await (await fetch(`${folder}${name}/reference.json`)).json()) as Reference
    const ledger = new Ledger()
    const options = { packUrl, basesUrl: folder, backend: 'wasm', flavour: 'f32' } as const
    const model = await loadOwnModel(options, ledger, () => {})
    for (const index of reference.cases.keys()) {
      expect(await answer(model, reference, index)).toEqual(reference.cases[index]?.tokens)
    }
    await model.dispose()

    // What this device would take by itself: on the CPU int8, derived from eight bits or from four.
    const own = await loadOwnModel({ packUrl, basesUrl: folder, backend: 'wasm' }, ledger, () => {})
    let agreed = 0
    let asked = 0
    for (const index of reference.cases.keys()) {
      const { found, wanted } = await forced(own, reference, index)
      asked += wanted.length
      agreed += wanted.filter((token, at) => token === found[at]).length
    }
    await own.dispose()
    expect(agreed / asked).toBeGreaterThanOrEqual(0.8)
    expect(ledger.snapshot()).toEqual({})
  })
})
