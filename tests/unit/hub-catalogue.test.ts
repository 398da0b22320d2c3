/** The repositories that the app offers: well formed, and everything that is not known is named as such. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type HubEntry, hubEntry } from '../../workers/packs/hub/catalogue'
import { hubParts } from '../../workers/packs/hub/precision'

const root = resolve(import.meta.dirname, '../..')
const { hub } = JSON.parse(readFileSync(resolve(root, 'models/catalog.json'), 'utf8')) as { hub: HubEntry[] }
const sources = readFileSync(resolve(root, 'docs/packs.md'), 'utf8')

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

  test('has its sources in docs/packs.md', () => {
    expect(sources).toContain(`| ${repository} |`)
    if (entry.revision) expect(sources).toContain(entry.revision)
  })
})
