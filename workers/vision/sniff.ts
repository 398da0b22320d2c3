/** Recognises files by their first bytes: pictures, and containers that browsers cannot open but people still have. */

export type Sniffed =
  | { readonly kind: 'image'; readonly container: string; readonly type: string }
  /** A real video container that we have no demuxer for, or a codec that only the container's own bytes name. */
  | { readonly kind: 'foreign'; readonly container: string; readonly codec: string }
  | { readonly kind: 'unknown' }

export const sniffBytes = 4096

/** `head`: the first `sniffBytes` bytes of the file, or all of it. */
export function sniff(head: Uint8Array): Sniffed {
  const text = latin1(head)
  const at = (offset: number, wanted: string) => text.startsWith(wanted, offset)
  if (at(0, '\xff\xd8\xff')) return image('JPEG', 'image/jpeg')
  if (at(0, '\x89PNG\r\n\x1a\n')) return image('PNG', 'image/png')
  if (at(0, 'GIF87a') || at(0, 'GIF89a')) return image('GIF', 'image/gif')
  if (at(0, 'RIFF') && at(8, 'WEBP')) return image('WebP', 'image/webp')
  // "BM" alone could be text: the size of the information header must be one of those that exist.
  if (at(0, 'BM') && [12, 40, 52, 56, 64, 108, 124].includes(head[14] ?? 0)) return image('BMP', 'image/bmp')
  if (at(4, 'ftyp') && /^(avif|avis)/.test(text.slice(8, 12))) return image('AVIF', 'image/avif')
  if (at(4, 'ftyp') && /^(heic|heix|heim|heis|mif1|msf1)/.test(text.slice(8, 12))) {
    return text.slice(8, 64).includes('avif') ? image('AVIF', 'image/avif') : image('HEIF', 'image/heic')
  }
  if (at(0, 'RIFF') && at(8, 'AVI ')) return foreign('AVI', aviCodec(text))
  if (at(0, '\x30\x26\xb2\x75\x8e\x66\xcf\x11')) return foreign('Windows Media (ASF)', 'unknown')
  if (at(0, 'FLV\x01')) return foreign('Flash Video', 'unknown')
  if (at(0, '\x00\x00\x01\xba')) return foreign('MPEG program stream', 'MPEG-1/2')
  if (at(0, '\x00\x00\x01\xb3')) return foreign('MPEG video stream', 'MPEG-1/2')
  if (at(0, '.RMF')) return foreign('RealMedia', 'unknown')
  if (at(0, 'OggS') && text.includes('\x80theora')) return foreign('Ogg', 'Theora')
  return { kind: 'unknown' }
}

const image = (container: string, type: string): Sniffed => ({ kind: 'image', container, type })
const foreign = (container: string, codec: string): Sniffed => ({ kind: 'foreign', container, codec })

function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
}

/** The video stream's FourCC: the stream header (`strh`) of type `vids` is followed by its handler. */
function aviCodec(text: string): string {
  const header = text.indexOf('vids')
  const fourcc =
    header < 0
      ? ''
      : text
          .slice(header + 4, header + 8)
          .replace(/[^\x20-\x7e]/g, '')
          .trim()
  return codecNames[fourcc.toLowerCase()] ?? (fourcc || 'unknown')
}

const codecNames: Readonly<Record<string, string>> = {
  avc: 'H.264',
  hevc: 'HEVC (H.265)',
  vp8: 'VP8',
  vp9: 'VP9',
  av1: 'AV1',
  mp4v: 'MPEG-4 Part 2',
  xvid: 'MPEG-4 Part 2 (Xvid)',
  divx: 'MPEG-4 Part 2 (DivX)',
  dx50: 'MPEG-4 Part 2 (DivX 5)',
  fmp4: 'MPEG-4 Part 2',
  mp42: 'MS MPEG-4 v2',
  div3: 'MS MPEG-4 v3',
  mjpg: 'Motion JPEG',
  jpeg: 'Motion JPEG',
  prores: 'Apple ProRes',
  apcn: 'Apple ProRes',
  apch: 'Apple ProRes',
  apcs: 'Apple ProRes',
  apco: 'Apple ProRes',
  ap4h: 'Apple ProRes',
  avdh: 'Avid DNxHR',
  h263: 'H.263',
  s263: 'H.263',
  h264: 'H.264',
  'v_mpeg4/iso/asp': 'MPEG-4 Part 2',
  'v_mpeg4/iso/sp': 'MPEG-4 Part 2',
  v_mpeg1: 'MPEG-1',
  v_mpeg2: 'MPEG-2',
  v_theora: 'Theora',
  v_prores: 'Apple ProRes',
}

/** A codec's name for people, from mediabunny's name, a sample entry, a FourCC or a Matroska CodecID. */
export function codecName(id: string | number | Uint8Array | null): string {
  if (id === null) return 'unknown'
  const key = id instanceof Uint8Array ? latin1(id) : String(id)
  return codecNames[key.toLowerCase().trim()] ?? key.trim()
}
