/**
 * How cost grows with frames, with the length of the clip and with the conversation. Theory: encoding costs as much for
 * every frame, prefilling as much for every position that is new; nothing depends on the length of the clip. What one
 * frame and one position cost is taken from one point of the same table.
 */
import { benchClip, longClip } from '../assets/clips'
import { type Growth, growing, talk } from '../contenders/our-clips'
import { type ContenderName, type Figures, growthId, growthPoints, measureIds, type Variable } from '../measures'
import { clipQuestions } from '../questions'
import type { Scenario, Seen, Visit } from './scenario'

/** The point of each table that theory starts from. */
const from: Readonly<Record<Variable, number>> = { frames: 8, seconds: 10, questions: 2 }
/** Tokens of an answer, so that twenty of them fit the context. */
const answerTokens = 6
const clipSeconds = 10

type Point = Growth & { readonly at: number }

/** Figures and what theory makes of them. Throws where the point that it starts from is missing. */
export function grownFigures(variable: Variable, points: readonly Point[]): Seen {
  const base = points.find(({ at }) => at === from[variable])
  if (!base) throw new RangeError(`no point at ${from[variable]} ${variable}`)
  const [ours, theory]: [Figures, Figures] = [{}, {}]
  for (const { at, frames, tokensMs, positions, firstTokenMs } of points) {
    const prefill = growthId('prefill', variable, at)
    ours[prefill] = firstTokenMs
    theory[prefill] = (base.firstTokenMs * positions) / base.positions
    if (variable === 'questions') continue
    const tokens = growthId('tokens', variable, at)
    ours[tokens] = tokensMs
    theory[tokens] = (base.tokensMs * frames) / base.frames
  }
  return { ours, theory }
}

/** The middles of `count` parts of the clip, as the sampling plan takes them. */
const moments = (count: number) => Array.from({ length: count }, (_, at) => ((at + 0.5) / count) * clipSeconds)

const visits: Readonly<Record<Variable, Visit>> = {
  frames: async (stage) => {
    const grown = await growing(stage, await benchClip('h264', '720p'), growthPoints.frames.map(moments))
    return grownFigures('frames', at('frames', grown))
  },
  seconds: async (stage) => {
    const grown: Growth[] = []
    for (const seconds of growthPoints.seconds) {
      grown.push(...(await growing(stage, await longClip(seconds), [null])))
    }
    return grownFigures('seconds', at('seconds', grown))
  },
  questions: async (stage) => {
    const last = growthPoints.questions.at(-1) ?? 0
    const questions = Array.from({ length: last }, (_, index) => clipQuestions[index % clipQuestions.length] ?? '')
    const answered = await talk(stage, await benchClip('h264', '720p'), questions, { maxNewTokens: answerTokens })
    const points = growthPoints.questions.map((at) => {
      const { firstTokenMs = Number.NaN, positions = 0 } = answered[at - 1] ?? {}
      return { at, frames: 0, tokensMs: 0, positions, firstTokenMs }
    })
    return grownFigures('questions', points)
  },
}

const at = (variable: Variable, grown: readonly Growth[]): Point[] =>
  grown.map((point, index) => ({ ...point, at: growthPoints[variable][index] ?? Number.NaN }))

export function growth(): Scenario[] {
  return (Object.entries(visits) as [Variable, Visit][]).map(([variable, visit]) => ({
    measures: measureIds.filter((id) => id.startsWith('growth-') && id.includes(`-${variable}-`)),
    visits: new Map<ContenderName, Visit>([['ours', visit]]),
    mostRepeats: 1,
  }))
}
