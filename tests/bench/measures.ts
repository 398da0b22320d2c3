/** What is measured, against what, and how much better it has to be. The order is that of the report. */
import type { Better } from './statistics'

export const peerNames = ['transformers.js', 'wllama Q8_0', 'wllama Q4_1'] as const
export type PeerName = (typeof peerNames)[number]
/** What our own figure is held against where no peer has one. */
export type YardstickName =
  | 'the 10 s clip'
  | '64 positions'
  | 'the slower of decoding and encoding alone'
  | 'without a warm-up'
  | 'tokens and vectors'
  | 'the sampled token'
  | 'none'
  | 'theory'
export type ContenderName = 'ours' | PeerName | YardstickName

export const groups = {
  start: 'Start',
  answers: 'Answers',
  context: 'A token as the context grows',
  frames: 'Clip to tokens',
  memory: 'Memory and length of the clip',
  readback: 'Read back from the GPU',
  growth: 'Growth',
} as const
export type Group = keyof typeof groups

export type Measure = {
  readonly group: Group
  readonly title: string
  readonly unit: 'ms' | 'tokens/s' | 'frames/s' | 'MB' | 'bytes' | 'times'
  readonly better: Better
  /** Held against these as well; the number is the least ratio that will do, null: shown without one. */
  readonly against: Readonly<Partial<Record<PeerName | YardstickName, number | null>>>
}

const starting = (title: string): Measure => ({
  group: 'start',
  title,
  unit: 'ms',
  better: 'lower',
  against: { 'transformers.js': null, 'wllama Q8_0': null },
})

const answers = {
  'clip-first-token': {
    group: 'answers',
    title: 'Clip to first token',
    unit: 'ms',
    better: 'lower',
    against: { 'transformers.js': 3 },
  },
  'clip-at-once-first-token': {
    group: 'answers',
    title: 'The same, the clip there when the app is ready',
    unit: 'ms',
    better: 'lower',
    // What the warm-up costs somebody who leaves it no time.
    against: { 'without a warm-up': null },
  },
  'clip-later-first-token': {
    group: 'answers',
    title: 'The same, the clip there three seconds later',
    unit: 'ms',
    better: 'lower',
    // What it saves somebody who takes that long to choose.
    against: { 'without a warm-up': null },
  },
  'question-2-first-token': {
    group: 'answers',
    title: 'Question 2 to first token',
    unit: 'ms',
    better: 'lower',
    against: { 'transformers.js': 10 },
  },
  'question-10-first-token': {
    group: 'answers',
    title: 'Question 10 to first token',
    unit: 'ms',
    better: 'lower',
    against: { 'transformers.js': null },
  },
  decode: {
    group: 'answers',
    title: 'Decoding',
    unit: 'tokens/s',
    better: 'higher',
    against: { 'transformers.js': 0.97, 'wllama Q8_0': 1.4, 'wllama Q4_1': null },
  },
  prefill: {
    group: 'answers',
    title: 'Prefill',
    unit: 'tokens/s',
    better: 'higher',
    against: { 'transformers.js': null, 'wllama Q8_0': 4, 'wllama Q4_1': null },
  },
  'long-tasks': {
    group: 'answers',
    title: 'Tasks of the main thread over 50 ms during an answer',
    unit: 'times',
    better: 'lower',
    against: { none: 1 },
  },
} as const satisfies Record<string, Measure>

/** Positions cached where a token is timed: the last is all that a pack allows on WASM. */
export const contextPoints = [64, 128, 256, 384, 512, 640, 768] as const
export type ContextId = `token-at-${(typeof contextPoints)[number]}`
const context = Object.fromEntries(
  contextPoints.map((positions): [ContextId, Measure] => [
    `token-at-${positions}`,
    {
      group: 'context',
      title: `A further token at ${positions} positions`,
      unit: 'ms',
      better: 'lower',
      // At most 2.5 times as long.
      against: { '64 positions': 0.4 },
    },
  ]),
) as Record<ContextId, Measure>

export const clipCodecs = ['h264', 'vp9', 'av1'] as const
export type ClipCodec = (typeof clipCodecs)[number]
export const clipSizes = ['720p', '1080p'] as const
export type ClipSize = (typeof clipSizes)[number]

export type FramesId = `frames-${ClipCodec}-${ClipSize}`
export const framesId = (codec: ClipCodec, size: ClipSize): FramesId => `frames-${codec}-${size}`
const codecTitles: Readonly<Record<ClipCodec, string>> = { h264: 'H.264', vp9: 'VP9', av1: 'AV1' }
const frames = Object.fromEntries(
  clipCodecs.flatMap((codec) =>
    clipSizes.map((size): [FramesId, Measure] => [
      framesId(codec, size),
      {
        group: 'frames',
        title: `${codecTitles[codec]}, ${size}`,
        unit: 'frames/s',
        better: 'higher',
        against: { 'transformers.js': null },
      },
    ]),
  ),
) as Record<FramesId, Measure>

const overlap = {
  overlap: {
    group: 'frames',
    title: 'Clip to tokens beside its two halves',
    unit: 'ms',
    better: 'lower',
    // At most 1.25 times as long.
    against: { 'the slower of decoding and encoding alone': 0.8 },
  },
} as const satisfies Record<string, Measure>

const within = (title: string, unit: Measure['unit'], least: number | null): Measure => ({
  group: 'memory',
  title,
  unit,
  better: 'lower',
  against: { 'the 10 s clip': least },
})
/** At most 1.2 times as much. */
const fifthMore = 1 / 1.2
const memory = {
  'memory-js-10-min': within('JavaScript memory, clip of 10 min', 'MB', fifthMore),
  'memory-js-1-h': within('JavaScript memory, clip of 1 h', 'MB', fifthMore),
  'memory-gpu-10-min': within('GPU memory (ledger), clip of 10 min', 'MB', fifthMore),
  'memory-gpu-1-h': within('GPU memory (ledger), clip of 1 h', 'MB', fifthMore),
  'question-2-10-min': within('Question 2 to first token, clip of 10 min', 'ms', fifthMore),
} as const satisfies Record<string, Measure>

const readback = {
  'readback-clip': {
    group: 'readback',
    title: 'A clip of 10 s, vision on WebGPU',
    unit: 'bytes',
    better: 'lower',
    against: { 'tokens and vectors': 1 },
  },
  'readback-pixels': {
    group: 'readback',
    title: 'Calls of getImageData and VideoFrame.copyTo for it',
    unit: 'times',
    better: 'lower',
    against: { none: 1 },
  },
  'readback-token': {
    group: 'readback',
    title: 'A token of an answer, decoder on WebGPU',
    unit: 'bytes',
    better: 'lower',
    against: { 'the sampled token': 1 },
  },
} as const satisfies Record<string, Measure>

/** Where growth is looked at: sampled frames, seconds of clip, questions of a conversation. */
export const growthPoints = {
  frames: [1, 2, 4, 8, 16, 32, 64, 128, 256],
  seconds: [1, 10, 60, 600, 3600, 7200],
  questions: [1, 2, 5, 10, 15, 20],
} as const
export type Variable = keyof typeof growthPoints
/** What grows with each: a conversation encodes nothing. */
export const grown = {
  frames: ['tokens', 'prefill'],
  seconds: ['tokens', 'prefill'],
  questions: ['prefill'],
} as const satisfies Record<Variable, readonly ('tokens' | 'prefill')[]>
export type Grown = (typeof grown)[Variable][number]
export const grownTitles: Readonly<Record<Grown, string>> = {
  tokens: 'clip to tokens',
  prefill: 'question to first token',
}
export type GrowthId = {
  [V in Variable]: `growth-${(typeof grown)[V][number]}-${V}-${(typeof growthPoints)[V][number]}`
}[Variable]
/** Throws RangeError where there is no such point. */
export function growthId(what: Grown, variable: Variable, at: number): GrowthId {
  const id = `growth-${what}-${variable}-${at}`
  if (!(id in growth)) throw new RangeError(`no measure ${id}`)
  return id as GrowthId
}
const growth = Object.fromEntries(
  (Object.keys(growthPoints) as Variable[]).flatMap((variable) =>
    grown[variable].flatMap((what) =>
      growthPoints[variable].map((at): [GrowthId, Measure] => [
        `growth-${what}-${variable}-${at}` as GrowthId,
        {
          group: 'growth',
          title: `${at} ${variable}: ${grownTitles[what]}`,
          unit: 'ms',
          better: 'lower',
          against: { theory: null },
        },
      ]),
    ),
  ),
) as Record<GrowthId, Measure>

export const measures = {
  'cold-start': starting('First visit to ready'),
  'warm-start': starting('Later visit to ready'),
  ...answers,
  ...context,
  ...frames,
  ...overlap,
  ...memory,
  ...readback,
  ...growth,
}

export type MeasureId = keyof typeof measures
export const measureIds = Object.keys(measures) as MeasureId[]

/** Figures of one contender. */
export type Figures = Partial<Record<MeasureId, number>>
/** All figures of a run: by measure and contender, one a repeat. */
export type Samples = Partial<Record<MeasureId, Partial<Record<ContenderName, readonly number[]>>>>
