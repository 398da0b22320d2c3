/** Whether a repository's model runs on a device, told before anything large is fetched. Pure. */
import type { HubFitness, HubProblem } from '../api'
import type { DeviceRecord } from '../fitness'
import { type HubChoice, memoryLimit } from './precision'

/**
 * @param choice  of files for this device; null: too little is known of them
 * @param missing  bytes still to be fetched
 */
export function assessHub(
  repository: string,
  device: DeviceRecord,
  choice: Pick<HubChoice, 'backend' | 'shaderF16' | 'buffer' | 'memory'> | null,
  missing: number,
): HubFitness {
  const problems: HubProblem[] = []
  if (!device.decodesVideo) problems.push({ code: 'unsupported-browser', data: { feature: 'WebCodecs' } })
  const limit = memoryLimit(device)
  if (choice && limit !== null && choice.memory > limit) {
    problems.push({ code: 'hub-too-big', data: { repository, needed: choice.memory, limit } })
  }
  // Its files are read from what is kept: it cannot be had for one visit only.
  if (device.freeBytes !== null && missing > device.freeBytes) {
    problems.push({ code: 'quota', data: { needed: missing, free: device.freeBytes } })
  }
  return {
    runs: problems.length > 0 ? false : choice ? true : null,
    backend: choice?.backend ?? null,
    shaderF16: choice?.shaderF16 ?? false,
    buffer: choice?.buffer ?? null,
    memory: choice?.memory ?? null,
    problems,
  }
}
