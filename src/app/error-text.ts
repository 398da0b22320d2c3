import type { TFunction } from 'i18next'
import type { ErrorData, ValleyError } from '../../workers/protocol'
import { codecName, formatBytes, formatNumber } from './format'

export type ErrorSentences = {
  /** What happened. */
  readonly text: string
  /** What the person can do. */
  readonly next: string
}

const known = (value: ErrorData[string] | undefined): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined

/** The codec by its common name, with the container it is in where that says more; the particular name first. */
function codecPhrase(t: TFunction, data: ErrorData): string {
  const named = known(data.codec)
  const exact = known(data.codecString)
  const codec = exact && codecName(exact) !== exact ? codecName(exact) : named && codecName(named)
  const container = known(data.container)
  if (!codec) return container ?? t('errors.unknown')
  return container && container !== codec ? t('errors.codecIn', { codec, container }) : codec
}

/** Of a list in a sentence, what a person reads. */
const most = 3

const featureNames: Readonly<Record<string, string>> = { webgpu: 'WebGPU', wasm: 'WebAssembly' }

/** An error as two sentences in the page's language. `name` is the file's, where the error is about one. */
export function errorSentences(t: TFunction, language: string, error: ValleyError, name?: string): ErrorSentences {
  const { code, data } = error
  const unknown = t('errors.unknown')
  const count = (value: ErrorData[string] | undefined) =>
    typeof value === 'number' ? formatNumber(value, language) : unknown
  const size = (value: ErrorData[string] | undefined) =>
    typeof value === 'number' ? formatBytes(value, language) : unknown
  const several = (value: ErrorData[string] | undefined) =>
    Array.isArray(value) && value.length > 0 ? value.slice(0, most).join(', ') : unknown
  const needed = typeof data.needed === 'number' ? size(data.needed) : undefined
  const free = typeof data.free === 'number' ? size(data.free) : undefined
  const shortage =
    needed && free ? t('errors.needsOf', { size: needed, free }) : needed ? t('errors.needs', { size: needed }) : ''
  const seconds = typeof data.seconds === 'number' ? formatNumber(data.seconds, language) : undefined
  const values = {
    name: name ?? known(data.name) ?? t('errors.thisFile'),
    feature: featureNames[known(data.feature) ?? ''] ?? known(data.feature) ?? unknown,
    codec: codecPhrase(t, data),
    status: known(data.status) ?? unknown,
    tokens: count(data.tokens),
    limit: count(data.limit),
    repository: known(data.repository) ?? t('errors.thisModel'),
    family: known(data.family) ?? unknown,
    path: known(data.path) ?? unknown,
    operator: known(data.operator) ?? unknown,
    origin: known(data.origin) ?? unknown,
    problem: several(data.problems),
    missing: several(data.missing),
    size: size(data.needed),
    room: size(data.limit),
    shortage,
    wait: seconds ? t('errors.inSeconds', { seconds }) : t('errors.later'),
  }
  return { text: t(`errors.${code}.text`, values), next: t(`errors.${code}.next`, values) }
}
