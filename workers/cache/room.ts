/** What the browser would still store for this page, and how it is told that this is too little. */
import { ValleyError } from '../errors'
import { unlessSilent } from './unless-silent'

/** Bytes that the browser grants this origin, and those in use; undefined where it does not say. */
export async function storageEstimate(): Promise<{ readonly quota?: number; readonly usage?: number }> {
  return unlessSilent(navigator.storage.estimate(), {}).catch(() => ({}))
}

/** Bytes; null where the browser does not say. */
export async function freeBytes(): Promise<number | null> {
  const { quota, usage } = await storageEstimate()
  return quota === undefined ? null : Math.max(0, quota - (usage ?? 0))
}

/**
 * `quota` {needed, free} for a write of `needed` bytes that the browser refused. Its estimate is one of its own making: where
 * that would have let the write pass, `free` is left out.
 */
export async function noRoom(needed: number, cause?: unknown): Promise<ValleyError> {
  const free = await freeBytes()
  const data = free !== null && free < needed ? { needed, free } : { needed }
  return new ValleyError('quota', data, cause === undefined ? {} : { cause })
}
