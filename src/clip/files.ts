import { rememberHandle } from '../storage/clip-files'

/** What the file dialog offers; the vision worker decides by content, not by name. */
export const acceptedFiles = 'video/*,image/*,.mkv,.mov,.mp4,.m4v,.webm,.ogv,.avif,.webp'

/** How many files a drag carries; 0 where it carries something else (text, a link). */
export function draggedFileCount(transfer: DataTransfer | null): number {
  if (!transfer?.types.includes('Files')) return 0
  // Some browsers hide the items until the drop.
  return Math.max(1, [...transfer.items].filter((item) => item.kind === 'file').length)
}

// Not in TypeScript's library: only Chromium has them.
type ItemWithHandle = DataTransferItem & { getAsFileSystemHandle?(): Promise<FileSystemHandle | null> }
type Picker = (options: { multiple: boolean }) => Promise<FileSystemFileHandle[]>

/**
 * The dropped files, each with the handle that the browser gives for it. To be called in the drop event itself: its
 * items are gone after. Folders are left out.
 */
export async function droppedFiles(transfer: DataTransfer): Promise<File[]> {
  const waiting = [...transfer.items]
    .filter(({ kind }) => kind === 'file')
    .map((item: ItemWithHandle) => ({ file: item.getAsFile(), handle: item.getAsFileSystemHandle?.() }))
  const found = await Promise.all(
    waiting.map(async ({ file, handle }) => {
      const known = await handle?.catch(() => null)
      if (known?.kind === 'directory') return null
      if (file && known) rememberHandle(file, known as FileSystemFileHandle)
      return file
    }),
  )
  return found.filter((file) => file !== null)
}

export const canPickHandles = (): boolean => 'showOpenFilePicker' in globalThis

/** Lets the person choose files in the dialog that also gives handles; [] where they choose none. */
export async function pickWithHandles(multiple: boolean): Promise<File[]> {
  const { showOpenFilePicker } = globalThis as unknown as { showOpenFilePicker: Picker }
  try {
    const handles = await showOpenFilePicker({ multiple })
    return await Promise.all(
      handles.map(async (handle) => {
        const file = await handle.getFile()
        rememberHandle(file, handle)
        return file
      }),
    )
  } catch (thrown) {
    if (thrown instanceof DOMException && thrown.name === 'AbortError') return []
    throw thrown
  }
}
