import * as ToggleGroup from 'radix-ui/toggle-group'
import { Suspense, useId } from 'react'
import { useTranslation } from 'react-i18next'
import { usePack, useSearchesAnswers } from '../assistant/hooks'
import { InstallRow } from '../pwa/install-row'
import { clipKeepings } from '../storage/clip-files'
import { useSettings, useSettingsStore } from './context'
import { isLanguage, languages } from './i18n'
import { lazyPart } from './lazy-part'
import { type Creativity, creativities, frameChoices, type Search, searches, themes } from './settings'

const PacksPanel = lazyPart(async () => (await import('../packs/packs-panel')).PacksPanel, { whenShown: true })
const StoragePanel = lazyPart(async () => (await import('../packs/storage-panel')).StoragePanel, { whenShown: true })

/** What the dialog of the settings holds. Every choice holds at once. */
export function SettingsPanel() {
  const { t } = useTranslation()
  const settings = useSettings()
  const store = useSettingsStore()
  const pack = usePack()
  const searchesAnswers = useSearchesAnswers()
  const frames = frameChoices.filter((count) => !pack || count <= pack.maxFrames)
  return (
    <>
      <Choice
        label={t('settings.language')}
        value={settings.language}
        options={Object.entries(languages).map(([value, label]) => ({ value, label }))}
        onChange={(value) => isLanguage(value) && store.change({ language: value })}
      />
      <Choice
        label={t('settings.theme')}
        value={settings.theme}
        options={themes.map((value) => ({ value, label: t(`settings.themes.${value}`) }))}
        onChange={(value) => {
          const theme = themes.find((candidate) => candidate === value)
          if (theme) store.change({ theme })
        }}
      />
      <Choice
        label={t('settings.frames')}
        hint={t('settings.framesHint')}
        value={String(settings.frames)}
        options={frames.map((count) => ({ value: String(count), label: String(count) }))}
        onChange={(value) => store.change({ frames: Number(value) })}
      />
      <Choice
        label={t('settings.creativity')}
        hint={t('settings.creativityHint')}
        value={settings.creativity}
        options={(Object.keys(creativities) as Creativity[]).map((value) => ({
          value,
          label: t(`settings.creativities.${value}`),
        }))}
        onChange={(value) => value in creativities && store.change({ creativity: value as Creativity })}
      />
      {searchesAnswers && (
        <Choice
          label={t('settings.search')}
          hint={t('settings.searchHint')}
          value={settings.search ?? ((pack?.beams ?? 1) > 1 ? 'careful' : 'fast')}
          options={(Object.keys(searches) as Search[]).map((value) => ({
            value,
            label: t(`settings.searches.${value}`),
          }))}
          onChange={(value) => value in searches && store.change({ search: value as Search })}
        />
      )}
      <Choice
        label={t('conversations.keeping')}
        hint={t('conversations.keepingHint')}
        value={settings.keeping}
        options={clipKeepings.map((value) => ({ value, label: t(`conversations.keepings.${value}`) }))}
        onChange={(value) => {
          const keeping = clipKeepings.find((candidate) => candidate === value)
          if (keeping) store.change({ keeping })
        }}
      />
      <Choice
        label={t('performance.title')}
        hint={t('performance.hint')}
        value={settings.figures ? 'on' : 'off'}
        options={(['off', 'on'] as const).map((value) => ({ value, label: t(`performance.${value}`) }))}
        onChange={(value) => store.change({ figures: value === 'on' })}
      />
      <InstallRow />
      <Suspense>
        <PacksPanel />
        <StoragePanel />
      </Suspense>
    </>
  )
}

type ChoiceProps = {
  readonly label: string
  readonly hint?: string
  readonly value: string
  readonly options: readonly { readonly value: string; readonly label: string }[]
  readonly onChange: (value: string) => void
}

/** One of a few, side by side. */
function Choice({ label, hint, value, options, onChange }: ChoiceProps) {
  const id = useId()
  return (
    <div className="settings-row">
      <span className="settings-label" id={id}>
        {label}
      </span>
      <ToggleGroup.Root
        type="single"
        className="segments"
        aria-labelledby={id}
        aria-describedby={hint ? `${id}-hint` : undefined}
        value={value}
        // An empty value is a second press on the chosen one.
        onValueChange={(next) => next && onChange(next)}
      >
        {options.map((option) => (
          <ToggleGroup.Item key={option.value} className="segment" value={option.value}>
            {option.label}
          </ToggleGroup.Item>
        ))}
      </ToggleGroup.Root>
      {hint && (
        <p className="settings-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  )
}
