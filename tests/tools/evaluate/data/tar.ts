/** Reads members of a tar archive (ustar, GNU long names, pax paths) without unpacking it. */
import { closeSync, openSync, readSync } from 'node:fs'

export type TarMember = { readonly name: string; readonly offset: number; readonly bytes: number }

const block = 512

/** Every plain file of the archive, in its order. @throws Error where it is no tar archive */
export function listTar(path: string): TarMember[] {
  const file = openSync(path, 'r')
  try {
    const members: TarMember[] = []
    let longName: string | undefined
    for (let at = 0; ; ) {
      const header = readAt(file, at, block)
      if (header.length < block || header.every((byte) => byte === 0)) return members
      if (text(header, 257, 5) !== 'ustar') throw new Error(`${path} is not a tar archive`)
      const bytes = size(header)
      const kind = text(header, 156, 1)
      const offset = at + block
      if (kind === 'L') longName = text(readAt(file, offset, bytes), 0, bytes)
      else if (kind === 'x') longName = paxPath(readAt(file, offset, bytes)) ?? longName
      else {
        if (kind === '0' || kind === '') members.push({ name: longName ?? ustarName(header), offset, bytes })
        longName = undefined
      }
      at = offset + Math.ceil(bytes / block) * block
    }
  } finally {
    closeSync(file)
  }
}

export function readTarMember(path: string, { offset, bytes }: TarMember): Buffer {
  const file = openSync(path, 'r')
  try {
    return readAt(file, offset, bytes)
  } finally {
    closeSync(file)
  }
}

function readAt(file: number, offset: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  return buffer.subarray(0, readSync(file, buffer, 0, bytes, offset))
}

/** A field of a header: up to its first zero byte. */
function text(header: Buffer, from: number, bytes: number): string {
  const field = header.subarray(from, from + bytes)
  const end = field.indexOf(0)
  return field.subarray(0, end === -1 ? bytes : end).toString('utf8')
}

function size(header: Buffer): number {
  // Sizes beyond octal's reach are written in binary, marked by the field's first bit.
  if ((header[124] ?? 0) & 0x80) return Number(header.readBigUInt64BE(128))
  return Number.parseInt(text(header, 124, 12).trim() || '0', 8)
}

function ustarName(header: Buffer): string {
  const prefix = text(header, 345, 155)
  return prefix ? `${prefix}/${text(header, 0, 100)}` : text(header, 0, 100)
}

/** Records of a pax header are "LENGTH KEY=VALUE\n". */
function paxPath(body: Buffer): string | undefined {
  return /(?:^|\n)\d+ path=([^\n]*)\n/.exec(body.toString('utf8'))?.[1]
}
