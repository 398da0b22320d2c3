import { Check, ChevronDown, X } from 'lucide-react'
import { useId, useMemo, useState, useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import { useSettingsStore } from '../app/context'
import { IconButton } from '../app/icon-button'
import { useCopy } from '../app/use-copy'
import { useEngine, usePack } from '../assistant/hooks'
import { PerformanceMonitor } from './monitor'
import { thisDevice, toJson, toMarkdown } from './report'
import { type FigureTable, figureTables, headline } from './tables'
import './panel.css'

/** So many clips and answers are shown, the newest; a copy holds all that are known. */
const shownColumns = 3

/** Where there is room for the tables beside everything else. */
const roomy = '(min-width: 960px) and (min-height: 700px)'

/** The figures of this device, live, under everything else; to look at and to send. */
export default function PerformancePanel() {
  const { t, i18n } = useTranslation()
  const { language } = i18n
  const engine = useEngine()
  const pack = usePack()
  const store = useSettingsStore()
  const monitor = useMemo(() => new PerformanceMonitor(engine), [engine])
  const figures = useSyncExternalStore(monitor.subscribe, monitor.getSnapshot)
  const [open, setOpen] = useState(() => matchMedia(roomy).matches)
  const { copied, copy } = useCopy<'markdown' | 'json'>()
  const bodyId = useId()
  const packName = pack && t('packs.name', pack)
  const words = { t, language }

  const copyMarkdown = () => {
    const { browser, cores } = thisDevice()
    const about = [packName ?? '', browser, t('performance.cores', { count: cores }), new Date().toISOString()]
    const tables = figureTables(figures, Number.POSITIVE_INFINITY, words)
    copy('markdown', toMarkdown(t('performance.title'), about, tables))
  }
  const copyJson = () => copy('json', toJson(figures, thisDevice(), pack, new Date()))

  return (
    <aside className="performance" aria-label={t('performance.title')} data-open={open}>
      <div className="performance-head">
        <button
          type="button"
          className="button performance-toggle"
          data-look="bare"
          data-size="small"
          aria-expanded={open}
          aria-controls={bodyId}
          onClick={() => setOpen(!open)}
        >
          <ChevronDown aria-hidden="true" />
          {t('stats.show')}
        </button>
        <p className="performance-headline tabular">{headline(figures, words)}</p>
        <IconButton
          size="small"
          label={t('performance.turnOff')}
          icon={<X />}
          onClick={() => store.change({ figures: false })}
        />
      </div>
      {/* It scrolls by keys as well. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reachable */}
      <section id={bodyId} className="performance-body" aria-label={t('stats.show')} tabIndex={0} hidden={!open}>
        {open && (
          <>
            <div className="performance-copy">
              <CopyButton label={t('performance.copyMarkdown')} done={copied === 'markdown'} onClick={copyMarkdown} />
              <CopyButton label={t('performance.copyJson')} done={copied === 'json'} onClick={copyJson} />
              <p role="status" className="visually-hidden">
                {copied && t('chat.copied')}
              </p>
              <p className="performance-note">
                {packName && <>{packName} · </>}
                {t('performance.privacy')}
              </p>
            </div>
            <div className="performance-tables">
              {figureTables(figures, shownColumns, words).map((table) => (
                <Table key={table.title} table={table} empty={t('performance.nothingYet')} />
              ))}
            </div>
          </>
        )}
      </section>
    </aside>
  )
}

type CopyProps = { readonly label: string; readonly done: boolean; readonly onClick: () => void }

function CopyButton({ label, done, onClick }: CopyProps) {
  return (
    <button type="button" className="button" data-size="small" onClick={onClick}>
      {done && <Check aria-hidden="true" />}
      {label}
    </button>
  )
}

function Table({ table: { title, columns, rows }, empty }: { readonly table: FigureTable; readonly empty: string }) {
  return (
    <table className="performance-table tabular">
      <caption>{title}</caption>
      {columns.length === 0 ? (
        <tbody>
          <tr>
            <td>{empty}</td>
          </tr>
        </tbody>
      ) : (
        <>
          <thead>
            <tr>
              <td />
              {columns.map((column, at) => (
                // Columns have no other name than their place: a clip may stand there twice.
                // biome-ignore lint/suspicious/noArrayIndexKey: see above
                <th key={at} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ name, values, names }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                {values.map((value, at) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: as the columns
                  <td key={at} colSpan={values.length === 1 ? columns.length : 1} lang={names && 'en'}>
                    {value}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </>
      )}
    </table>
  )
}
