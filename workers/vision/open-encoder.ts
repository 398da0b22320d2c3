/** From a pack to an encoder that is ready: which backend runs it, and how long a frame takes where there is a choice. */
import { type Backend, type LoadProgress, ValleyError } from '../protocol'
import { type GpuDevice, openDevice } from '../runtime/device'
import { DeviceLoss } from '../runtime/device-loss'
import type { Ledger } from '../runtime/ledger'
import { loadOrt, loadOrtForCpu, type OrtModule } from '../runtime/ort'
import { type FrameMs, placeVision } from './backend'
import type { Encoder } from './encoder'
import { KeptFrameMs, measureFrameMs } from './frame-speed'
import type { SeeingPack } from './seeing-pack'

export type OpenEncoder = {
  readonly encoder: Encoder
  readonly ort: OrtModule
  /** null where the CPU does it all. */
  readonly gpu: GpuDevice | null
  /** A pack on a lost device is loaded anew before the next clip. */
  readonly loss: DeviceLoss
  /** What the backend was chosen by; null where there was no choice. */
  readonly frameMs: FrameMs | null
}

type Report = (progress: LoadProgress) => void

/** Opens the encoder on `backend`, or on the one that suits the machine. Errors: unsupported-browser, out-of-memory, device-lost */
export async function openEncoder(
  pack: SeeingPack,
  forced: Backend | undefined,
  ledger: Ledger,
  report: Report,
): Promise<OpenEncoder> {
  report({ stage: 'session', done: 0, total: 1 })
  const backend = forced ?? (pack.runsOn === 'wasm' ? 'wasm' : undefined)
  const gpu = backend === 'wasm' ? null : await openDevice(ledger)
  const hasChoice = gpu !== null && !gpu.software && backend === undefined && pack.runsOn === undefined
  const kept = new KeptFrameMs()
  const frameMs = hasChoice ? await kept.find(gpu.adapterName, pack.hash) : null
  const place = placeVision(gpu === null ? 'none' : gpu.software ? 'software' : 'hardware', backend, frameMs)
  if (!place) throw new ValleyError('unsupported-browser', { feature: 'WebGPU' })
  if (!gpu || place.kernels === 'wasm') {
    gpu?.dispose()
    return { ...(await openOnCpu(pack, ledger, report)), frameMs }
  }
  const { adapterName } = gpu
  const loss = new DeviceLoss(gpu)
  let onGpu: OpenEncoder | undefined
  try {
    onGpu = await openOnGpu(pack, gpu, loss, place.tower, ledger, report)
  } catch (thrown) {
    if (backend === 'webgpu' || thrown instanceof ValleyError) throw thrown
    console.warn('vision falls back to the CPU', thrown)
    return openOnCpu(pack, ledger, report)
  }
  if (!hasChoice || frameMs) return { ...onGpu, frameMs }
  let onCpu: OpenEncoder | undefined
  let measured: FrameMs
  try {
    onCpu = await openOnCpu(pack, ledger, report)
    await onCpu.encoder.warmUp()
    measured = {
      webgpu: await loss.orLost(measureFrameMs(onGpu.encoder, ledger)),
      wasm: await measureFrameMs(onCpu.encoder, ledger),
    }
  } catch (thrown) {
    // A measurement that fails decides nothing: the next load tries again.
    await onCpu?.encoder.dispose()
    if (loss.error) {
      await onGpu.encoder.dispose()
      throw thrown
    }
    console.warn('the speed of a frame could not be measured', thrown)
    return onGpu
  }
  await kept.keep(adapterName, pack.hash, measured)
  const cpuWins = placeVision('hardware', undefined, measured)?.kernels === 'wasm'
  const [winner, loser] = cpuWins ? [onCpu, onGpu] : [onGpu, onCpu]
  await loser.encoder.dispose()
  return { ...winner, frameMs: measured }
}

async function openOnCpu(pack: SeeingPack, ledger: Ledger, report: Report): Promise<OpenEncoder> {
  const ort = await loadOrtForCpu()
  const encoder = await pack.openOnCpu(ort, ledger)
  report({ stage: 'session', done: 1, total: 1 })
  return { encoder, ort, gpu: null, loss: new DeviceLoss(null), frameMs: null }
}

/** Owns `gpu`: it is destroyed where this throws. */
async function openOnGpu(
  pack: SeeingPack,
  gpu: GpuDevice,
  loss: DeviceLoss,
  towerOn: Backend,
  ledger: Ledger,
  report: Report,
): Promise<OpenEncoder> {
  let encoder: Encoder | undefined
  try {
    const ort = await loadOrt('webgpu')
    encoder = await loss.openOrLost(pack.openOnGpu(ort, gpu, ledger, towerOn), (late) => late.dispose())
    report({ stage: 'session', done: 1, total: 1 })
    report({ stage: 'warm-up', done: 0, total: 1 })
    await loss.orLost(encoder.warmUp())
    report({ stage: 'warm-up', done: 1, total: 1 })
    return { encoder, ort, gpu, loss, frameMs: null }
  } catch (thrown) {
    if (encoder) await encoder.dispose()
    else gpu.dispose()
    throw thrown
  }
}
