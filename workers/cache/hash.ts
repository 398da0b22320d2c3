/** Lower-case hex SHA-256. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** SHA-256 of some JSON: a name for whatever depends on all of it and on nothing else. */
export const jsonHash = (value: unknown) => sha256(new TextEncoder().encode(JSON.stringify(value)))
