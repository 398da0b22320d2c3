/** The app's engine in workers that count what leaves the GPU (../pages/readback.ts). */
import type { Read } from '../../tools/readback/instrument'
import { clipQuestions } from '../questions'
import { type Stage, visit } from '../visit'
import { greedy, type Surface } from './ours'

declare const valley: Surface
declare const takeReads: (worker: 'vision' | 'language') => Promise<Read[]>

export type ClipReads = { readonly reads: readonly Read[]; readonly frames: number }

function address({ url, model }: Stage, language: 'webgpu' | 'wasm', pack = new URL(model.packPath, url).href): string {
  const at = new URL('bench/pages/readback.html', url)
  at.searchParams.set('language', language)
  at.searchParams.set('pack', pack)
  return at.href
}

/** What is read back while the clip is encoded on the route of a real GPU. */
export function clipReads(stage: Stage, clip: string): Promise<ClipReads> {
  return visit(stage.context, address(stage, 'wasm'), async (page) => {
    await page.setInputFiles('input[type=file]', clip)
    return page.evaluate(async () => {
      await valley.ready()
      const file = document.querySelector('input')?.files?.[0]
      if (!file) throw new Error('no clip was chosen')
      await takeReads('vision')
      const { timestamps } = await valley.encode(file, { clipId: 'bench', name: file.name })
      return { reads: await takeReads('vision'), frames: timestamps.length }
    })
  })
}

/** What is read back for each token of an answer of the decoder on WebGPU, after the first. */
export function tokenReads(stage: Stage): Promise<number> {
  return visit(stage.context, address(stage, 'webgpu'), (page) =>
    page.evaluate(
      async ({ question, options }) => {
        await valley.ready()
        const bytes: number[] = []
        for (const maxNewTokens of [1, 2]) {
          await takeReads('language')
          await valley.ask({ clipId: null, turns: [], question, options: { ...options, maxNewTokens } })
          bytes.push((await takeReads('language')).reduce((sum, read) => sum + read.bytes, 0))
        }
        const [one = 0, two = 0] = bytes
        return two - one
      },
      { question: clipQuestions[1], options: greedy },
    ),
  )
}
