/** The repositories that the app offers: well formed, and everything that is not known is named as such. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type HubEntry, hubEntry } from '../../workers/packs/hub/catalogue'
import { chooseFiles, type HubDevice, hubParts, type PublishedParts } from '../../workers/packs/hub/precision'

const root = resolve(import.meta.dirname, '../..')
const { hub } = JSON.parse(readFileSync(resolve(root, 'models/catalog.json'), 'utf8')) as { hub: HubEntry[] }
const sources = readFileSync(resolve(root, 'docs/packs.md'), 'utf8')

const devices: readonly HubDevice['webgpu'][] = [
  { software: false, shaderF16: true },
  { software: false, shaderF16: false },
  null,
]
const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`

/** What such a device would fetch, and what that takes, as docs/packs.md has it; `not known` where the catalogue lacks sizes. */
function needsOf({ repository, parts }: HubEntry, webgpu: HubDevice['webgpu']): string {
  try {
    const device = { webgpu, memoryGiB: null, storageBufferBytes: null }
    const { bytes, memory, buffer } = chooseFiles(repository, device, parts as PublishedParts, null)
    const needs = [`memory ${megabytes(memory)}`, ...(buffer === null ? [] : [`buffer ${megabytes(buffer)}`])]
    return `${megabytes(bytes)} (${needs.join(', ')})`
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: 'hub-layout' })
    return 'not known'
  }
}

test('offers the five models', () => {
  expect(hub.map(({ family }) => family)).toEqual(['smolvlm', 'smolvlm', 'llava-onevision', 'lfm2-vl', 'fastvlm'])
})

describe.each(hub.map((entry) => [entry.repository, entry] as const))('%s', (repository, entry) => {
  test('is an entry', () => {
    expect(hubEntry.parse(entry)).toEqual(entry)
  })

  test('says what could not be confirmed', () => {
    const { revision, languages, parts, unconfirmed } = entry
    expect(unconfirmed.includes('revision')).toBe(revision === null)
    expect(unconfirmed.includes('languages')).toBe(languages === null)
    const known = hubParts.every((part) => parts[part]?.f32 && parts[part]?.f16 && parts[part]?.q8)
    expect(unconfirmed.includes('parts')).toBe(!known)
  })

  test('stands in docs/packs.md with what it is and needs', () => {
    const { name, licence, languages } = entry
    const needs = devices.map((webgpu) => needsOf(entry, webgpu))
    const cells = [name, licence ?? 'not known', languages?.join(', ') ?? 'not known', ...needs]
    expect(sources).toContain(`| ${cells.join(' | ')} |`)
  })

  test('has its sources in docs/packs.md', () => {
    expect(sources).toContain(`| ${repository} |`)
    if (entry.revision) expect(sources).toContain(entry.revision)
  })
})
