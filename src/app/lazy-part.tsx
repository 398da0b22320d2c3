import { type ComponentType, lazy, type ReactNode, useState } from 'react'
import { PartBoundary, PartMissing } from './part-boundary'

const fetches: (() => Promise<unknown>)[] = []

export type PartOptions<Props> = {
  /** Its code comes when it is first shown, not while the page is idle: most visits do without it. */
  readonly whenShown?: boolean
  /** What stands in its place where its code cannot be had; absent: a sentence that says so. */
  readonly instead?: (props: Props) => ReactNode
}

/**
 * A component whose code comes when it is first shown, or before, with `preloadParts`. Unlike one of React's `lazy` it then
 * shows at once: no fallback flashes, and the focus stays where it is. To be shown within a Suspense.
 * Where its code cannot be had, its place says so and the rest of the page stays.
 */
export function lazyPart<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
  { whenShown = false, instead }: PartOptions<Props> = {},
): ComponentType<Props> {
  let loaded: ComponentType<Props> | undefined
  const fetch = async () => {
    loaded ??= await load().catch((cause: unknown) => {
      throw new PartMissing('a part of the page cannot be fetched', { cause })
    })
    return { default: loaded }
  }
  if (!whenShown) fetches.push(fetch)
  const Fetched = lazy(fetch) as ComponentType<Props>
  return function LazyPart(props: Props) {
    // The same for as long as it is shown: another type would begin anew.
    const [Part] = useState<ComponentType<Props>>(() => loaded ?? Fetched)
    return (
      <PartBoundary instead={instead?.(props)}>
        <Part {...props} />
      </PartBoundary>
    )
  }
}

/** Resolves when the page has nothing else to do, after 2 s at the latest. Safari lacks the call: https://developer.mozilla.org/docs/Web/API/Window/requestIdleCallback */
export const whenIdle = (): Promise<void> =>
  new Promise((resolve) => {
    if ('requestIdleCallback' in globalThis) requestIdleCallback(() => resolve(), { timeout: 2000 })
    else setTimeout(resolve, 200)
  })

/** Fetches every lazy part but those that come when shown, one after another, while the page has nothing else to do. What fails is fetched when it is shown. */
export async function preloadParts(): Promise<void> {
  for (const fetch of fetches) {
    await whenIdle()
    await fetch().catch(() => {})
  }
}
