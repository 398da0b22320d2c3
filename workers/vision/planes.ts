/** Raw planes of a VideoFrame, as VideoFrame.copyTo gives them, described so that one kernel reads every pixel format. */
import { type YuvToRgb, yuvToRgb } from './color'
import type { Size } from './geometry'

/** Offsets and strides in bytes; the order of planes is Y, U, V, A (U and V interleaved in one plane for NV12). */
export type PlaneLayouts = readonly { readonly offset: number; readonly stride: number }[]

export type PlaneFormat = {
  /** 'rgba' and 'bgra' hold packed pixels, 'yuv' three planes, 'nv' luma and interleaved chroma. */
  readonly packing: 'rgba' | 'bgra' | 'yuv' | 'nv'
  readonly alpha: boolean
  readonly bits: 8 | 10 | 12
  /** Chroma columns and rows are luma's shifted right by these. */
  readonly shiftX: 0 | 1
  readonly shiftY: 0 | 1
}

export type Planes = Size & {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly layouts: PlaneLayouts
  readonly format: PlaneFormat
  readonly toRgb: YuvToRgb
}

/** null for formats we do not know. */
export function planeFormat(name: string): PlaneFormat | null {
  const packed = /^(RGB|BGR)([AX])$/.exec(name)
  if (packed) {
    const packing = packed[1] === 'RGB' ? 'rgba' : 'bgra'
    return { packing, alpha: packed[2] === 'A', bits: 8, shiftX: 0, shiftY: 0 }
  }
  const planar = /^(I420|I422|I444|NV12)(A?)(P10|P12)?$/.exec(name)
  if (!planar) return null
  const [, family, alpha, depth] = planar
  return {
    packing: family === 'NV12' ? 'nv' : 'yuv',
    alpha: alpha === 'A',
    bits: depth === 'P10' ? 10 : depth === 'P12' ? 12 : 8,
    shiftX: family === 'I444' ? 0 : 1,
    shiftY: family === 'I420' || family === 'NV12' ? 1 : 0,
  }
}

/** Copies the frame's visible planes; null where the browser keeps the format to itself. */
export async function readPlanes(frame: VideoFrame): Promise<Planes | null> {
  const format = frame.format && planeFormat(frame.format)
  const rect = frame.visibleRect
  if (!format || !rect) return null
  // Kernels read whole words.
  const bytes = new Uint8Array(Math.ceil(frame.allocationSize() / 4) * 4)
  const layouts = await frame.copyTo(bytes)
  const toRgb = yuvToRgb(frame.colorSpace.toJSON(), format.bits)
  return { width: rect.width, height: rect.height, bytes, layouts, format, toRgb }
}
