/** Where pixels go: orientation (rotate, then flip) and the resize that a pack asks for. Pure. */

export type Rotation = 0 | 90 | 180 | 270
/** Clockwise rotation, then a flip about the vertical axis. */
export type Orientation = { readonly rotation: Rotation; readonly flip: boolean }
export const upright: Orientation = { rotation: 0, flip: false }

export type Size = { readonly width: number; readonly height: number }

/**
 * How a shown picture becomes the encoder's square: the whole picture is resized to `width` x `height`, of which the
 * square of `size` pixels at (`left`, `top`) is kept.
 */
export type Resize = Size & { readonly left: number; readonly top: number; readonly size: number }

/** The rotation as one of four; other angles (a container may store any) go to the nearest quarter turn. */
export function quarterTurn(degrees: number): Rotation {
  return ((((Math.round(degrees / 90) * 90) % 360) + 360) % 360) as Rotation
}

/** Size after `orientation`. */
export function turned({ width, height }: Size, { rotation }: Orientation): Size {
  return rotation % 180 === 0 ? { width, height } : { width: height, height: width }
}

/** What is left to apply so that `wanted` results where `applied` already was. */
export function remaining(wanted: Orientation, applied: Orientation): Orientation {
  const difference = wanted.rotation - applied.rotation
  // A flip reverses the sense of every rotation that comes before it.
  return {
    rotation: quarterTurn(applied.flip ? -difference : difference),
    flip: wanted.flip !== applied.flip,
  }
}

/**
 * Source pixel of the shown pixel (x, y). `source` is the size before `orientation`. preprocess.wgsl does the same.
 */
export function sourcePixel(x: number, y: number, source: Size, { rotation, flip }: Orientation): [number, number] {
  const { width } = turned(source, { rotation, flip })
  const across = flip ? width - 1 - x : x
  if (rotation === 90) return [y, source.height - 1 - across]
  if (rotation === 180) return [source.width - 1 - across, source.height - 1 - y]
  if (rotation === 270) return [source.width - 1 - y, across]
  return [across, y]
}

/** The encoder's square, and what of a picture it shows. */
export type Framing = {
  readonly inputSize: number
  readonly resize: 'squash' | 'center-crop'
  /** Of the picture before its middle is cut out; the square's side where absent. */
  readonly resizeShortSide?: number | undefined
}

/**
 * The pack's resize for a picture shown at `shown` (square pixels, upright). Squash: the whole picture. Centre crop: short
 * side to resizeShortSide, long side truncated, crop offsets rounded half to even, as torchvision does.
 */
export function planResize(shown: Size, tower: Framing): Resize {
  const size = tower.inputSize
  if (tower.resize === 'squash') return { width: size, height: size, left: 0, top: 0, size }
  const short = Math.max(size, tower.resizeShortSide ?? size)
  const landscape = shown.width >= shown.height
  const long = Math.trunc((short * Math.max(shown.width, shown.height)) / Math.min(shown.width, shown.height))
  const width = landscape ? long : short
  const height = landscape ? short : long
  return { width, height, left: roundHalfEven((width - size) / 2), top: roundHalfEven((height - size) / 2), size }
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value)
  if (value - floor !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}

/** The largest size of the same aspect with neither side above `limit`, at least 1x1; never enlarged. */
export function fitWithin({ width, height }: Size, limit: number): Size {
  const scale = Math.min(1, limit / Math.max(width, height))
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
}
