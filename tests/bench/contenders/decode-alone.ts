/** The app's own way to a clip's frames, with nothing behind it: a page of the bench (../pages/decode.ts). */
import { type Stage, visit } from '../visit'

declare const decodeFrames: (count: number) => Promise<number>

/** Milliseconds from the clip until the last of `count` frames of the plan was decoded; each is closed at once. */
export function decodeAlone({ context, url }: Stage, clip: string, count: number): Promise<number> {
  return visit(context, new URL('bench/pages/decode.html', url).href, async (page) => {
    await page.setInputFiles('input[type=file]', clip)
    return page.evaluate((frames) => decodeFrames(frames), count)
  })
}
