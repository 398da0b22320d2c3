import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useSession } from '../app/context'
import { formatLanguages } from '../app/format'
import { isLanguage } from '../app/i18n'
import { useEmbedsTexts, useEngine, usePack } from '../assistant/hooks'
import type { Clip } from '../clip/reducer'
import type { Subject } from '../moments/subjects'
import './suggestions.css'

/** What a small model answers well: the scene and its subject, rather than counts or causes. */
const keys = { video: ['happening', 'outdoors'], image: ['see', 'where'] } as const

type Props = {
  readonly clip: Clip
  readonly onAsk: (question: string) => void
}

/** First questions to press, in a language that the model reads; says so where that is not the page's. The last fits what is seen. */
export function Suggestions({ clip, onAsk }: Props) {
  const { t, i18n } = useTranslation()
  const pack = usePack()
  const subject = useSubject(clip)
  const kind = clip.media?.kind ?? 'video'
  const spoken = pack?.languages ?? []
  const primary = i18n.language.split('-')[0] ?? i18n.language
  const understood = spoken.length === 0 || spoken.some((tag) => tag.split('-')[0] === primary)
  const asked = understood ? i18n.language : (spoken.find(isLanguage) ?? 'en')
  const { t: asking } = useTranslation(undefined, { lng: asked })
  // What the pack was taught to answer best comes first, in the pack's own words.
  const taught = kind === 'image' ? pack?.describeImage : pack?.describeVideo
  const questions = [...(taught ? [taught] : []), ...keys[kind].map((key) => asking(`suggest.${key}`))]
  if (subject) questions.push(asking(`suggest.about.${subject}`))
  return (
    <div className="suggestions">
      <p className="suggestions-lead">{t('chat.empty')}</p>
      <ul className="suggestions-list" aria-label={t('suggest.label')}>
        {questions.map((question) => (
          <li key={question} lang={asked}>
            <button type="button" className="button suggestion" onClick={() => onAsk(question)}>
              {question}
            </button>
          </li>
        ))}
      </ul>
      {!understood && (
        <p className="suggestions-note">{t('chat.answersIn', { languages: formatLanguages(spoken, i18n.language) })}</p>
      )}
    </div>
  )
}

/** What the clip is about, once that is known and stands out; looked for when the machine has nothing better to do. */
function useSubject(clip: Clip): Subject | null {
  const engine = useEngine()
  const session = useSession()
  const [subject, setSubject] = useState<Subject | null>(null)
  const wanted = useEmbedsTexts() && clip.status === 'ready'
  const { encoded, frames } = clip
  // biome-ignore lint/correctness/useExhaustiveDependencies: the frames of a clip that is encoded stay as they are
  useEffect(() => {
    if (!wanted) return
    const controller = new AbortController()
    const { signal } = controller
    const find = async () => {
      await session.prepared
      const { subjectOf } = await import('../moments/subjects')
      if (signal.aborted) return
      const found = await subjectOf(engine.embedTexts.bind(engine), { frames }, signal)
      if (!signal.aborted) setSubject(found)
    }
    find()
      // The other questions are there all the same.
      .catch((thrown: unknown) => signal.aborted || console.warn('no subject', thrown))
      // Closes the call's signal port; harmless where the call is over.
      .finally(() => controller.abort())
    return () => controller.abort()
  }, [engine, session, wanted, encoded])
  return subject
}
