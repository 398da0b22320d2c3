import * as Popover from 'radix-ui/popover'
import { useContext, useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import type { LanguageInfo, LoadProgress, VisionInfo } from '../../workers/protocol'
import type { ComponentState } from '../assistant/component'
import { EngineOwnerContext } from '../assistant/elsewhere-notice'
import { summarizeEngine, useEngine, useEngineState, useEngineValue } from '../assistant/hooks'
import { loadShare } from '../assistant/load-share'
import { errorSentences } from './error-text'
import { formatBytes, formatPercent, formatSeconds, sentenceGap } from './format'
import { Meter } from './meter'
import './engine-status.css'

/** Model status in the corner: one word and a share, with the particulars behind it. */
export function EngineStatus() {
  const { t } = useTranslation()
  const own = useEngineValue((state) => summarizeEngine(state).status)
  const elsewhere = useIsElsewhere()
  return (
    <Popover.Root>
      <Popover.Trigger className="button engine-status" data-look="bare" data-status={elsewhere ? 'elsewhere' : own}>
        <span className="engine-status-mark" aria-hidden="true" />
        <span className="visually-hidden">{t('engine.details')}: </span>
        <span className="tabular">{elsewhere ? t('tabs.short') : <StatusText />}</span>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          className="floating engine-details"
          aria-label={t('engine.details')}
          align="end"
          sideOffset={8}
          collisionPadding={12}
        >
          {elsewhere ? <p>{t('tabs.elsewhere')}</p> : <Particulars />}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  )
}

const noListener = () => () => {}

/** Whether another tab has the engine: what this one's does is of no interest then. */
function useIsElsewhere(): boolean {
  const owner = useContext(EngineOwnerContext)
  return useSyncExternalStore(owner?.subscribe ?? noListener, () => owner?.getState() === 'elsewhere')
}

/** By itself, and drawn again at another word or whole percent alone: while a phone loads the pack its page has better things to do. */
function StatusText() {
  const { t, i18n } = useTranslation()
  const shown = useEngineValue((state) => {
    const summary = summarizeEngine(state)
    if (summary.status !== 'loading') return summary.status
    if (summary.restarted) return 'restarting'
    return summary.share === null ? 'loading' : Math.floor(summary.share * 100) / 100
  })
  if (typeof shown === 'number') return t('engine.loadingPercent', { percent: formatPercent(shown, i18n.language) })
  return shown === 'paused' ? t('packs.paused') : t(`engine.${shown}`)
}

/** What both components do, and what can be done about it. */
function Particulars() {
  const { t } = useTranslation()
  const engine = useEngine()
  const state = useEngineState()
  const { status } = summarizeEngine(state)
  return (
    <>
      <ComponentRow name={t('engine.vision')} state={state.vision} />
      <ComponentRow name={t('engine.language')} state={state.language} />
      {status === 'paused' && (
        <button type="button" className="button" data-look="primary" onClick={() => engine.resume()}>
          {t('packs.resumeLoading')}
        </button>
      )}
      {(isFetching(state.vision) || isFetching(state.language)) && (
        <button type="button" className="button" onClick={() => engine.pause()}>
          {t('packs.pauseLoading')}
        </button>
      )}
      {status === 'failed' && (
        <button type="button" className="button" data-look="primary" onClick={() => engine.retry()}>
          {t('engine.retry')}
        </button>
      )}
    </>
  )
}

/** While one file is checked or prepared the next is on its way. */
const fetchingStages: readonly string[] = ['download', 'verify', 'derive'] satisfies LoadProgress['stage'][]

/** What is stopped then goes on from there; any other step would only begin again. */
const isFetching = (state: ComponentState<VisionInfo | LanguageInfo>) =>
  state.status === 'loading' && fetchingStages.includes(state.progress?.stage ?? '')

type RowProps = { readonly name: string; readonly state: ComponentState<VisionInfo | LanguageInfo> }

function ComponentRow({ name, state }: RowProps) {
  const { t, i18n } = useTranslation()
  const stageText = ({ stage, done, total }: LoadProgress) => {
    const bytes = stage === 'download' || stage === 'verify' || stage === 'derive'
    if (!bytes) return t(`engine.stage.${stage}`, { done: Math.min(done + 1, total), total })
    return t(`engine.stage.${stage}`, {
      done: formatBytes(done, i18n.language),
      total: formatBytes(total, i18n.language),
    })
  }
  return (
    <section className="engine-row">
      <h2 className="engine-row-name">{name}</h2>
      {state.status === 'loading' && (
        <>
          <Meter label={name} share={loadShare(state)} />
          <p className="tabular">{state.progress ? stageText(state.progress) : t('engine.loading')}</p>
        </>
      )}
      {state.status === 'ready' && <p className="tabular">{readyLine(state.info)}</p>}
      {state.status === 'failed' && (
        <p className="engine-row-error">
          {Object.values(errorSentences(t, i18n.language, state.error)).join(sentenceGap(i18n.language))}
        </p>
      )}
    </section>
  )

  function readyLine(info: VisionInfo | LanguageInfo): string {
    const place = info.backend === 'webgpu' ? t('engine.gpu') : t('engine.cpu')
    const threads = 'threads' in info && info.backend === 'wasm' ? [t('engine.threads', { count: info.threads })] : []
    const loaded = t('engine.loadedIn', { seconds: formatSeconds(info.loadMs, i18n.language) })
    return [t('engine.ready'), place, ...threads, loaded].join(' · ')
  }
}
