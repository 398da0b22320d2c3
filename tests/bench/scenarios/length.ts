/** Whether a longer clip costs more: memory for one of 10 s, 10 min and 1 h; a second question about 10 s and 10 min. */
import { longClip } from '../assets/clips'
import { longTasks, memoryOf, talk } from '../contenders/our-clips'
import type { ContenderName, Figures } from '../measures'
import { clipQuestions } from '../questions'
import type { Scenario, Visit } from './scenario'

const [short, medium, long] = [10, 600, 3600] as const
const mebibyte = 2 ** 20

export function memory(): Scenario {
  const app: Visit = async (stage) => {
    const [ten, hour] = [await memoryOf(stage, await longClip(medium)), await memoryOf(stage, await longClip(long))]
    return {
      ours: {
        'memory-js-10-min': ten.js / mebibyte,
        'memory-js-1-h': hour.js / mebibyte,
        'memory-gpu-10-min': ten.gpu / mebibyte,
        'memory-gpu-1-h': hour.gpu / mebibyte,
      },
    }
  }
  const brief: Visit = async (stage) => {
    const { js, gpu } = await memoryOf(stage, await longClip(short))
    const both = (id: 'js' | 'gpu', bytes: number): Figures => ({
      [`memory-${id}-10-min`]: bytes / mebibyte,
      [`memory-${id}-1-h`]: bytes / mebibyte,
    })
    return { 'the 10 s clip': { ...both('js', js), ...both('gpu', gpu) } }
  }
  return {
    measures: ['memory-js-10-min', 'memory-js-1-h', 'memory-gpu-10-min', 'memory-gpu-1-h'],
    visits: new Map<ContenderName, Visit>([
      ['ours', app],
      ['the 10 s clip', brief],
    ]),
  }
}

export function secondQuestion(): Scenario {
  const of =
    (contender: ContenderName, seconds: number): Visit =>
    async (stage) => {
      const answered = await talk(stage, await longClip(seconds), clipQuestions.slice(0, 2))
      return { [contender]: { 'question-2-10-min': answered[1]?.firstTokenMs ?? Number.NaN } }
    }
  return {
    measures: ['question-2-10-min'],
    visits: new Map<ContenderName, Visit>([
      ['ours', of('ours', medium)],
      ['the 10 s clip', of('the 10 s clip', short)],
    ]),
  }
}

export function mainThread(): Scenario {
  const visit: Visit = async (stage) => ({
    ours: { 'long-tasks': await longTasks(stage, await longClip(short)) },
    none: { 'long-tasks': 0 },
  })
  return { measures: ['long-tasks'], visits: new Map<ContenderName, Visit>([['ours', visit]]) }
}
