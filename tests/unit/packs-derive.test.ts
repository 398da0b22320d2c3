import { createHash } from 'node:crypto'
import { describe, expect, test, vi } from 'vitest'
import { deriveWeights, readAdapter } from '../../workers/packs/derive'
import { dequantise, rowBytes } from '../../workers/packs/gguf'
import { halfTable, toHalf } from '../../workers/packs/half'
import { readSmoothing } from '../../workers/packs/smoothing'
import { type GraphFlavour, ValleyError } from '../../workers/protocol'
import { floats, golden, readTiny, tinyBase, tinyPack } from './language-tiny'

const base = tinyBase()
const shard = async (index: number) => readTiny(`tiny-base/${base.files.weights[index]?.path}`)

function derive(flavour: GraphFlavour, packName: string | null, smoothed: boolean) {
  const graph = base.graphs[flavour]
  if (!graph) throw new Error(`the tiny base has no ${flavour} graph`)
  const manifest = packName === null ? null : tinyPack(packName).adapter
  const adapter = manifest ? readAdapter(manifest, readTiny(`${packName}/${manifest.file.path}`)) : null
  const entry = packName !== null && smoothed ? tinyPack(packName).smoothing : undefined
  const smoothing = entry ? readSmoothing(entry, readTiny(`${packName}/${entry.file.path}`), base) : null
  return deriveWeights({ manifest: base, graph, adapter, smoothing, shard })
}

describe('dequantisation', () => {
  test.each(golden().weights.dequantised)('$tensor equals the reference exactly', ({ tensor, rows, values }) => {
    const entry = base.tensors.find(({ name }) => name === tensor)
    if (!entry) throw new Error(`${tensor} is missing`)
    const file = readTiny(`tiny-base/${base.files.weights[entry.shard]?.path}`)
    const [, width = 0] = entry.shape
    const wanted = floats(values)
    for (const [index, row] of rows.entries()) {
      const start = entry.offset + row * rowBytes(entry)
      const out = new Float32Array(width)
      dequantise(entry.type, file.subarray(start, start + rowBytes(entry)), width, out)
      expect(out).toEqual(wanted.slice(index * width, (index + 1) * width))
    }
  })
})

describe('derived weights', () => {
  const rows = golden().weights.derived
  test('the golden file covers every graph, with and without an adapter and smoothing', () => {
    for (const flavour of Object.keys(base.graphs)) {
      const own = rows.filter((row) => row.flavour === flavour)
      expect(own.map((row) => [row.adapterOf !== null, row.smoothingOf !== null])).toEqual([
        [false, false],
        [true, false],
        [true, true],
      ])
      expect(new Set(own.map((row) => row.sha256)).size).toBe(3)
    }
  })

  test.each(rows)(
    '$flavour, adapter of $adapterOf, smoothing of $smoothingOf: the same bytes as training/derive.py',
    async (row) => {
      const bytes = await derive(row.flavour as GraphFlavour, row.adapterOf, row.smoothingOf !== null)
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(row.sha256)
    },
  )

  test('an abort between blocks ends it', async () => {
    const controller = new AbortController()
    const { graphs, files } = base
    const graph = graphs.int8
    if (!graph) throw new Error('the tiny base has no int8 graph')
    const aborting = async (index: number) => {
      if (index === files.weights.length - 1) controller.abort()
      return shard(index)
    }
    // Every block takes longer than the pause between two looks at the signal.
    let time = 0
    vi.spyOn(performance, 'now').mockImplementation(() => {
      time += 60
      return time
    })
    const { signal } = controller
    const running = deriveWeights({ manifest: base, graph, adapter: null, smoothing: null, shard: aborting, signal })
    await expect(running).rejects.toMatchObject({ code: 'aborted' })
    vi.restoreAllMocks()
  })

  test('a layout that does not fit its tensors is refused before anything is read', async () => {
    const graph = structuredClone(base.graphs.int8)
    const entry = graph?.tensors.find(({ form }) => form === 'int8-kn')
    if (!graph || !entry) throw new Error('the tiny base has no int8 matrix')
    entry.n = (entry.n ?? 0) + 1
    const unread = () => Promise.reject(new Error('a shard was asked for'))
    const options = { manifest: base, graph, adapter: null, smoothing: null, shard: unread }
    const failure = await deriveWeights(options).catch((e) => e)
    expect(failure).toBeInstanceOf(ValleyError)
    expect(failure.code).toBe('pack-invalid')
  })

  test.each<[string, (factors: DataView, sites: { divided: string[]; size: number }[]) => unknown]>([
    ['of zero', (factors) => factors.setUint16(0, 0, true)],
    ['of infinity', (factors) => factors.setUint16(0, 0x7c00, true)],
    ['below zero', (factors) => factors.setUint16(0, 0xbc00, true)],
    ['too few for their tensors', (_, [site]) => site && Object.assign(site, { size: site.size - 1 })],
    ['of a tensor that the base lacks', (_, [site]) => site?.divided.push('blk.9.attn_norm.weight')],
  ])('smoothing factors %s are refused', (_, edit) => {
    const entry = structuredClone(tinyPack('tiny-delta').smoothing)
    if (!entry) throw new Error('tiny-delta has no smoothing')
    const bytes = readTiny(`tiny-delta/${entry.file.path}`)
    expect(() => readSmoothing(entry, bytes, base)).not.toThrow()
    edit(new DataView(bytes.buffer, bytes.byteOffset), entry.sites)
    expect(() => readSmoothing(entry, bytes, base)).toThrow(ValleyError)
  })
})

describe('binary16', () => {
  test('every finite pattern survives the way to float32 and back', () => {
    const table = halfTable()
    for (let bits = 0; bits < 65536; bits++) {
      const value = table[bits] ?? 0
      if (!Number.isNaN(value)) expect(toHalf(value)).toBe(bits)
    }
  })

  test.each([
    [1 + 2 ** -11, 0x3c00], // a tie goes to even
    [1 + 3 * 2 ** -11, 0x3c02],
    [1 + 2 ** -11 + 2 ** -23, 0x3c01],
    [65504, 0x7bff],
    [65519.996, 0x7bff],
    [65520, 0x7c00],
    [2 ** -25, 0], // half of the smallest subnormal: a tie, to even
    [2 ** -25 + 2 ** -40, 1],
    [-(2 ** -14), 0x8400],
    [2 ** -14 - 2 ** -26, 0x0400], // rounds up into the normal range
    [Number.NaN, 0x7e00],
  ])('%f is 0x%i', (value, bits) => {
    expect(toHalf(value)).toBe(bits)
  })
})
