/** What is asked of every screen. Each check names what breaks it, one line each; nothing is left to be read by eye. */
import { createRequire } from 'node:module'
import type axeCore from 'axe-core'
import type { Page } from 'playwright-core'

declare const axe: typeof axeCore

/** To be loaded into a page before its own scripts. */
export const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** The themes differ in their colours only: what else there is to a screen is looked at once. */
const runs = {
  light: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] },
  dark: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] },
} as const

/** What axe holds against the page as it stands, in both themes. */
export async function violations(page: Page): Promise<string[]> {
  const found: string[] = []
  for (const colorScheme of ['light', 'dark'] as const) {
    const { type, values } = runs[colorScheme]
    await page.emulateMedia({ colorScheme })
    await page.locator(`html[data-theme=${colorScheme}]`).waitFor({ state: 'attached' })
    const runOnly = { type, values: [...values] }
    const lines = await page.evaluate(async (wanted) => {
      const results = await axe.run(document, { runOnly: wanted, resultTypes: ['violations'], preload: false })
      return results.violations.flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary ?? ''}`),
      )
    }, runOnly)
    found.push(...lines.map((line) => `${colorScheme} ${line}`))
  }
  return found
}

/** Whatever still moves: the person asked for no motion. */
export const motion = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const running = document.getAnimations().map((animation) => `runs: ${animation.constructor.name}`)
    const seconds = (list: string) => Math.max(...list.split(',').map(Number.parseFloat))
    const moving = [...document.querySelectorAll('*')].filter((element) =>
      [null, '::before', '::after'].some((pseudo) => {
        const style = getComputedStyle(element, pseudo)
        const animated = style.animationName !== 'none' && seconds(style.animationDuration) > 0
        return animated || seconds(style.transitionDuration) > 0
      }),
    )
    return [...running, ...moving.map((element) => `would move: ${element.outerHTML.slice(0, 120)}`)]
  })

/** Text and controls that do not fit the width of the window, at `width` CSS pixels; strips that scroll sideways may. */
export async function overflow(page: Page, width: number, height: number): Promise<string[]> {
  const before = page.viewportSize()
  const focused = await page.evaluateHandle(() => document.activeElement)
  await page.setViewportSize({ width, height })
  // What floats is put in its place a frame later.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
  // Not innerWidth: on a phone that grows with what does not fit.
  const found = await page.evaluate((room) => {
    const scrollsSideways = (element: Element): boolean => {
      const strip = element.closest('.strip, .clip-tabs, pre, .visually-hidden')
      return strip !== null
    }
    const shown = (element: Element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true })
    const speaks = (element: Element) =>
      element.matches('button, input, textarea, a') ||
      [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim())
    const outside = [...document.body.querySelectorAll('*')].filter((element) => {
      const { left, right, width: across } = element.getBoundingClientRect()
      const beyond = right > room + 0.5 || left < -0.5
      return across > 0 && beyond && speaks(element) && shown(element) && !scrollsSideways(element)
    })
    const sideways = [...document.querySelectorAll('*')].filter((element) => {
      const scrolls = ['auto', 'scroll'].includes(getComputedStyle(element).overflowX)
      return scrolls && element.scrollWidth > element.clientWidth + 1 && !scrollsSideways(element)
    })
    const page = document.documentElement
    return [
      ...(page.scrollWidth > room ? [`the page is ${page.scrollWidth} px wide`] : []),
      ...outside.map((element) => `beyond the edge: ${element.outerHTML.slice(0, 160)}`),
      ...sideways.map((element) => `scrolls sideways: ${element.outerHTML.slice(0, 160)}`),
    ]
  }, width)
  if (before) await page.setViewportSize(before)
  // What a narrow window does not show cannot keep the focus.
  await focused.evaluate((element) => element instanceof HTMLElement && element.focus())
  return found.map((line) => `at ${width} px: ${line}`)
}

/** Controls that a finger misses: less than 44 px in a direction. What stands in a line of text may be as high as that. */
export const smallTargets = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const inText = '.time-button, .trust-how, .header-skip'
    const controls =
      'button, a, label.button, label.drop-zone-target, textarea, [role=menuitem], input:not(.visually-hidden)'
    return [...document.querySelectorAll(controls)]
      .filter((element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
      .filter((element) => !element.matches(inText) && !element.closest('[aria-hidden=true], [inert]'))
      .map((element) => {
        const { width, height } = element.getBoundingClientRect()
        // What is drawn small may be surrounded by room that takes presses too.
        const around = getComputedStyle(element, '::before')
        const room = around.position === 'absolute' ? around : { width: '0', height: '0' }
        const wider = Math.max(width, Number.parseFloat(room.width))
        return { element, box: { width: wider, height: Math.max(height, Number.parseFloat(room.height)) } }
      })
      .filter(({ box }) => box.width > 0 && (box.width < 43.5 || box.height < 43.5))
      .map(({ element, box }) => {
        const size = `${Math.round(box.width)}×${Math.round(box.height)}`
        return `${size}: ${element.outerHTML.replaceAll(/<svg.*?<\/svg>/g, '').slice(0, 160)}`
      })
  })

/** Words in the Latin alphabet only, on screen or in names, which no pattern of `names` accounts for. */
export async function latinWords(page: Page, names: readonly RegExp[]): Promise<string[]> {
  const texts = await page.evaluate(() => {
    const said: string[] = []
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      // What the person wrote is in their language, and what the model wrote says so.
      if (
        node.parentElement?.closest(
          '.turn-question, .turn-question-form textarea, .conversation-title, [lang]:not(html), script, style',
        )
      )
        continue
      said.push(node.textContent ?? '')
    }
    for (const element of document.querySelectorAll('[aria-label], [title], [placeholder]')) {
      if (element.matches('.conversation-title')) continue
      for (const name of ['aria-label', 'title', 'placeholder']) said.push(element.getAttribute(name) ?? '')
    }
    return [...said, document.title]
  })
  const foreign = texts
    .map((text) => text.trim())
    .filter((text) => /[a-z]{2}/i.test(text) && !/\p{Script=Han}/u.test(text))
  return [...new Set(foreign)].filter((text) => !names.some((name) => name.test(text)))
}

/** Fields of text that do not say what a phone's Enter key does in them. */
export const unhintedFields = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    [...document.querySelectorAll('textarea, input[type=text], input[type=search], input:not([type])')]
      .filter((field) => !field.hasAttribute('enterkeyhint'))
      .map((field) => `no enterkeyhint: ${field.outerHTML.slice(0, 160)}`),
  )
