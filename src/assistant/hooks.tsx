import { createContext, type ReactNode, useContext, useEffect, useState, useSyncExternalStore } from 'react'
import type { ComponentState } from './component'
import type { Engine, EngineState } from './engine'
import { loadShare } from './load-share'
import { fetchPackSummary, type PackSummary } from './pack'

export const EngineContext = createContext<Engine | null>(null)
const PackContext = createContext<PackSummary | null>(null)

export function useEngine(): Engine {
  const engine = useContext(EngineContext)
  if (!engine) throw new Error('useEngine outside of EngineContext')
  return engine
}

/** Load state of both components; renders again at each change, so several times a second while the pack loads. */
export function useEngineState(): EngineState {
  return useEngineValue((state) => state)
}

/** What `select` takes of the state; renders again where that is another value (by identity). */
export function useEngineValue<T>(select: (state: EngineState) => T): T {
  const engine = useEngine()
  return useSyncExternalStore(engine.subscribe, () => select(engine.state))
}

/** Reads what the page shows of the pack that the engine has. */
export function PackProvider({ children }: { readonly children: ReactNode }) {
  const packUrl = useEngineValue((state) => state.packUrl)
  const [pack, setPack] = useState<PackSummary | null>(null)
  useEffect(() => {
    let current = true
    void fetchPackSummary(packUrl).then((summary) => {
      if (current) setPack(summary)
    })
    return () => {
      current = false
    }
  }, [packUrl])
  return <PackContext value={pack}>{children}</PackContext>
}

/** What is shown of the pack; null until it is known. */
export const usePack = (): PackSummary | null => useContext(PackContext)

/** Whether the pack compares words with frames: it then finds moments and evidence. Taken for granted until it is loaded. */
export const useEmbedsTexts = (): boolean =>
  useEngineValue(({ vision }) => vision.status !== 'ready' || vision.info.embedsTexts)

/** Whether the pack can weigh several answers at once. Taken for granted until it is loaded. */
export const useSearchesAnswers = (): boolean =>
  useEngineValue(({ language }) => language.status !== 'ready' || language.info.maxBeams > 1)

/** The language of answers, for screen readers: the model's, whatever the page speaks. undefined: it knows several. */
export function useAnswerLanguage(): string | undefined {
  const languages = usePack()?.languages
  return languages?.length === 1 ? languages[0] : undefined
}

export type EngineSummary =
  | { readonly status: 'ready' }
  | { readonly status: 'failed' }
  /** The person stopped the loading. */
  | { readonly status: 'paused' }
  /** `share`: how much of the whole load is done, 0 to 1; null before the first report. */
  | { readonly status: 'loading'; readonly share: number | null; readonly restarted: boolean }

/** Both components as one: failed if either is, ready if both are. */
export function summarizeEngine({ vision, language, paused }: EngineState): EngineSummary {
  const components: ComponentState<unknown>[] = [vision, language]
  if (components.some(({ status }) => status === 'failed')) return { status: 'failed' }
  if (paused) return { status: 'paused' }
  if (components.every(({ status }) => status === 'ready')) return { status: 'ready' }
  const restarted = components.some((component) => component.status === 'loading' && component.restarted)
  const begun = components.some((component) => component.status !== 'loading' || component.progress !== null)
  return { status: 'loading', share: begun ? loadShare(vision) * 0.3 + loadShare(language) * 0.7 : null, restarted }
}
