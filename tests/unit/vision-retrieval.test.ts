import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../workers/language/sampling'
import { ValleyError } from '../../workers/protocol'
import { Ledger } from '../../workers/runtime/ledger'
import {
  CaptionStore,
  type CaptionVectors,
  clipQuery,
  nearestCaptions,
  readCaptions,
} from '../../workers/vision/retrieval'
import { floats, type GoldenQuotes, golden, readTiny, tinyPack } from './language-tiny'

function randomStore(count: number, size: number, pictures: number, seed: number): CaptionVectors {
  const random = seededRandom(seed)
  return {
    vectors: Int8Array.from({ length: count * size }, () => Math.round(254 * random()) - 127),
    size,
    pictures: Array.from({ length: count }, () => Math.floor(random() * pictures)),
  }
}

/** The rule as it is written down: rank everything, walk down, skip pictures that were used. */
function byTheRule(query: Float64Array, { vectors, size, pictures }: CaptionVectors, quotes: number): number[] {
  const score = (line: number) => {
    let sum = 0
    for (let column = 0; column < size; column++) sum += (query[column] ?? 0) * (vectors[line * size + column] ?? 0)
    return sum
  }
  const ranking = pictures.map((picture, line) => ({ picture, line, score: score(line) }))
  ranking.sort((a, b) => b.score - a.score || a.line - b.line)
  const taken: typeof ranking = []
  for (const candidate of ranking) {
    if (taken.length < quotes && !taken.some(({ picture }) => picture === candidate.picture)) taken.push(candidate)
  }
  return taken.map(({ line }) => line)
}

const frame = (...values: number[]) => Float32Array.from(values)

describe('the query of a clip', () => {
  test('is the mean of directions, not of lengths', () => {
    expect([...clipQuery([frame(5, 0), frame(0, 0.1)])].map((value) => value.toFixed(6))).toEqual([
      Math.SQRT1_2.toFixed(6),
      Math.SQRT1_2.toFixed(6),
    ])
  })

  test('has length 1 whatever the frames, and is finite for a vector of zeros', () => {
    const random = seededRandom(3)
    const frames = Array.from({ length: 7 }, () => Float32Array.from({ length: 256 }, () => random() - 0.4))
    expect(Math.hypot(...clipQuery(frames))).toBeCloseTo(1, 12)
    expect([...clipQuery([frame(0, 0)])]).toEqual([0, 0])
  })
})

describe('the nearest captions', () => {
  test.each([
    [1, 200, 8, 40],
    [2, 500, 16, 500],
    [3, 300, 4, 5],
    [4, 64, 32, 64],
  ])('are those of the rule (store %i)', (seed, count, size, pictures) => {
    const store = randomStore(count, size, pictures, seed)
    const random = seededRandom(100 + seed)
    for (let round = 0; round < 20; round++) {
      const query = clipQuery([Float32Array.from({ length: size }, () => random() - 0.5)])
      for (const quotes of [1, 3, 8]) {
        expect(nearestCaptions(query, store, quotes)).toEqual(byTheRule(query, store, quotes))
      }
    }
  })

  test.each([0, 1, 2, 3])("are Python's (golden clip %i)", (clip) => {
    const { frames, lines } = golden().retrieval.quotes[clip] as GoldenQuotes
    const { captionStore } = tinyPack('tiny-retrieval')
    if (!captionStore) throw new Error('the pack has no store')
    const { texts, vectors: codes, count, size, quotes } = captionStore
    const { pictures } = readCaptions(
      texts.path,
      new TextDecoder().decode(readTiny(`tiny-retrieval/${texts.path}`)),
      count,
    )
    const vectors = new Int8Array(readTiny(`tiny-retrieval/${codes.path}`))
    const flat = floats(frames)
    const rows = Array.from({ length: flat.length / size }, (_, at) => flat.subarray(at * size, (at + 1) * size))
    expect(nearestCaptions(clipQuery(rows), { vectors, size, pictures }, quotes)).toEqual(lines)
  })

  test('among equals the lower line, and a picture is quoted once', () => {
    const store = {
      vectors: Int8Array.from([10, 0, 90, 0, 90, 0, 90, 0, 50, 0, 0, 127]),
      size: 2,
      pictures: [1, 7, 7, 4, 2, 9],
    }
    expect(nearestCaptions(clipQuery([frame(1, 0)]), store, 3)).toEqual([1, 3, 4])
  })

  test('a store of fewer pictures than quotes gives what it has', () => {
    const store = { vectors: Int8Array.from([1, 2, 3]), size: 1, pictures: [5, 5, 6] }
    expect(nearestCaptions(clipQuery([frame(-1)]), store, 3)).toEqual([0, 2])
  })
})

describe('the store', () => {
  const entry = (path: string, bytes: number) => ({ path, bytes, sha256: 'a'.repeat(64) })
  const text = '3\tA dog runs.\n3\tA brown dog is running.\n8\tA café at night.\n'
  const vectors = Int8Array.from([127, 0, 120, 10, -5, 100])
  const manifest = {
    texts: entry('captions.txt', 56),
    vectors: entry('captions.bin', 6),
    count: 3,
    size: 2,
    scale: 1 / 127,
    quotes: 2,
    quoteBy: 'clip' as const,
    intro: 'Similar scenes:',
    licence: 'Apache-2.0',
    source: 'made up',
  }

  test('quotes the words, is counted while it is open, and reads its bytes as signed', async () => {
    const ledger = new Ledger()
    const files: Record<string, Uint8Array<ArrayBuffer>> = {
      'captions.txt': new TextEncoder().encode(text),
      'captions.bin': new Uint8Array(vectors.buffer.slice(0)),
    }
    const store = await CaptionStore.open(manifest, async ({ path }) => files[path] ?? new Uint8Array(0), ledger)
    expect(ledger.snapshot()).toEqual({ 'caption-store': 1 })
    expect(store.quotesFor([frame(1, 0)])).toEqual(['A dog runs.', 'A café at night.'])
    expect(store.quotesFor([frame(-1, 0)])).toEqual(['A café at night.', 'A brown dog is running.'])
    store.dispose()
    expect(ledger.snapshot()).toEqual({})
  })

  test('by time: the ends of a clip first, each with its word; one frame has no order', async () => {
    const ledger = new Ledger()
    const files: Record<string, Uint8Array<ArrayBuffer>> = {
      'captions.txt': new TextEncoder().encode(text),
      'captions.bin': new Uint8Array(vectors.buffer.slice(0)),
    }
    const inTime = { ...manifest, quoteBy: 'time' as const }
    const store = await CaptionStore.open(inTime, async ({ path }) => files[path] ?? new Uint8Array(0), ledger)
    const [dog, cat] = [frame(3, 0.1), frame(0, 0.5)]
    expect(store.quotesFor([dog, dog, dog, cat])).toEqual(['First: A dog runs.', 'Last: A café at night.'])
    expect(store.quotesFor([cat, dog])).toEqual(['First: A café at night.', 'Last: A dog runs.'])
    expect(store.quotesFor([dog])).toEqual(['A dog runs.', 'A café at night.'])
    store.dispose()
  })

  test.each([
    ['a line without its picture', '3\tA dog runs.\nA cat.\n4\tA bird.\n'],
    ['a picture without its caption', '3\tA dog runs.\n4\t\n4\tA bird.\n'],
    ['a missing line', '3\tA dog runs.\n4\tA cat.\n'],
  ])('%s is refused', (_, broken) => {
    expect(() => readCaptions('captions.txt', broken, 3)).toThrow(ValleyError)
    expect(readCaptions('captions.txt', text, 3).pictures).toEqual([3, 3, 8])
  })
})
