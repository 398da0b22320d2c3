import { lazy, Suspense } from 'react'
import { useAnswerLanguage } from '../assistant/hooks'
import type { AnswerMarkdownProps } from './answer-markdown'
import './answer-text.css'

// Nobody needs it before the first answer.
const AnswerMarkdown = lazy(() => import('./answer-markdown'))

/** An answer, whole or as far as it is written. Until the Markdown part is here, its plain text. */
export function AnswerText(props: AnswerMarkdownProps) {
  const language = useAnswerLanguage()
  return (
    <div className="answer-text" data-live={props.live} lang={language}>
      <Suspense fallback={<p>{props.text}</p>}>
        <AnswerMarkdown {...props} />
      </Suspense>
    </div>
  )
}
