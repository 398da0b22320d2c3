import { lazy, Suspense } from 'react'
import type { AnswerMarkdownProps } from './answer-markdown'
import './answer-text.css'

// Nobody needs it before the first answer.
const AnswerMarkdown = lazy(() => import('./answer-markdown'))

/** An answer, whole or as far as it is written. Until the Markdown part is here, its plain text. */
export function AnswerText(props: AnswerMarkdownProps) {
  return (
    <div className="answer-text" data-live={props.live}>
      <Suspense fallback={<p>{props.text}</p>}>
        <AnswerMarkdown {...props} />
      </Suspense>
    </div>
  )
}
