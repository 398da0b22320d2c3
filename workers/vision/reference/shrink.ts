import type { Size } from '../geometry'
import type { Rgba } from './resample'

/** RGBA, row-major, opaque. */
export type SmallPicture = Size & { readonly data: Uint8ClampedArray<ArrayBuffer> }

/**
 * The picture in few pixels, for the eye: each is the mean of those that fall into it, on white. RGBA, row-major, opaque.
 * A side that is not to be smaller repeats pixels.
 */
export function shrunk({ width, height, data }: Rgba, across: number, down: number): Uint8ClampedArray<ArrayBuffer> {
  const out = new Uint8ClampedArray(4 * across * down)
  for (let y = 0, to = 0; y < down; y++) {
    const [top, bottom] = partOf(y, down, height)
    for (let x = 0; x < across; x++, to += 4) {
      const [left, right] = partOf(x, across, width)
      let red = 0
      let green = 0
      let blue = 0
      let alpha = 0
      for (let row = top; row < bottom; row++) {
        for (let at = 4 * (row * width + left), end = 4 * (row * width + right); at < end; at += 4) {
          red += data[at] as number
          green += data[at + 1] as number
          blue += data[at + 2] as number
          alpha += data[at + 3] as number
        }
      }
      const count = (bottom - top) * (right - left)
      // Colours are premultiplied: what is missing to opaque shines white.
      const white = 255 - alpha / count
      out[to] = red / count + white
      out[to + 1] = green / count + white
      out[to + 2] = blue / count + white
      out[to + 3] = 255
    }
  }
  return out
}

/** Where part `index` of `parts` begins and ends among `length` pixels; never empty. */
export function partOf(index: number, parts: number, length: number): [from: number, to: number] {
  const from = Math.min(length - 1, Math.floor((index * length) / parts))
  return [from, Math.max(from + 1, Math.floor(((index + 1) * length) / parts))]
}
