/** The offer to install. Chromium makes it to pages that a person has used a while, so a synthetic event stands in for it here. */
import { createRoot, type Root } from 'react-dom/client'
import { I18nextProvider } from 'react-i18next'
import { afterEach, expect, test, vi } from 'vitest'
import { page } from 'vitest/browser'
import { createI18n } from '../../src/app/i18n'
import { InstallContext } from '../../src/pwa/context'
import { InstallOffer, type InstallPromptEvent } from '../../src/pwa/install'
import { InstallRow } from '../../src/pwa/install-row'

const i18n = await createI18n('en')

let root: Root | undefined
afterEach(() => {
  root?.unmount()
  document.body.replaceChildren()
  vi.restoreAllMocks()
  Reflect.deleteProperty(navigator, 'standalone')
})

function show(): InstallOffer {
  const offer = new InstallOffer()
  root = createRoot(document.body.appendChild(document.createElement('div')))
  root.render(
    <I18nextProvider i18n={i18n}>
      <InstallContext value={offer}>
        <InstallRow />
      </InstallContext>
    </I18nextProvider>,
  )
  return offer
}

function syntheticOffer(): InstallPromptEvent & { readonly prompt: ReturnType<typeof vi.fn> } {
  const event = new Event('beforeinstallprompt', { cancelable: true })
  return Object.assign(event, { prompt: vi.fn(async () => ({ outcome: 'dismissed' })) })
}

const install = () => page.getByRole('button', { name: 'Install' })

test('is there once the browser makes it, lets the browser ask, and is taken up once', async () => {
  show()
  await expect.element(install()).not.toBeInTheDocument()
  const offered = syntheticOffer()
  window.dispatchEvent(offered)
  // The browser's own bar stays away.
  expect(offered.defaultPrevented).toBe(true)
  await install().click()
  expect(offered.prompt).toHaveBeenCalledOnce()
  await expect.element(install()).not.toBeInTheDocument()
  // Declined: the browser may offer again.
  window.dispatchEvent(syntheticOffer())
  await expect.element(install()).toBeVisible()
})

test('goes away when the app was installed, from here or from the browser’s menu', async () => {
  show()
  window.dispatchEvent(syntheticOffer())
  await expect.element(install()).toBeVisible()
  window.dispatchEvent(new Event('appinstalled'))
  await expect.element(install()).not.toBeInTheDocument()
})

test('an offer that the browser takes back is no error of the page', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  const offer = show()
  const offered = syntheticOffer()
  offered.prompt.mockRejectedValue(new DOMException('', 'InvalidStateError'))
  window.dispatchEvent(offered)
  await offer.prompt()
  expect(warn).toHaveBeenCalledOnce()
  expect(offer.getState()).toBe('none')
})

test('is not made to someone who already uses the app', () => {
  vi.spyOn(window, 'matchMedia').mockReturnValue({ matches: true } as MediaQueryList)
  const offer = show()
  window.dispatchEvent(syntheticOffer())
  expect(offer.getState()).toBe('none')
})

test('on iPhones and iPads it is a line on how to, unless the page runs from the home screen', async () => {
  Object.defineProperty(navigator, 'standalone', { value: false, configurable: true })
  show()
  await expect.element(page.getByText(/Add to Home Screen/)).toBeVisible()
  await expect.element(install()).not.toBeInTheDocument()
  Object.defineProperty(navigator, 'standalone', { value: true, configurable: true })
  expect(new InstallOffer().getState()).toBe('none')
})
