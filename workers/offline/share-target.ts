/** Files that another app shares with the installed page: kept in a cache of their own until the page takes them. */
import { sharedFiles } from '../protocol'

/**
 * Answers the share sheet's POST (multipart form, field `files`): keeps the files and sends the browser to the page,
 * which takes them from the cache. Files whose name or type is missing are kept all the same: the page says what is wrong.
 * @param page  absolute URL of the page
 */
export async function receiveSharedFiles(request: Request, page: URL): Promise<Response> {
  const target = new URL(page)
  try {
    const form = await request.formData()
    const files = form.getAll(sharedFiles.field).filter((value) => value instanceof File)
    const cache = await caches.open(sharedFiles.cache)
    for (const file of files) {
      const headers = {
        'Content-Type': file.type || 'application/octet-stream',
        [sharedFiles.nameHeader]: encodeURIComponent(file.name),
      }
      await cache.put(new URL(crypto.randomUUID(), target), new Response(file, { headers }))
    }
    target.searchParams.set(sharedFiles.parameter, files.length > 0 ? 'files' : 'nothing')
  } catch (thrown) {
    // Most likely a full disk; the page says so.
    console.warn('shared files could not be kept', thrown)
    target.searchParams.set(sharedFiles.parameter, 'failed')
  }
  return Response.redirect(target.href, 303)
}
