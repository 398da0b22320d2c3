/** What the browser would still store for this page, and how it is told that this is too little. */
import { ValleyError } from '../errors'

/** Bytes; null where the browser does not say. */
export async function freeBytes(): Promise<number | null> {
  const { quota, usage } = await navigator.storage.estimate().catch(() => ({ quota: undefined, usage: undefined }))
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
