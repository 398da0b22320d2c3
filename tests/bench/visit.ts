/** One visit to a page: opened, used, closed, so that nobody shares the machine with what the one before left running. */
import type { BrowserContext, Page } from 'playwright-core'
import type { GgufFormat } from './assets/gguf'
import type { AppModel } from './assets/models'

export type Stage = {
  readonly context: BrowserContext
  /** Of the app; peers lie below it. */
  readonly url: string
  readonly model: AppModel
  /** Path, below the decoder's folder, of the weights that transformers.js feeds its graph. */
  readonly weights: string
  /** Addresses of the GGUF files, relative to the app's page. */
  readonly gguf: Readonly<Record<GgufFormat, string>>
  /** Threads and backend of the app's decoder; peers get the same. */
  readonly threads: number
  readonly device: 'wasm' | 'webgpu'
  /** Says in the report why a figure is missing. */
  readonly note: (sentence: string) => void
}

/** @throws what `work` throws, or the first error that nobody on the page caught */
export async function visit<T>(context: BrowserContext, url: string, work: (page: Page) => Promise<T>): Promise<T> {
  const page = await context.newPage()
  const errors: Error[] = []
  page.on('pageerror', (error) => errors.push(error))
  try {
    // A tab behind another gets no video frames.
    await page.bringToFront()
    await page.goto(url)
    const result = await work(page)
    if (errors[0]) throw errors[0]
    return result
  } finally {
    await page.close()
  }
}
