import { type ClipSource, toValleyError } from '../protocol'
import { sha256 } from './hash'

const mebibyte = 2 ** 20

/**
 * What a file is known by, whatever its name: SHA-256 over its size and its first, middle and last MiB; all of a file of
 * at most 3 MiB. A hash over all of a file of 2 GB would take as long as decoding it. These 3 MiB tell files apart:
 * containers keep their tables at one end or the other, and cutting, re-encoding or remuxing a clip changes those tables,
 * the size, or compressed data everywhere. What goes unnoticed is bytes changed in place elsewhere without a change of
 * size; the price of that is the tokens of the file as it was, on the device where it was opened before.
 * Errors: file-unreadable
 */
export async function contentHash(source: ClipSource): Promise<string> {
  if (!(source instanceof Blob)) {
    const pictures = await Promise.all(source.map(contentHash))
    return sha256(new TextEncoder().encode(JSON.stringify(pictures)))
  }
  const { size } = source
  const starts = size <= 3 * mebibyte ? [] : [0, Math.floor(size / 2) - mebibyte / 2, size - mebibyte]
  const samples = starts.length === 0 ? [source] : starts.map((start) => source.slice(start, start + mebibyte))
  try {
    const bytes = await new Blob([`${size}\n`, ...samples]).arrayBuffer()
    return await sha256(new Uint8Array(bytes))
  } catch (thrown) {
    throw toValleyError(thrown, 'file-unreadable')
  }
}
