import { apply } from '../color'
import type { Planes } from '../planes'
import type { Rgba } from './resample'

/**
 * Planes to 8-bit RGBA, alpha premultiplied: what planes.wgsl does. Chroma is taken from the nearest sample above and to
 * the left, as external textures take it.
 */
export function planesToRgba({ width, height, bytes, layouts, format, toRgb }: Planes): Rgba {
  const data = new Uint8ClampedArray(4 * width * height)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const wide = format.bits > 8
  const largest = 2 ** format.bits - 1
  const sample = (plane: number, x: number, y: number) => {
    const { offset, stride } = layouts[plane] as { offset: number; stride: number }
    const at = offset + y * stride + x * (wide ? 2 : 1)
    return wide ? view.getUint16(at, true) : view.getUint8(at)
  }
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [column, row] = [x >> format.shiftX, y >> format.shiftY]
      let rgb: readonly [number, number, number]
      let alpha = 1
      if (format.packing === 'rgba' || format.packing === 'bgra') {
        const [r, g, b, a] = [0, 1, 2, 3].map((k) => sample(0, 4 * x + k, y) / 255) as [number, number, number, number]
        rgb = format.packing === 'rgba' ? [r, g, b] : [b, g, r]
        if (format.alpha) alpha = a
      } else {
        const interleaved = format.packing === 'nv'
        const u = interleaved ? sample(1, 2 * column, row) : sample(1, column, row)
        const v = interleaved ? sample(1, 2 * column + 1, row) : sample(2, column, row)
        const converted = apply(toRgb.matrix, [sample(0, x, y) / largest, u / largest, v / largest])
        rgb = converted.map((value, k) => value + (toRgb.bias[k] as number)) as [number, number, number]
        if (format.alpha) alpha = sample(interleaved ? 2 : 3, x, y) / largest
      }
      const clamped = rgb.map((value) => Math.min(1, Math.max(0, value)) * alpha)
      data.set(
        [...clamped, alpha].map((value) => Math.round(value * 255)),
        4 * (y * width + x),
      )
    }
  }
  return { width, height, data }
}
