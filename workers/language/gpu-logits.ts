/**
 * Logits that stay on the GPU: a few kernels of our own find what a choice needs, and only that is read back. The choice
 * itself is made here, from numbers that are the row's own (candidates.ts); its weight alone is summed in float32.
 */
import { GpuBuffers } from '../runtime/buffers'
import { mapForReading } from '../runtime/device'
import { Kernels } from '../runtime/kernels'
import type { Ledger } from '../runtime/ledger'
import { maxBeams } from './beam-search'
import { type Candidate, continuationsOf, drawFrom, type Ranking, rankingOf } from './candidates'
import type { LogitRows } from './logits'
import code from './logits.wgsl?raw'
import { sampleToken } from './sampling'

/** Candidates that a draw gets: more than most nuclei hold. A draw beyond them reads the row. */
const drawn = 128
/** As in logits.wgsl: what one workgroup sorts. */
const chunk = 1024
const entries = ['takeSaid', 'selectLogits', 'selectCandidates', 'sumMass'] as const
/** Of `Params`. */
const paramBytes = 32

type Wanted = {
  readonly said: readonly (readonly number[])[]
  readonly penalty: number
  readonly count: number
  /** null: nothing is weighed, and the rankings' totals mean nothing. */
  readonly temperature: number | null
}

export class GpuChooser {
  readonly #buffers: GpuBuffers
  readonly #said: GPUBuffer
  readonly #between: readonly [GPUBuffer, GPUBuffer]
  readonly #result: GPUBuffer
  readonly #readback: GPUBuffer
  readonly #params: readonly GPUBuffer[]

  private constructor(
    readonly device: GPUDevice,
    readonly kernels: Kernels<(typeof entries)[number]>,
    readonly vocabSize: number,
    readonly mostSaid: number,
    ledger: Ledger,
  ) {
    const words = (count: number) => 4 * maxBeams * count
    const candidates = 2 * drawn * Math.ceil(vocabSize / chunk)
    const result = words(2 * drawn + 1 + mostSaid)
    const buffers = new GpuBuffers(device, ledger, 'resident-buffer')
    this.#buffers = buffers
    this.#said = buffers.storage('said', words(1 + mostSaid))
    this.#between = [buffers.storage('candidates', words(candidates)), buffers.storage('candidates', words(candidates))]
    this.#result = buffers.storage('choice', result)
    this.#readback = buffers.readback('choice', result)
    this.#params = passes(vocabSize, drawn).map(() => buffers.uniform('params', new ArrayBuffer(paramBytes)))
  }

  /** @param mostSaid  different ids that an answer may hold */
  static async create(device: GPUDevice, vocabSize: number, mostSaid: number, ledger: Ledger): Promise<GpuChooser> {
    const kernels = await Kernels.compile(device, code, entries)
    return new GpuChooser(device, kernels, vocabSize, mostSaid, ledger)
  }

  /**
   * Rows [count, vocabSize] in `buffer`, whose owner keeps it until the choice is made.
   * @param all  copies of them. What was said is missing there once something was asked.
   */
  rows(buffer: GPUBuffer, count: number, all: () => Promise<Float32Array[]>): LogitRows {
    const find = (wanted: Wanted) => this.#find(buffer, count, wanted)
    return {
      sample: async (said, { temperature, topP, repetitionPenalty: penalty }, random) => {
        const greedy = temperature === 0
        const asked = { said: [said], penalty, count: greedy ? 1 : drawn, temperature: greedy ? null : temperature }
        const { ranking, taken } = (await this.#find(buffer, 1, asked))[0] as Found
        if (greedy) return ranking.ranked[0]?.id ?? 0
        const share = random()
        const id = drawFrom(ranking, { temperature, topP }, share)
        if (id !== null) return id
        const row = (await all())[0] ?? new Float32Array(0)
        for (const { id, logit } of taken) row[id] = logit
        return sampleToken(row, said, { temperature, topP, repetitionPenalty: penalty }, () => share)
      },
      likeliest: async (said, penalty, most) => {
        const found = await find({ said, penalty, count: most, temperature: 1 })
        return found.map(({ ranking }) => continuationsOf(ranking, most))
      },
      all,
    }
  }

  dispose(): void {
    this.#buffers.dispose()
  }

  /** Errors: device-lost */
  async #find(logits: GPUBuffer, rows: number, { said, penalty, count, temperature }: Wanted): Promise<Found[]> {
    const ids = Array.from({ length: rows }, (_, row) => (penalty === 1 ? [] : [...new Set(said[row])]))
    const most = Math.max(...ids.map(({ length }) => length))
    if (rows > maxBeams || most > this.mostSaid) throw new RangeError(`a choice of ${rows} rows after ${most} ids`)
    const saidStride = 1 + most
    const stride = 2 * count + most + 1
    // Where nothing was said and nothing is weighed, the likeliest token is its id alone.
    const words = temperature !== null || rows > 1 ? rows * stride : most > 0 ? stride - 1 : 1
    const encoder = this.device.createCommandEncoder({ label: 'choice' })
    const steps = passes(this.vocabSize, count)
    for (const [pass, { length, fromStride, groups }] of steps.entries()) {
      const last = pass === steps.length - 1
      const toStride = last ? stride : 2 * count * groups
      const params = this.#params[pass] as GPUBuffer
      const values = new Uint32Array([this.vocabSize, count, length, fromStride, toStride, saidStride, 0, 0])
      new Float32Array(values.buffer)[6] = temperature ?? 1
      this.device.queue.writeBuffer(params, 0, values)
    }
    const [final = logits] = this.#params.slice(steps.length - 1)
    if (most > 0) {
      const list = new Uint32Array(rows * saidStride)
      for (const [row, own] of ids.entries()) list.set([own.length, ...own], row * saidStride)
      this.device.queue.writeBuffer(this.#said, 0, list)
      const bindings = { 0: final, 1: logits, 2: this.#said, 4: this.#result }
      this.kernels.run(encoder, 'takeSaid', bindings, [Math.ceil(most / 64), rows])
    }
    for (const [pass, { groups }] of steps.entries()) {
      const to = pass === steps.length - 1 ? this.#result : (this.#between[pass % 2] as GPUBuffer)
      const from = this.#between[(pass + 1) % 2] as GPUBuffer
      const params = this.#params[pass] as GPUBuffer
      if (pass === 0) this.kernels.run(encoder, 'selectLogits', { 0: params, 1: logits, 4: to }, [groups, rows])
      else this.kernels.run(encoder, 'selectCandidates', { 0: params, 3: from, 4: to }, [groups, rows])
    }
    if (temperature !== null) this.kernels.run(encoder, 'sumMass', { 0: final, 1: logits, 4: this.#result }, [1, rows])
    encoder.copyBufferToBuffer(this.#result, 0, this.#readback, 0, 4 * words)
    this.device.queue.submit([encoder.finish()])
    await mapForReading(this.#readback, 4 * words)
    try {
      const data = this.#readback.getMappedRange(0, 4 * words)
      return ids.map((own, row) => {
        const [at, length] = [4 * stride * row, Math.min(stride, words)]
        const read = { words: new Uint32Array(data, at, length), floats: new Float32Array(data, at, length) }
        return found(read, own, count, penalty, temperature)
      })
    } finally {
      this.#readback.unmap()
    }
  }
}

type Found = {
  readonly ranking: Ranking
  /** What was said, with its logits before the penalty. */
  readonly taken: readonly Candidate[]
}

/** Of one row of the result, as logits.wgsl lays it out. */
function found(
  { words, floats }: { readonly words: Uint32Array; readonly floats: Float32Array },
  said: readonly number[],
  count: number,
  penalty: number,
  temperature: number | null,
): Found {
  const best = Array.from({ length: count }, (_, at) => ({
    id: words[2 * at] ?? nobody,
    logit: floats[2 * at + 1] ?? 0,
  }))
  const known = best.filter(({ id }) => id !== nobody)
  const taken = said.map((id, at) => ({ id, logit: floats[2 * count + at] ?? 0 }))
  const mass = floats.at(-1) ?? 0
  const candidates = { best: known, complete: known.length < count, said: taken, mass }
  return { ranking: rankingOf(candidates, penalty, temperature ?? 1), taken }
}

/** As in logits.wgsl. */
const nobody = 0xffffffff

/** The passes that leave `count` candidates of a row: each workgroup leaves as many of its chunk. */
function passes(vocabSize: number, count: number) {
  const steps: { readonly length: number; readonly fromStride: number; readonly groups: number }[] = []
  for (let length = vocabSize; ; ) {
    const groups = Math.ceil(length / chunk)
    steps.push({ length, fromStride: steps.length === 0 ? vocabSize : 2 * length, groups })
    if (groups === 1) return steps
    length = groups * count
  }
}
