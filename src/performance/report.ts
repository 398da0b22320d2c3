import type { ComponentState } from '../assistant/component'
import type { PackSummary } from '../assistant/pack'
import type { Figures } from './monitor'
import type { FigureTable } from './tables'

export type Pack = Pick<PackSummary, 'name' | 'version'>

/** What the figures were taken on. */
export type Device = {
  /** The browser's own name for itself. */
  readonly browser: string
  readonly cores: number
  /** Threads with shared memory are allowed here. */
  readonly isolated: boolean
}

export const thisDevice = (): Device => ({
  browser: navigator.userAgent,
  cores: navigator.hardwareConcurrency,
  isolated: globalThis.crossOriginIsolated,
})

const cell = (text: string) => text.replaceAll('|', '\\|')
const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`

/** The tables as Markdown, under a line that says where they come from. */
export function toMarkdown(title: string, about: readonly string[], tables: readonly FigureTable[]): string {
  const parts = [`## ${title}`, about.filter(Boolean).join(' · ')]
  for (const { title: name, columns, rows } of tables) {
    if (columns.length === 0) continue
    const written = rows.map(({ name, values }) => line([name, ...columns.map((_, at) => values[at] ?? '')]))
    parts.push([line([name, ...columns]), line(['---', ...columns.map(() => '---')]), ...written].join('\n'))
  }
  return `${parts.join('\n\n')}\n`
}

/** Of a component: its figures once it is ready, the code of what failed; no address of a pack, no text of an error. */
function plainState<Info>(state: ComponentState<Info>) {
  if (state.status === 'ready') return { status: state.status, ...state.info }
  return { status: state.status, ...(state.status === 'failed' ? { code: state.error.code } : {}) }
}

/** All figures as they are, in milliseconds and bytes. */
export function toJson(figures: Figures, device: Device, pack: Pack | null, at: Date): string {
  const { engine, ...measured } = figures
  const { vision, language } = engine
  const named = pack && { name: pack.name, version: pack.version }
  const states = { vision: plainState(vision), language: plainState(language) }
  return `${JSON.stringify({ at: at.toISOString(), ...device, pack: named, ...states, ...measured }, null, 2)}\n`
}
