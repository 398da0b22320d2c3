/**
 * What a further token costs on the GPU as the context grows. Counted, since times mean nothing on a software adapter:
 * buffers allocated, bytes moved, kernels run and compiled.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kvNames } from '../../workers/language/kv-cache'
import type { Choice } from '../../workers/language/logits'
import { warmUp } from '../../workers/language/warm-up'
import { type GpuDevice, openDevice } from '../../workers/runtime/device'
import { Ledger } from '../../workers/runtime/ledger'
import { openTiny, type TinyModel } from './language-tiny'

type Counts = {
  /** Buffers created, and their bytes. */
  buffers: number
  bufferBytes: number
  /** Bytes copied between buffers, written from JS, read back. */
  copied: number
  written: number
  read: number
  kernels: number
  compiled: number
}
const none: Counts = { buffers: 0, bufferBytes: 0, copied: 0, written: 0, read: 0, kernels: 0, compiled: 0 }

/** Counts what is asked of WebGPU in this thread until `stop`. */
function countGpu() {
  let counts = { ...none }
  const undo: (() => void)[] = []
  // biome-ignore lint/suspicious/noExplicitAny: methods of any kind are wrapped
  const wrap = (prototype: any, name: string, note: (self: any, args: any[]) => void) => {
    const original = prototype[name]
    // biome-ignore lint/suspicious/noExplicitAny: as above
    prototype[name] = function (...args: any[]) {
      note(this, args)
      return original.apply(this, args)
    }
    undo.push(() => {
      prototype[name] = original
    })
  }
  wrap(GPUDevice.prototype, 'createBuffer', (_, [{ size }]) => {
    counts.buffers += 1
    counts.bufferBytes += size
  })
  wrap(GPUCommandEncoder.prototype, 'copyBufferToBuffer', (_, args) => {
    // (source, target, size?) or (source, from, target, to, size)
    counts.copied += (args.length > 3 ? args[4] : args[2]) ?? args[0].size
  })
  wrap(GPUQueue.prototype, 'writeBuffer', (_, [, , data, , size]) => {
    counts.written += size ?? data.byteLength
  })
  wrap(GPUBuffer.prototype, 'mapAsync', (buffer, [mode, , size]) => {
    if (mode & GPUMapMode.READ) counts.read += size ?? buffer.size
  })
  wrap(GPUComputePassEncoder.prototype, 'dispatchWorkgroups', () => {
    counts.kernels += 1
  })
  for (const name of ['createComputePipeline', 'createComputePipelineAsync']) {
    wrap(GPUDevice.prototype, name, () => {
      counts.compiled += 1
    })
  }
  return {
    take: (): Counts => {
      const taken = counts
      counts = { ...none }
      return taken
    },
    stop: () => {
      for (const each of undo) each()
    },
  }
}

describe('on the GPU', () => {
  /** Positions cached when the steps begin; 2048 is what the shipped pack has there. */
  const lengths = [64, 128, 256, 512, 1024, 2040]
  const steps = 4
  let gpu: GpuDevice
  let model: TinyModel
  const gpuLedger = new Ledger()
  beforeAll(async () => {
    const device = await openDevice(gpuLedger)
    if (!device) throw new Error('no WebGPU adapter')
    gpu = device
    model = await openTiny('tiny-mean', 'q8f32', 'webgpu', gpu, 2048)
  }, 120_000)
  afterAll(async () => {
    await model.decoder.dispose()
    gpu.dispose()
    expect(gpuLedger.snapshot()).toEqual({})
  })

  const likeliest: Choice<number> = (rows) =>
    rows.sample([5, 6], { temperature: 0, topP: 1, repetitionPenalty: 1.05 }, Math.random)

  /** Single tokens after `length` cached positions (their rows are zeros; no count depends on them). */
  async function stepsAt(length: number, take: () => Counts): Promise<Counts[]> {
    const { decoder, embedding } = model
    const width = 2 * 16
    decoder.restore(
      kvNames(2).map(() => new Uint8Array(4 * width * length)),
      length,
    )
    take()
    const counts: Counts[] = []
    for (let step = 0; step < steps; step++) {
      // The tiny graph has rotations for 512 positions; its cache takes more.
      const positions = [decoder.length % 512]
      await decoder.choose(embedding.rows([3 + step]), [0], likeliest, { positions })
      counts.push(take())
    }
    return counts
  }

  test('a token allocates, moves, reads back and runs the same at 2k positions as at 64', async () => {
    const { take, stop } = countGpu()
    try {
      const passes: Counts[][][] = []
      for (let pass = 0; pass < 2; pass++) {
        const counts: Counts[][] = []
        for (const length of lengths) counts.push(await stepsAt(length, take))
        passes.push(counts)
      }
      const [first = [], second = []] = passes
      const base = second[0]?.[0] ?? none
      // Uploads of the inputs have a buffer each; K and V and what is read back have theirs from the start.
      expect(base.buffers).toBeLessThanOrEqual(3)
      for (const [index, length] of lengths.entries()) {
        for (const [step, counts] of (second[index] ?? []).entries()) {
          expect(counts, `${length} + ${step}`).toEqual(base)
        }
      }
      // A token and its logit, and the logits of the two that were said.
      expect(base).toMatchObject({ compiled: 0, read: 4 * (2 + 2) })
      // The runtime's intermediate buffers have sizes in classes: the first token of a class finds none, the next ones do.
      for (const [step, { buffers }] of first.flat().entries()) {
        if (step % steps > 0) expect(buffers).toBeLessThanOrEqual(base.buffers + 2)
      }
    } finally {
      stop()
    }
  }, 240_000)

  test('after the warm-up, single tokens compile nothing and none of its tokens is left', async () => {
    const own = new Ledger()
    // What is compiled is kept by device.
    const device = await openDevice(own)
    if (!device) throw new Error('no WebGPU adapter')
    const fresh = await openTiny('tiny-mean', 'q8f32', 'webgpu', device)
    const { take, stop } = countGpu()
    try {
      const { context, embedding } = fresh
      const ids = Array.from({ length: 22 }, (_, at) => 3 + at)
      const all = await embedding.rows(ids)
      const prefix = { keys: ids, embed: (from: number, to: number) => all.subarray(from * 64, to * 64) }
      await warmUp(fresh, prefix, 'webgpu')
      expect(context.keys).toEqual(ids)
      expect(take().compiled).toBeGreaterThan(0)
      for (let step = 0; step < 8; step++) await context.extendAndChoose(7, await embedding.rows([7]), likeliest)
      expect(take().compiled).toBe(0)
    } finally {
      stop()
      await fresh.decoder.dispose()
      device.dispose()
    }
    expect(own.snapshot()).toEqual({})
  }, 120_000)

  test('where the logits themselves are asked for, one row of a chunk comes back', async () => {
    const { take, stop } = countGpu()
    try {
      const { decoder, embedding } = model
      decoder.truncate(0)
      const ids = Array.from({ length: 64 }, (_, at) => 3 + at)
      take()
      const logits = await decoder.run(embedding.rows(ids), [ids.length - 1])
      expect(logits.map(({ length }) => length)).toEqual([decoder.vocabSize])
      expect(take().read).toBe(4 * decoder.vocabSize)
    } finally {
      stop()
    }
  })
})
