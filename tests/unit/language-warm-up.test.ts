/** What a decoder runs while nobody asks: it must leave no trace, and keep no question waiting. */
import { expect, test } from 'vitest'
import { type ChunkRunner, Context } from '../../workers/language/context'
import { idleWarmUp } from '../../workers/language/warm-up'

/** A decoder that counts, of a vocabulary of one; `broken` fails once it has cached a chunk. */
function world(broken = false) {
  let length = 0
  const runs: { readonly from: number; readonly rows: number }[] = []
  const decoder: ChunkRunner = {
    get length() {
      return length
    },
    run: async (embeds, wanted) => {
      runs.push({ from: length, rows: embeds.length })
      length += embeds.length
      if (broken) throw new Error('out of memory')
      return wanted.map(() => Float32Array.of(0))
    },
    truncate: (to) => {
      length = Math.min(length, to)
    },
    keep: () => undefined,
    save: async () => [],
    restore: () => undefined,
  }
  const context = new Context(decoder)
  const embedding = { hiddenSize: 1, rows: (ids: readonly number[]) => Float32Array.from(ids) }
  return { model: { context, embedding, tokenizer: { decode: () => '', endId: 7 } }, runs, decoder }
}

const held = { keys: [1, 2, 3], embed: (from: number, to: number) => new Float32Array(to - from) }

test('every step runs after what the context holds, and leaves just that', async () => {
  const { model, runs, decoder } = world()
  await model.context.fill(held, 3)
  runs.length = 0
  const steps = idleWarmUp(model, 'wasm', 1)
  for (const step of steps) {
    await step()
    expect([decoder.length, [...model.context.keys]]).toEqual([3, held.keys])
  }
  expect(new Set(runs.map(({ from }) => from))).toEqual(new Set([3]))
  // Chunks, as a prompt is run in, and single tokens, as an answer is written.
  const rows = runs.map((run) => run.rows)
  expect(Math.max(...rows)).toBeGreaterThan(8)
  expect(Math.min(...rows)).toBe(1)
})

test('a step that fails leaves the context as it was', async () => {
  const { model, decoder } = world(true)
  const [step] = idleWarmUp(model, 'wasm', 1)
  await expect(step?.()).rejects.toThrow('out of memory')
  expect([decoder.length, model.context.keys.length]).toEqual([0, 0])
})

test('a slow decoder takes short steps or none, and a GPU none', () => {
  const { model } = world()
  const all = idleWarmUp(model, 'wasm', 1).length
  const few = idleWarmUp(model, 'wasm', 50).length
  expect(few).toBeGreaterThan(0)
  expect(few).toBeLessThan(all)
  expect(idleWarmUp(model, 'wasm', 5000)).toEqual([])
  expect(idleWarmUp(model, 'webgpu', 1)).toEqual([])
})
