/**
 * Do the answers come from the clip? For a third of the shared clips their own one-line notes must win against each
 * other's (ranksOfOwn says how). The notes are weak labels and are never trained on. All clips, each against all notes:
 * `npm run evaluate -- --data ../shared/data/videos --task own-notes`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sharedData } from '../tools/app'
import { openClip } from '../tools/drive'
import { loadItems } from '../tools/evaluate/data/items'
import { MediaFolder } from '../tools/evaluate/data/media'
import { ranksOfOwn } from '../tools/evaluate/tasks/own-notes'
import { type Running, startApp } from './support'

declare const valley: {
  encode(frames: readonly Blob[], options: { clipId: string; name: string }): Promise<unknown>
  ask(request: object): Promise<{ text: string; stats: { order?: readonly string[] } }>
  score(clipId: string, question: string, texts: readonly string[]): Promise<readonly number[]>
}

const folder = sharedData('videos')
/** MPEG-4 Part 2, which browsers refuse. */
const undecodable = ['internvid_example1.mp4', 'mmtracking_demo.mp4']

let running: Running
beforeAll(async () => {
  if (folder || photos) running = await startApp()
})
afterAll(() => running?.close())

// With notes shuffled among the clips 6 or more come about in 2 of 10,000 shuffles.
test.runIf(folder)(
  'the own note ranks first for at least 6 of 13 clips (chance: 1)',
  async () => {
    const [, ...rows] = readFileSync(join(folder ?? '', 'INDEX.tsv'), 'utf8')
      .trim()
      .split('\n')
    const clips = rows
      .map((row) => row.split('\t'))
      .map((cells) => ({ file: cells[0] ?? '', note: cells.at(-1) ?? '' }))
      .filter(({ file }) => !undecodable.includes(file))
      .filter((_, index) => index % 3 === 0)
    expect(clips.length).toBe(13)
    const notes = clips.map(({ note }) => note)

    const logProbabilities: (readonly number[])[] = []
    for (const { file } of clips) {
      const { clip, errors } = await openClip(running.driven, join(folder ?? '', file))
      expect(errors, file).toEqual([])
      const row = await running.page.evaluate(
        ({ clipId, texts }) => valley.score(clipId, 'Describe the video briefly.', texts),
        { clipId: clip?.clipId ?? '', texts: notes },
      )
      logProbabilities.push(row)
    }

    const ranks = ranksOfOwn(logProbabilities)
    const first = ranks.filter((rank) => rank === 1).length
    const meanRank = ranks.reduce((sum, rank) => sum + rank, 0) / ranks.length
    const detail = clips.map(({ file }, index) => ({ file, rank: ranks[index] }))
    mkdirSync('tests/.artifacts', { recursive: true })
    writeFileSync('tests/.artifacts/grounding.json', JSON.stringify({ first, meanRank, detail }, null, 2))
    console.log(`own note first: ${first} of ${clips.length}; mean rank ${meanRank.toFixed(1)}`)
    expect(first).toBeGreaterThanOrEqual(6)
  },
  900_000,
)

const photos = sharedData('flickr8k')

// The CLIP knows the order; the decoder repeats the wrong phrase in one case of six (docs/results.md).
test.runIf(photos)(
  'of two photos it is told which comes first and which last, either way round, and most answers say so',
  async () => {
    const items = loadItems(new MediaFolder(photos ?? ''), 'val')
    const jpeg = (id: string) => {
      const source = items.find((item) => item.id === id)?.source
      if (source?.kind !== 'file') throw new Error(`no photo ${id}`)
      return source.file.read().toString('base64')
    }
    const dog = jpeg('1526325728_74eb4153d8')
    const player = jpeg('2813784259_d201044d71')
    let right = 0
    const phrases = ['the brown dog standing on the sandy beach', 'a soccer player kicking a soccer ball']
    for (const [frames, order] of [
      [[dog, dog, player, player], phrases],
      [[player, player, player, dog], [...phrases].reverse()],
    ] as const) {
      const answers = await running.page.evaluate(
        async ({ frames, phrases }) => {
          const bytes = frames.map((text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0)))
          const clipId = 'two photos'
          const pictures = bytes.map((picture) => new Blob([picture], { type: 'image/jpeg' }))
          await valley.encode(pictures, { clipId, name: clipId })
          const either = phrases.join(' or ')
          const questions = [`What is shown first, ${either}?`, `Which comes last, ${either}?`]
          const answers = []
          for (const question of questions) answers.push(await valley.ask({ clipId, turns: [], question }))
          return answers
        },
        { frames: [...frames], phrases },
      )
      expect(answers.map(({ stats }) => stats.order)).toEqual([order, order])
      for (const [at, { text }] of answers.entries()) {
        const said = phrases.filter((phrase) => text.toLowerCase().includes(phrase.slice(-8)))
        expect(said, text).toHaveLength(1)
        if (said[0] === order[at]) right += 1
      }
    }
    expect(right).toBeGreaterThanOrEqual(3)
  },
)
