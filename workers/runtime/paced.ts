import type { LoadProgress } from '../protocol'

/** ms between two reports of a stage: a person sees no more, and each one crosses to the page and is drawn there. */
const interval = 100

/**
 * Passes on what a person can follow: of each stage its first report, its last, and one now and then between. Files come
 * in hundreds of pieces, and telling of each would keep a phone's page busy while it is used. `now` in ms.
 */
export function paced(
  report: (progress: LoadProgress) => void,
  now: () => number = () => performance.now(),
): (progress: LoadProgress) => void {
  const told = new Map<LoadProgress['stage'], number>()
  return (progress) => {
    const time = now()
    const before = told.get(progress.stage)
    if (before !== undefined && progress.done < progress.total && time - before < interval) return
    told.set(progress.stage, time)
    report(progress)
  }
}
