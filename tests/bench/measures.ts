/** What is measured, against whom, and how much better it has to be. The order is that of the report. */
import type { Better } from './statistics'

export type PeerName = 'transformers.js' | 'wllama Q8_0'
export type ContenderName = 'ours' | PeerName

export type Measure = {
  readonly title: string
  readonly unit: 'ms' | 'tokens/s'
  readonly better: Better
  /** Measured on these as well; the number is the least ratio that will do, null: shown without one. */
  readonly peers: Readonly<Partial<Record<PeerName, number | null>>>
}

export const measures = {
  'clip-first-token': {
    title: 'Clip to first token',
    unit: 'ms',
    better: 'lower',
    peers: { 'transformers.js': 3 },
  },
  'question-2-first-token': {
    title: 'Question 2 to first token',
    unit: 'ms',
    better: 'lower',
    peers: { 'transformers.js': 10 },
  },
  'question-10-first-token': {
    title: 'Question 10 to first token',
    unit: 'ms',
    better: 'lower',
    peers: { 'transformers.js': null },
  },
  decode: {
    title: 'Decoding',
    unit: 'tokens/s',
    better: 'higher',
    peers: { 'transformers.js': 0.97, 'wllama Q8_0': 1.4 },
  },
  prefill: {
    title: 'Prefill',
    unit: 'tokens/s',
    better: 'higher',
    peers: { 'transformers.js': null, 'wllama Q8_0': 4 },
  },
} as const satisfies Record<string, Measure>

export type MeasureId = keyof typeof measures
export const measureIds = Object.keys(measures) as MeasureId[]

/** Figures of one visit to one contender. */
export type Figures = Partial<Record<MeasureId, number>>
/** All figures of a run: by measure and contender, one a repeat. */
export type Samples = Partial<Record<MeasureId, Partial<Record<ContenderName, readonly number[]>>>>
