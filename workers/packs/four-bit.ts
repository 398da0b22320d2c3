/**
 * Weights as ggml's Q4_0 has them, laid out for MatMulNBits: of each 32 weights the one of largest magnitude has code 0,
 * scale = float16(it / -8), code = floor(float32(w / scale) + 8.5). Weights that were made so come back as they were.
 * training/gguf_base.py (`block_codes`) is the reference; the two agree byte for byte.
 */
import { halfTable, toHalf } from './half'

const blockWeights = 32

/**
 * Codes of whole blocks, two neighbours in a byte, the first of them low.
 * @param weights  the first `count` are taken, a multiple of 32
 * @param out      receives count / 2 bytes from `start` on
 */
export function writeCodes(weights: Float32Array, count: number, out: Uint8Array, start: number): void {
  const half = halfTable()
  for (let at = 0; at < count; at += blockWeights) {
    const step = half[blockScale(weights, at)] ?? 0
    const inverse = step === 0 ? 0 : Math.fround(1 / step)
    for (let i = at; i < at + blockWeights; i += 2) {
      out[start + i / 2] = code(weights[i] ?? 0, inverse) | (code(weights[i + 1] ?? 0, inverse) << 4)
    }
  }
}

/** Scales of whole blocks as float16 bits; `out` receives count / 32 of them from `start` on. */
export function writeScales(weights: Float32Array, count: number, out: Uint16Array, start: number): void {
  for (let at = 0; at < count; at += blockWeights) out[start + at / blockWeights] = blockScale(weights, at)
}

/** The scale of the block at `at`, as float16 bits. */
function blockScale(weights: Float32Array, at: number): number {
  let peak = 0
  for (let i = at; i < at + blockWeights; i++) {
    const weight = weights[i] ?? 0
    if (Math.abs(weight) > Math.abs(peak)) peak = weight
  }
  const bits = toHalf(Math.fround(peak / -8))
  // Zero has one sign.
  return bits & 0x7fff ? bits : 0
}

function code(weight: number, inverse: number): number {
  const place = Math.floor(Math.fround(Math.fround(weight * inverse) + 8.5))
  return Math.min(15, Math.max(0, place))
}
