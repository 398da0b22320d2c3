/** A person with a keyboard and nothing else: goes from stop to stop by Tab, and sees at each where they are. */
import type { Page } from 'playwright-core'

/** Where the focus is. `box` in CSS pixels of the window; of what is seen of it, where the control itself is not. */
export type Stop = {
  readonly name: string
  readonly tag: string
  /** The part of the page that it belongs to: header, list of conversations, clip, chat, dialog. */
  readonly part: string
  readonly box: { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number }
  /** A ring or an edge shows it, and it is in the window. */
  readonly seen: boolean
}

/** null: the focus is nowhere. */
export const focused = (page: Page): Promise<Stop | null> =>
  page.evaluate(() => {
    const element = document.activeElement
    if (!(element instanceof HTMLElement) || element === document.body) return null
    const labels = element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement ? element.labels : null
    const name = element.getAttribute('aria-label') ?? labels?.[0]?.textContent ?? element.textContent ?? ''
    // Inputs out of sight stand in the label that people see; fields in a frame with their buttons.
    const shown = element.closest<HTMLElement>('label, .composer, .conversations-search') ?? element
    const { left, top, right, bottom } = shown.getBoundingClientRect()
    const ringed = [element, shown].some((candidate) => {
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(candidate)
      return (outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 1) || boxShadow !== 'none'
    })
    const inWindow = left < innerWidth && right > 0 && top < innerHeight && bottom > 0
    const part = element.closest('header, nav, .notices, .clip-panel, .welcome, .chat-panel, [role=dialog]')
    return {
      name: name.trim(),
      tag: element.tagName.toLowerCase(),
      part: part?.className.split(' ')[0] ?? '',
      box: { left, top, right, bottom },
      seen: ringed && inWindow,
    }
  })

const isNamed = ({ name }: Stop, wanted: string | RegExp) =>
  typeof wanted === 'string' ? name === wanted : wanted.test(name)

/** Presses Tab until `wanted` has the focus. @throws with the way it took, where it is not found or a stop is not seen */
export async function tabTo(page: Page, wanted: string | RegExp, back = false): Promise<void> {
  const way: string[] = []
  for (let step = 0; step < 60; step += 1) {
    await page.keyboard.press(back ? 'Shift+Tab' : 'Tab')
    const stop = await focused(page)
    // After the last stop the browser's own bar has it.
    if (!stop) continue
    way.push(stop.name)
    // A video's own controls take the focus inside of it.
    if (!stop.seen && stop.tag !== 'video') throw new Error(`focus cannot be seen on "${stop.name}" (${stop.tag})`)
    if (isNamed(stop, wanted)) return
  }
  throw new Error(`no way to ${wanted} by Tab: ${way.join(' > ')}`)
}

/** All stops of the page from its start on, in order. */
export async function allStops(page: Page): Promise<Stop[]> {
  await page.evaluate(() => document.activeElement instanceof HTMLElement && document.activeElement.blur())
  // Where the browser goes on from: the start of the page.
  await page.locator('body').evaluate((body) => {
    body.tabIndex = -1
    body.focus()
    body.removeAttribute('tabindex')
  })
  const stops: Stop[] = []
  for (let step = 0; step < 60; step += 1) {
    await page.keyboard.press('Tab')
    const stop = await focused(page)
    if (!stop) break
    stops.push(stop)
  }
  return stops
}

/** Pairs of stops in the same part of the page where the later one is above the earlier, and not in a column beside it. */
export function backwards(stops: readonly Stop[]): string[] {
  return stops.slice(1).flatMap((stop, index) => {
    const before = stops[index]
    if (!before || before.part !== stop.part) return []
    const above = stop.box.bottom <= before.box.top + 1
    const beside = stop.box.left >= before.box.right - 1
    return above && !beside ? [`"${before.name}" comes before "${stop.name}", which is above it`] : []
  })
}
