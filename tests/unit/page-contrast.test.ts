/** Colours of both themes keep WCAG 2.2 contrast: 4.5:1 for text, 3:1 for the outlines of controls. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'

const css = readFileSync(resolve(import.meta.dirname, '../../src/app/tokens.css'), 'utf8')

function tokens(selector: string): Map<string, readonly [number, number, number]> {
  const block = css.slice(css.indexOf(`${selector} {`)).split('}')[0] ?? ''
  const colours = block.matchAll(/--([\w-]+): oklch\(([\d.]+) ([\d.]+) ([\d.]+)\);/g)
  return new Map([...colours].map(([, name, l, c, h]) => [name ?? '', [Number(l), Number(c), Number(h)] as const]))
}

/** Relative luminance (WCAG) of an OKLCH colour, through OKLab and linear sRGB (Björn Ottosson's matrices), clipped. */
function luminance([lightness, chroma, hue]: readonly [number, number, number]): number {
  const a = chroma * Math.cos((hue * Math.PI) / 180)
  const b = chroma * Math.sin((hue * Math.PI) / 180)
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3
  const clip = (value: number) => Math.min(1, Math.max(0, value))
  const red = clip(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s)
  const green = clip(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s)
  const blue = clip(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s)
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

const textOn: readonly (readonly [string, string])[] = [
  ...['ground', 'surface', 'sunken', 'hover'].flatMap((surface) => [
    ['ink', surface] as const,
    ['ink-soft', surface] as const,
  ]),
  ['accent', 'ground'],
  ['accent', 'surface'],
  ['accent-ink', 'accent'],
  ['accent-ink', 'accent-hover'],
  ['ink', 'accent-tint'],
  ['ink', 'danger-tint'],
  ['danger', 'surface'],
  ['danger', 'danger-tint'],
  ['ground', 'ink'],
]
const outlineOn = [
  ['line-strong', 'ground'],
  ['line-strong', 'surface'],
] as const

describe.each([
  ['light', ':root'],
  ['dark', ':root[data-theme="dark"]'],
])('%s', (_theme, selector) => {
  const colours = tokens(selector)
  const contrast = (front: string, back: string) => {
    const [a, b] = [front, back].map((name) => luminance(colours.get(name) ?? [Number.NaN, 0, 0])).sort((x, y) => y - x)
    return ((a ?? 0) + 0.05) / ((b ?? 0) + 0.05)
  }
  test.each(textOn)('%s on %s can be read', (front, back) => {
    expect(contrast(front, back)).toBeGreaterThanOrEqual(4.5)
  })
  test.each(outlineOn)('%s on %s can be made out', (front, back) => {
    expect(contrast(front, back)).toBeGreaterThanOrEqual(3)
  })
})
