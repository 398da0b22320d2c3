import { createElement } from 'react'
import { renderToStaticMarkup } from 'react-dom/server'
import { I18nextProvider } from 'react-i18next'
import { expect, test } from 'vitest'
import { createI18n } from '../app/i18n'
import AnswerMarkdown, { type AnswerMarkdownProps } from './answer-markdown'

const i18n = await createI18n('en')

function html(text: string, props: Partial<AnswerMarkdownProps> = {}): string {
  const clip = { id: 'one', duration: 60 }
  const answer = createElement(AnswerMarkdown, { text, clip, live: false, ...props })
  return renderToStaticMarkup(createElement(I18nextProvider, { i18n }, answer))
}
const words = (markup: string) => markup.replace(/<[^>]*>/g, '')

test('emphasis, lists and code are shown as such; headings leave the page’s outline alone', () => {
  expect(html('# Two\n\n- a **dog**\n- `x`')).toBe(
    '<p class="answer-heading">Two</p>\n<ul>\n<li>a <strong>dog</strong></li>\n<li><code>x</code></li>\n</ul>',
  )
})

test('nothing in an answer can load, run or lead away', () => {
  const hostile = [
    '![a cat](https://evil.example/p.png)',
    '[press here](https://evil.example) <https://evil.example/auto>',
    '[x](javascript:alert(1)) [ref][r]\n\n[r]: https://evil.example/ref "t"',
    '<img src=https://evil.example/x onerror=alert(1)> <script>alert(1)</script>',
    '<iframe src="https://evil.example"></iframe> <style>@import "https://evil.example"</style>',
  ].join('\n\n')
  const markup = html(hostile)
  expect([...markup.matchAll(/<(\w+)/g)].map(([, tag]) => tag).filter((tag) => tag !== 'p')).toEqual([])
  expect(markup).not.toMatch(/<[^>]*(src|href|style|on\w+)=/)
  expect(words(markup)).toContain('a cat')
  expect(words(markup)).toContain('press here')
  expect(words(markup)).toContain('&lt;script&gt;')
})

test('times are buttons named by where they lead, but in code and without a clip they are text', () => {
  expect(html('At **0:07** it starts.')).toContain('aria-label="Go to 0:07">0:07</button></strong>')
  expect(html('`0:07`')).not.toContain('<button')
  expect(html('At 0:07 it starts.', { clip: null })).toBe('<p>At 0:07 it starts.</p>')
  expect(html('At 5:00 it starts.')).toBe('<p>At 5:00 it starts.</p>')
})

test('while an answer grows no mark is seen that its end takes away again', () => {
  const whole = 'A **big dog** runs, `then` it *sits* at 0:07.\n\n- **one**\n- two [a](https://b.example) end'
  for (let length = 1; length <= whole.length; length++) {
    const shown = words(html(whole.slice(0, length), { live: true }))
    expect(shown, JSON.stringify(whole.slice(0, length))).not.toMatch(/\*\*?\w|`|https/)
  }
  expect(html('**big do', { live: true })).toBe('<p><strong>big do</strong></p>')
  expect(html('at 0:0', { live: true }) + html('at 0:07', { live: true })).not.toContain('<button')
})
