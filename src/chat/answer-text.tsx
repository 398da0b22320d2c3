import { Suspense } from 'react'
import { lazyPart } from '../app/lazy-part'
import { useAnswerLanguage } from '../assistant/hooks'
import type { AnswerMarkdownProps } from './answer-markdown'
import './answer-text.css'

const PlainText = ({ text }: AnswerMarkdownProps) => <p>{text}</p>
// Nobody needs it before the first answer; fetched only then, it would hold up the page while that is written.
const AnswerMarkdown = lazyPart(async () => (await import('./answer-markdown')).default, { instead: PlainText })

/** An answer, whole or as far as it is written. Until the Markdown part is here, and where it cannot be had, its plain text. */
export function AnswerText(props: AnswerMarkdownProps) {
  const language = useAnswerLanguage()
  return (
    <div className="answer-text" data-live={props.live} lang={language}>
      <Suspense fallback={<PlainText {...props} />}>
        <AnswerMarkdown {...props} />
      </Suspense>
    </div>
  )
}
