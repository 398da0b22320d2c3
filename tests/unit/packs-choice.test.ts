import { expect, test } from 'vitest'
import { chosenPack } from '../../src/packs/choice'

test('a chosen pack holds where this app has it, and nowhere else', () => {
  const models = 'https://valley.test/app/models/'
  expect(chosenPack(`${models}other/pack.json`, models)).toBe(`${models}other/pack.json`)
  expect(chosenPack('hub:someone/Small-VLM', models)).toBe('hub:someone/Small-VLM')
  expect(chosenPack('opfs:/valley-packs/0123/nano/pack.json', models)).toMatch(/^opfs:/)
  for (const foreign of [
    null,
    '',
    'https://elsewhere.test/models/x/pack.json',
    'https://valley.test/models/x/pack.json',
  ]) {
    expect(chosenPack(foreign, models), String(foreign)).toBeNull()
  }
})
