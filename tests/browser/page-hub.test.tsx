/**
 * Models of the hub in the settings, over stand-in workers for the engine and the real packs worker, which talks to a
 * server of this machine that behaves like the hub.
 */
import axe from 'axe-core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { page, userEvent } from 'vitest/browser'
import type { Engine } from '../../src/assistant/engine'
import { measureKept } from '../../src/packs/kept'
import { library } from '../../src/packs/shared-library'
import { ValleyError } from '../../workers/protocol'
import type { HubOrder } from '../tools/serve-hub'
import { download, tellHub } from './hub-tiny'
import { emptyStorage } from './kept-storage'
import { type Mounted, mount } from './page-mount'
import { type Mishaps, standInEngine } from './page-stand-in'

const name = 'someone/Small-VLM'
let mounted: Mounted | undefined
let engine: Engine | undefined
let origin = ''

const mishap = (path: string, how: Extract<HubOrder, { order: 'mishap' }>['mishap']) =>
  tellHub({ order: 'mishap', key: path ? `${name}/${path}` : name, mishap: how })

beforeEach(async () => {
  await page.viewport(1280, 900)
  await emptyStorage()
  localStorage.clear()
  origin = (await tellHub({ order: 'reset' })).origin
  localStorage.setItem('valley.settings', JSON.stringify({ language: 'en', theme: 'light', hub: origin }))
})
afterEach(async () => {
  await mounted?.close()
  mounted = undefined
  await library.removeFromHub(name)
})

const dialog = () => page.getByRole('dialog')
const button = (text: string | RegExp) => dialog().getByRole('button', { name: text, exact: true })
const field = () => dialog().getByRole('textbox', { name: 'Another model by its name' })
const card = () => dialog().getByRole('listitem').filter({ hasText: name })

/** The page as it opens, with the settings and their models of the hub unfolded. */
async function open(mishaps: Mishaps = {}): Promise<void> {
  engine = standInEngine(mishaps).engine
  mounted = await mount({ engine })
  await page.getByRole('button', { name: 'Settings' }).click()
  const fold = button('Larger models from a hub')
  await expect.element(fold).toBeVisible()
  // Unfolded by itself where something is here.
  if (fold.element().getAttribute('aria-expanded') === 'false') await fold.click()
  await expect.element(field()).toBeVisible()
}
async function reopen(): Promise<void> {
  await mounted?.close()
  await open()
}
async function lookUp(typed: string): Promise<void> {
  await field().fill(typed)
  await userEvent.keyboard('{Enter}')
}
/** The path of the decoder that this device takes. */
async function decoder(): Promise<string> {
  const answer = library.getState().answers.get(name)
  const precision = answer?.status === 'known' ? answer.look.precisions.decoder_model_merged : undefined
  const suffix = { f32: '', f16: '_fp16', q4f16: '_q4f16', q8: '_quantized' }[precision ?? '']
  return `onnx/decoder_model_merged${suffix}.onnx`
}
async function violations(): Promise<string[]> {
  const found = await axe.run(dialog().element(), { preload: false })
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`))
}

test('the catalogue is on offer without the hub being asked: size, licence, languages, needs, and what is open', async () => {
  await open()
  const small = dialog().getByRole('listitem').filter({ hasText: 'HuggingFaceTB/SmolVLM2-256M-Video-Instruct@7250429' })
  await expect
    .element(small.getByText(/^English · \d+(\.\d)? MB · runs on the (processor|graphics card)$/))
    .toBeVisible()
  await expect.element(small.getByText(/^Licence: Apache-2\.0 · needs about [\d.,]+ (MB|GB) of memory/)).toBeVisible()
  await expect.element(small.getByRole('button', { name: 'Get SmolVLM2 256M Video', exact: true })).toBeVisible()
  const fast = dialog().getByRole('listitem').filter({ hasText: 'FastVLM-0.5B-ONNX' })
  await expect.element(fast.getByText('Licence: Apple AMLR (research only)')).toBeVisible()
  await expect.element(fast.getByText(/Not confirmed before asking: its languages/)).toBeVisible()
  await expect.element(dialog().getByText(/^What is unproven/)).toBeVisible()
  const steps = dialog().getByRole('link', { name: 'Check one in ten minutes' })
  expect(await (await fetch((steps.element() as HTMLAnchorElement).href)).text()).toContain('# Packs of the hub')
  expect((await tellHub({ order: 'reset' })).requests).toEqual([])
})

test('a repository is looked up by its name: what it is, what it takes, what a clip costs; nothing large comes', async () => {
  await open()
  await lookUp(name)
  await expect.element(dialog().getByText(`${name} is in the list above.`)).toBeVisible()
  await expect.element(card().getByText(/kind smolvlm/)).toBeVisible()
  await expect.element(card().getByText(/^Licence: apache-2\.0/)).toBeVisible()
  const costs = card().getByRole('list')
  await expect.element(costs).toHaveAccessibleName('What a clip of 8 frames becomes')
  await expect.element(costs.getByText(/^512 tokens, /)).toBeVisible()
  expect(costs.getByText(/^72 tokens, /).elements()).toHaveLength(2)
  const { requests } = await tellHub({ order: 'reset' })
  expect(requests.filter(({ host }) => host === 'files')).toEqual([])
})

describe('what does not go, in words', () => {
  test('a name that is none', async () => {
    await open()
    await lookUp('gpt2')
    await expect.element(dialog().getByRole('alert').filter({ hasText: 'Names look like owner/name.' })).toBeVisible()
    await expect.element(field()).toHaveAttribute('aria-invalid', 'true')
    expect((await tellHub({ order: 'reset' })).requests).toEqual([])
  })

  test('a model that is not there, or not given to everybody', async () => {
    await open()
    await lookUp('nobody/Nothing')
    await expect
      .element(
        dialog()
          .getByRole('alert')
          .filter({ hasText: /nobody\/Nothing is given only to people who/ }),
      )
      .toBeVisible()
  })

  test('a revision that is not there', async () => {
    await open()
    await lookUp(`${name}@v9`)
    await expect
      .element(
        dialog()
          .getByRole('alert')
          .filter({ hasText: /There is no someone\/Small-VLM there/ }),
      )
      .toBeVisible()
  })

  test('too many requests, with the wait', async () => {
    const shown = { 'Retry-After': '9', 'Access-Control-Expose-Headers': 'Retry-After' }
    await mishap('', { kind: 'status', status: 429, headers: shown })
    await open()
    await lookUp(name)
    await expect
      .element(
        dialog()
          .getByRole('alert')
          .filter({ hasText: /Go on in 9 s\. What came so far is kept\./ }),
      )
      .toBeVisible()
    // The chat goes on as if nothing were.
    await userEvent.keyboard('{Escape}')
    await expect.element(page.getByRole('textbox', { name: 'Your question' })).toBeVisible()
  })

  test.each([
    ['another kind', 'no-family', /is a model of the kind “florence2”, which cannot be run here/],
    [
      'more than this device has memory for',
      'too-big',
      /too-big needs about 120\.3 GB of memory, and this device can give [\d.]+ [MG]B/,
    ],
    ['files in another layout', 'no-graphs', /lacks files in a form that runs here: onnx\/vision_encoder\.onnx/],
  ] as const)('%s', async (_, of, words) => {
    await tellHub({ order: 'serve', repository: `someone/${of}`, of })
    await open()
    await lookUp(`someone/${of}`)
    await expect.element(dialog().getByRole('alert').filter({ hasText: words })).toBeVisible()
  })
})

test('fetched with a pause, a new visit and the rest; then it can be used, told how to pool, and deleted', async () => {
  await open()
  await lookUp(name)
  await expect.element(button(`Get ${name}`)).toBeVisible()
  const path = await decoder()
  await mishap(path, { kind: 'stall', after: 40_000 })
  // By keyboard; the focus stays on the button that has become another.
  ;(button(`Get ${name}`).element() as HTMLElement).focus()
  await userEvent.keyboard('{Enter}')
  await expect.element(button(`Pause ${name}`)).toHaveFocus()
  const meter = card().getByRole('progressbar')
  await expect.poll(() => Number(meter.element().getAttribute('value'))).toBeGreaterThan(0.6)
  await userEvent.keyboard('{Enter}')
  await expect.element(button(`Go on getting ${name}`)).toHaveFocus()
  await expect.element(card().getByText(/% here/)).toBeVisible()
  expect(library.getState().jobs.size).toBe(0)

  await reopen()
  await mishap(path, null)
  await tellHub({ order: 'mishap', key: 'none', mishap: null })
  await button(`Go on getting ${name}`).click()
  await expect.element(button(`Use ${name}`)).toBeVisible()
  const { requests } = await tellHub({ order: 'mishap', key: 'none', mishap: null })
  const large = requests.filter(({ host }) => host === 'files')
  expect(large.map(({ range }) => range)).toEqual([expect.stringMatching(/^bytes=\d+-$/)])

  const pooled = card().getByRole('radio', { name: /pooling, mean/ })
  await expect.element(card().getByRole('radio', { name: /^Every frame/ })).toBeChecked()
  await pooled.click()
  await button(`Use ${name}`).click()
  await expect.element(card().getByText('In use')).toBeVisible()
  await expect.element(pooled).toBeChecked()
  expect(localStorage.getItem('valley.pack')).toBe(`hub:${name}`)
  expect(engine?.state).toMatchObject({ packUrl: `hub:${name}`, pooling: 'mean' })
  await card()
    .getByRole('radio', { name: /pooling, importance/ })
    .click()
  await expect.poll(() => engine?.state.pooling).toBe('importance')

  // In the list of all that is kept: its bytes, and the way to delete them.
  const listed = button('1 model from a hub')
  await listed.click()
  const { kinds } = await measureKept()
  expect(kinds.packs).toBeGreaterThan(600_000)
  await button(`Delete ${name}?`).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click()
  await expect.element(listed).not.toBeInTheDocument()
  expect((await measureKept()).kinds.packs).toBe(0)
  expect(localStorage.getItem('valley.pack')).toBeNull()
})

test('files of a graphics card that is not here are said to be such; those for this device come in their place', async () => {
  await download(name, { card: true })
  const load: ValleyError[] = []
  await open({ load })
  await expect.poll(() => engine?.state.vision.status).toBe('ready')
  // The engine has it from before, and cannot load it.
  load.push(new ValleyError('hub-other-device', { repository: name, feature: 'webgpu' }))
  await engine?.changePack(`hub:${name}`)
  await expect.poll(() => engine?.state.vision.status).toBe('failed')
  await expect.element(card().getByText(/was fetched for a graphics card, and this browser has none now/)).toBeVisible()
  await expect.element(card().getByText(/Get its files for this device in the settings/)).toBeVisible()
  await button(`Get ${name} for this device`).click()
  await expect.poll(() => engine?.state.vision.status).toBe('ready')
  await expect.element(card().getByText(/runs on the processor/)).toBeVisible()
  await expect.element(card().getByText(/was fetched for a graphics card/)).not.toBeInTheDocument()
  expect(
    card()
      .getByRole('button', { name: /for this device/ })
      .elements(),
  ).toEqual([])
})

test('a wrong byte is told; what was right stays, and the next try fetches the rest', async () => {
  await open()
  await lookUp(name)
  await expect.element(button(`Get ${name}`)).toBeVisible()
  const path = await decoder()
  await mishap(path, { kind: 'wrong-byte', at: 12_345 })
  await button(`Get ${name}`).click()
  await expect
    .element(
      card()
        .getByRole('alert')
        .filter({ hasText: /arrived changed and was not used/ }),
    )
    .toBeVisible()
  await mishap(path, null)
  await button(`Go on getting ${name}`).click()
  await expect.element(button(`Use ${name}`)).toBeVisible()
  await card().getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click()
  await expect.element(button(`Get ${name}`)).not.toBeInTheDocument()
})

test('an address that can be none is refused; a mirror is kept, said to be the only one, and taken back', async () => {
  await open()
  const address = dialog().getByRole('textbox', { name: 'Address of the hub' })
  await expect.element(address).toHaveValue(origin)
  await address.fill('http://example.org')
  await userEvent.keyboard('{Enter}')
  await expect
    .element(
      dialog()
        .getByRole('alert')
        .filter({ hasText: /has to begin with https/ }),
    )
    .toBeVisible()
  await address.fill('mirror.example.org/some/path')
  await button('Use this address').click()
  await expect.element(address).toHaveValue('https://mirror.example.org')
  await expect.element(dialog().getByText(/can reach mirror\.example\.org and nothing else/)).toBeVisible()
  await expect
    .element(dialog().getByText(/^Models that other people publish\. mirror\.example\.org learns/))
    .toBeVisible()
  await reopen()
  await expect.element(address).toHaveValue('https://mirror.example.org')
  await button('Back to huggingface.co').click()
  await expect.element(address).toHaveValue('https://huggingface.co')
})

test('a model of the catalogue is fetched at the commit that the catalogue pins, and by its name there', async () => {
  const repository = 'HuggingFaceTB/SmolVLM2-256M-Video-Instruct'
  const commit = '7250429945d8016c21bedae06e1be62646b64181'
  await tellHub({ order: 'commit', repository, commit })
  await open()
  await button('Get SmolVLM2 256M Video').click()
  await expect.element(button('Use SmolVLM2 256M Video')).toBeVisible()
  const { requests } = await tellHub({ order: 'commit', repository, commit: null })
  expect(requests.filter(({ path }) => path.includes('/resolve/')).every(({ path }) => path.includes(commit))).toBe(
    true,
  )
  await library.removeFromHub(repository)
})

test.each(['light', 'dark'] as const)('nothing that axe holds against it, in %s and in Chinese', async (theme) => {
  localStorage.setItem('valley.settings', JSON.stringify({ language: 'en', theme, hub: origin }))
  await open()
  await lookUp(name)
  await expect.element(card().getByText(/kind smolvlm/)).toBeVisible()
  await button(`Get ${name}`).click()
  await expect.element(button(`Use ${name}`)).toBeVisible()
  await lookUp('gpt2')
  await expect.element(dialog().getByRole('alert')).toBeVisible()
  expect(document.documentElement.dataset.theme).toBe(theme)
  expect(await violations()).toEqual([])
  await dialog().getByRole('radio', { name: '简体中文' }).click()
  await expect.element(dialog().getByText('来自模型站点的更大模型').first()).toBeVisible()
  await expect.element(card().getByRole('group', { name: '8 帧的视频会变成' })).toBeVisible()
  await expect.element(dialog().getByRole('alert').filter({ hasText: '名称的形式是“所有者/名称”。' })).toBeVisible()
  expect(await violations()).toEqual([])
})
