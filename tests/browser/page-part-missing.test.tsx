/** A part of the page whose code does not come, as when the connection goes in the first seconds. */
import { type ReactNode, Suspense } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { I18nextProvider } from 'react-i18next'
import { afterEach, expect, test, vi } from 'vitest'
import { page } from 'vitest/browser'
import { createI18n } from '../../src/app/i18n'
import { lazyPart, preloadParts } from '../../src/app/lazy-part'

let root: Root | undefined
afterEach(() => {
  root?.unmount()
  vi.restoreAllMocks()
})

async function show(children: ReactNode, onUncaughtError: (thrown: unknown) => void = () => {}) {
  const place = document.body.appendChild(document.createElement('div'))
  root = createRoot(place, { onUncaughtError, onCaughtError: () => {} })
  root.render(
    <I18nextProvider i18n={await createI18n('en')}>
      <p>the rest</p>
      <Suspense>{children}</Suspense>
    </I18nextProvider>,
  )
}

test('its place says so and offers to reload; the rest of the page stays', async () => {
  const Missing = lazyPart<object>(() => Promise.reject(new TypeError('Failed to fetch dynamically imported module')))
  await show(<Missing />)
  await expect.element(page.getByRole('alert').getByText(/could not be fetched/)).toBeVisible()
  await expect.element(page.getByRole('button', { name: 'Reload' })).toBeVisible()
  await expect.element(page.getByText('the rest')).toBeVisible()
})

test('a part that has something to stand in for it shows that: an answer stays readable', async () => {
  const Missing = lazyPart<{ text: string }>(() => Promise.reject(new TypeError('Failed to fetch')), {
    whenShown: true,
    instead: ({ text }) => <p>{text}</p>,
  })
  await show(<Missing text="A dog runs." />)
  await expect.element(page.getByText('A dog runs.')).toBeVisible()
  expect(document.querySelector('[role=alert]')).toBeNull()
})

test('what comes when it is shown is not fetched before', async () => {
  const load = vi.fn(async () => () => <p>here</p>)
  const Shown = lazyPart<object>(load, { whenShown: true })
  await preloadParts()
  expect(load).not.toHaveBeenCalled()
  await show(<Shown />)
  await expect.element(page.getByText('here')).toBeVisible()
})

test('what a part itself throws is not taken for that', async () => {
  const Broken = lazyPart<object>(async () => () => {
    throw new RangeError('a fault of its own')
  })
  const uncaught = vi.fn()
  await show(<Broken />, uncaught)
  await expect.poll(() => String(uncaught.mock.calls[0]?.[0])).toContain('a fault of its own')
  expect(document.querySelector('[role=alert]')).toBeNull()
})
