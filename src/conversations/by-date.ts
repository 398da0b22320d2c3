import type { TFunction } from 'i18next'
import type { ConversationSummary } from './model'

/** Recent ones by how long ago, the rest by month (`2026-10`). */
export type Period = 'today' | 'yesterday' | 'week' | 'month' | `${number}-${number}`

export type Group = { readonly period: Period; readonly conversations: readonly ConversationSummary[] }

/** Midnight of the day that a time is in, in the person's time zone. Days are not all 24 hours long. */
function midnight(time: number, daysBefore = 0): number {
  const date = new Date(time)
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() - daysBefore).getTime()
}

function periodOf(time: number, now: number): Period {
  if (time >= midnight(now)) return 'today'
  if (time >= midnight(now, 1)) return 'yesterday'
  if (time >= midnight(now, 7)) return 'week'
  if (time >= midnight(now, 30)) return 'month'
  const date = new Date(time)
  return `${date.getFullYear()}-${date.getMonth() + 1}`
}

/** What a group is called: months as the language writes them. `language` is a BCP 47 tag. */
export function periodName(period: Period, t: TFunction, language: string): string {
  if (period === 'today' || period === 'yesterday' || period === 'week' || period === 'month') {
    return t(`conversations.${period}`)
  }
  const [year = 0, month = 1] = period.split('-').map(Number)
  return new Intl.DateTimeFormat(language, { year: 'numeric', month: 'long' }).format(new Date(year, month - 1))
}

/** The list in groups, in its own order (newest first). */
export function byDate(conversations: readonly ConversationSummary[], now: number): Group[] {
  const groups = new Map<Period, ConversationSummary[]>()
  for (const conversation of conversations) {
    const period = periodOf(conversation.updatedAt, now)
    groups.set(period, [...(groups.get(period) ?? []), conversation])
  }
  return [...groups].map(([period, members]) => ({ period, conversations: members }))
}
