import { useTranslation } from 'react-i18next'
import type { LanguageInfo, LoadProgress, VisionInfo } from '../../workers/protocol'
import type { ComponentState } from '../assistant/component'
import { summarizeEngine, useEngine, useEngineState } from '../assistant/hooks'
import { loadShare } from '../assistant/load-share'
import { errorSentences } from './error-text'
import { formatBytes, formatSeconds, sentenceGap } from './format'
import { Meter } from './meter'

/** What both components do, and what can be done about it. */
export function EngineDetails() {
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
