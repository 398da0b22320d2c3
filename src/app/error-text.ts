import type { TFunction } from 'i18next'
import type { ErrorData, ValleyError } from '../../workers/protocol'
import { codecName, formatNumber } from './format'

export type ErrorSentences = {
  /** What happened. */
  readonly text: string
  /** What the person can do. */
  readonly next: string
}

const known = (value: ErrorData[string] | undefined): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined

/** The codec with its container, as far as the error says: "HEVC (H.265) in Matroska" stays short as "HEVC (H.265), MKV". */
function codecPhrase(data: ErrorData, unknown: string): string {
  const codec = known(data.codec)
  const container = known(data.container)
  return [codec ? codecName(codec) : unknown, container].filter(Boolean).join(', ')
}

/** An error as two sentences in the page's language. `name` is the file's, where the error is about one. */
export function errorSentences(t: TFunction, language: string, error: ValleyError, name?: string): ErrorSentences {
  const { code, data } = error
  const unknown = t('errors.unknown')
  const count = (value: ErrorData[string] | undefined) =>
    typeof value === 'number' ? formatNumber(value, language) : unknown
  const values = {
    name: name ?? known(data.name) ?? t('errors.thisFile'),
    feature: known(data.feature) ?? unknown,
    codec: codecPhrase(data, unknown),
    status: known(data.status) ?? unknown,
    tokens: count(data.tokens),
    limit: count(data.limit),
  }
  return { text: t(`errors.${code}.text`, values), next: t(`errors.${code}.next`, values) }
}
