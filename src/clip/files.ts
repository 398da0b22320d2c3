/** What the file dialog offers; the vision worker decides by content, not by name. */
export const acceptedFiles = 'video/*,image/*,.mkv,.mov,.mp4,.m4v,.webm,.ogv,.avif,.webp'

/** How many files a drag carries; 0 where it carries something else (text, a link). */
export function draggedFileCount(transfer: DataTransfer | null): number {
  if (!transfer?.types.includes('Files')) return 0
  // Some browsers hide the items until the drop.
  return Math.max(1, [...transfer.items].filter((item) => item.kind === 'file').length)
}
