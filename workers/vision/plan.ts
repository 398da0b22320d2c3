/** Which moments of a clip the model sees. Training follows the same rule: tests/fixtures/sampling-plan.json binds both. */
import type { PackManifest } from '../packs/schema'

export type Sampling = PackManifest['sampling']

const usable = (duration: number) => Number.isFinite(duration) && duration > 0

/**
 * T = clamp(ceil(duration * framesPerSecond), minFrames, maxFrames), then at most `budget`, never below 1.
 * A duration (seconds) that is not a positive finite number gives 1.
 */
export function frameCount(duration: number, sampling: Sampling, budget: number): number {
  if (!usable(duration)) return 1
  const wanted = Math.ceil(duration * sampling.framesPerSecond)
  return Math.max(1, Math.min(Math.max(wanted, sampling.minFrames), sampling.maxFrames, budget))
}

/** Sorted presentation timestamps in seconds: the midpoints (i + 0.5) / T * duration; [0] for no usable duration. */
export function planTimestamps(duration: number, sampling: Sampling, budget: number): number[] {
  if (!usable(duration)) return [0]
  const count = frameCount(duration, sampling, budget)
  return Array.from({ length: count }, (_, index) => ((index + 0.5) / count) * duration)
}
