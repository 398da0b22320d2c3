import * as Popover from 'radix-ui/popover'
import { Suspense, useContext, useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import { EngineOwnerContext } from '../assistant/elsewhere-notice'
import { summarizeEngine, useEngineValue } from '../assistant/hooks'
import { formatPercent } from './format'
import { lazyPart } from './lazy-part'
import './engine-status.css'

// Nobody needs them before they ask how far it is.
const EngineDetails = lazyPart(async () => (await import('./engine-details')).EngineDetails)

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
          <Suspense>{elsewhere ? <p>{t('tabs.elsewhere')}</p> : <EngineDetails />}</Suspense>
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
