/** The pictures and videos of a folder, by name: loose files, in subfolders or in tar archives. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { listTar, readTarMember } from './tar'

export type Media = {
  /** File name, with its extension. */
  readonly name: string
  readonly kind: 'picture' | 'video'
  /** MIME type. */
  readonly type: string
  /** Archive or subfolder that holds it; '' for the folder itself. */
  readonly holder: string
  read(): Buffer
}

const types: Readonly<Record<string, string>> = {
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  avif: 'image/avif',
  gif: 'image/gif',
  bmp: 'image/bmp',
  mp4: 'video/mp4',
  m4v: 'video/mp4',
  mov: 'video/quicktime',
  webm: 'video/webm',
  mkv: 'video/x-matroska',
  ogv: 'video/ogg',
  ogg: 'video/ogg',
  avi: 'video/x-msvideo',
  ts: 'video/mp2t',
}

const typeOf = (name: string) => types[extname(name).slice(1).toLowerCase()]
const withoutExtension = (name: string) => (typeOf(name) ? name.slice(0, -extname(name).length) : name)

export class MediaFolder {
  readonly #byName = new Map<string, Media>()

  constructor(readonly path: string) {
    this.#scan(path, '')
  }

  /** By file name, or by name without its extension; whatever stands before the last slash is ignored. */
  find(name: string): Media | undefined {
    return this.#byName.get(basename(name)) ?? this.#byName.get(withoutExtension(basename(name)))
  }

  #scan(folder: string, holder: string): void {
    for (const name of readdirSync(folder).sort()) {
      const path = join(folder, name)
      if (name.startsWith('.')) continue
      if (statSync(path).isDirectory()) {
        if (holder === '') this.#scan(path, name)
      } else if (name.endsWith('.tar')) {
        for (const member of listTar(path)) this.#add(basename(member.name), name, () => readTarMember(path, member))
      } else this.#add(name, holder, () => readFileSync(path))
    }
  }

  #add(name: string, holder: string, read: () => Buffer): void {
    const type = typeOf(name)
    if (!type) return
    const media: Media = { name, kind: type.startsWith('video/') ? 'video' : 'picture', type, holder, read }
    this.#byName.set(name, media)
    this.#byName.set(withoutExtension(name), media)
  }
}

/** Opens folders once. */
export class MediaLibrary {
  readonly #folders = new Map<string, MediaFolder>()

  /** @throws Error where there is no such folder */
  open(path: string): MediaFolder {
    if (!existsSync(path) || !statSync(path).isDirectory()) throw new Error(`there is no folder ${path}`)
    const folder = this.#folders.get(path) ?? new MediaFolder(path)
    this.#folders.set(path, folder)
    return folder
  }
}
