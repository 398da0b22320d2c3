/** The app's own encoder, with nothing before or behind it: a page of the bench (../pages/encoder.ts). */
import type { WarmUpTimes } from '../pages/encoder'
import { type Stage, visit } from '../visit'

declare const encodeFirst: (frames: number, warmUp: boolean) => Promise<WarmUpTimes>

/** What the warm-up takes, and `frames` frames of a first clip after it; in a page, and so in workers, that ran nothing before. */
export function encodeFirstClip(
  { context, url, model }: Stage,
  frames: number,
  options: { readonly warmUp: boolean },
): Promise<WarmUpTimes> {
  const at = new URL('bench/pages/encoder.html', url)
  at.searchParams.set('pack', new URL(model.packPath, url).href)
  return visit(context, at.href, (page) =>
    page.evaluate(({ frames, warmUp }) => encodeFirst(frames, warmUp), { frames, ...options }),
  )
}
