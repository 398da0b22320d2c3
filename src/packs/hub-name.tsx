import { useState, useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import { type HubName as Name, parseRepository } from '../../workers/protocol'
import { useSettings } from '../app/context'
import { HubField } from './hub-field'
import { Failure } from './job'
import { library } from './shared-library'

/** Any repository by its name: the hub is asked what it is; a model that is known then stands in the list above. */
export function HubName() {
  const { t } = useTranslation()
  const origin = useSettings().hub
  const { hub, answers } = useSyncExternalStore(library.subscribe, library.getState)
  const [name, setName] = useState<Name | null>(null)
  const [wrong, setWrong] = useState(false)
  const answer = name ? answers.get(name.repository) : undefined
  const listed = hub?.some(({ repository }) => repository === name?.repository)
  const submit = (typed: string) => {
    const parsed = parseRepository(typed)
    setName(parsed)
    setWrong(parsed === null)
    if (parsed) void library.askHub(origin, parsed)
  }
  return (
    <div className="hub-named">
      <HubField
        label={t('hub.byName')}
        hint={t('hub.byNameHint')}
        initial=""
        placeholder={t('hub.nameExample')}
        action={t('hub.lookUp')}
        problem={wrong ? t('hub.notAName') : null}
        onSubmit={submit}
      />
      <p className="settings-hint" role="status">
        {answer?.status === 'asking' && t('hub.asking', { host: new URL(origin).host })}
        {answer?.status === 'known' && t('hub.found', { name: answer.look.name })}
      </p>
      {/* One of the list says it there. */}
      {answer?.status === 'failed' && !listed && <Failure error={answer.error} />}
    </div>
  )
}
