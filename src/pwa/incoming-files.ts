/** Files that reach the installed app from outside: opened with it, or shared with it. */
import { sharedFiles } from '../../workers/protocol'

type OpenFiles = (files: File[]) => void
/** Not in TypeScript's DOM library yet: https://wicg.github.io/web-app-launch/ */
type LaunchQueue = {
  setConsumer(consumer: (launch: { readonly files?: readonly FileSystemFileHandle[] }) => void): void
}

/** Why shared files did not arrive. */
export type ShareFailure = 'nothing' | 'failed'

/** Hands over every file that the system opens with the app, now and while it runs. A file that cannot be read is left out. */
export function takeLaunchedFiles(openFiles: OpenFiles): void {
  const { launchQueue } = globalThis as { launchQueue?: LaunchQueue }
  launchQueue?.setConsumer(async ({ files: handles = [] }) => {
    const read = await Promise.allSettled(handles.map((handle) => handle.getFile()))
    const files = read.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    if (files.length > 0) openFiles(files)
  })
}

/**
 * Takes what the service worker kept of a share, if this page was opened for one, and cleans the address, so that a
 * reload does not take it again.
 * @returns why there are no files, or null
 */
export async function takeSharedFiles(page: URL, openFiles: OpenFiles): Promise<ShareFailure | null> {
  const outcome = page.searchParams.get(sharedFiles.parameter)
  if (outcome === null) return null
  const clean = new URL(page)
  clean.searchParams.delete(sharedFiles.parameter)
  history.replaceState(history.state, '', clean)
  if (outcome !== 'files') return outcome === 'nothing' ? 'nothing' : 'failed'
  const files = await readSharedFiles().catch((thrown: unknown) => {
    console.warn('shared files could not be read', thrown)
    return []
  })
  if (files.length > 0) openFiles(files)
  return files.length > 0 ? null : 'failed'
}

async function readSharedFiles(): Promise<File[]> {
  const cache = await caches.open(sharedFiles.cache)
  const files: File[] = []
  for (const request of await cache.keys()) {
    const response = await cache.match(request)
    if (!response) continue
    const name = decodeURIComponent(response.headers.get(sharedFiles.nameHeader) ?? '')
    const blob = await response.blob()
    files.push(new File([blob], name, { type: blob.type }))
    await cache.delete(request)
  }
  return files
}
