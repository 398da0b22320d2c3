/**
 * GGUF tensor bytes to float32. Block formats as in ggml (ggml-common.h): a row is cut into blocks of 32 weights;
 * Q8_0 is f16 d and 32 int8 q, w = d*q; Q4_1 is f16 d, f16 m and 16 bytes whose low nibbles are weights 0..15 and high
 * nibbles 16..31, w = d*q + m; Q4_0 is the same without m, w = d*(q - 8). Every weight is rounded once, to float32.
 */
import { halfTable } from './half'
import { type BaseTensor, ggufBlocks } from './schema'

/** Bytes of one row (the last axis) of a tensor. */
export function rowBytes(tensor: Pick<BaseTensor, 'type' | 'shape'>): number {
  const block = ggufBlocks[tensor.type]
  return ((tensor.shape.at(-1) ?? 0) / block.weights) * block.bytes
}

/**
 * Dequantises `count` weights.
 * @param bytes  stored bytes, starting at the first weight's block
 * @param count  weights; a multiple of 32 for block types
 * @param out    receives them from index 0
 */
export function dequantise(type: BaseTensor['type'], bytes: Uint8Array, count: number, out: Float32Array): void {
  if (type === 'Q4_0') dequantiseQ40(bytes, count, out)
  else if (type === 'Q4_1') dequantiseQ41(bytes, count, out)
  else if (type === 'Q8_0') dequantiseQ80(bytes, count, out)
  else dequantisePlain(type, bytes, count, out)
}

function dequantisePlain(type: 'F32' | 'F16', bytes: Uint8Array, count: number, out: Float32Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const half = halfTable()
  for (let i = 0; i < count; i++) {
    out[i] = type === 'F32' ? view.getFloat32(4 * i, true) : (half[view.getUint16(2 * i, true)] ?? 0)
  }
}

function dequantiseQ40(bytes: Uint8Array, count: number, out: Float32Array): void {
  const half = halfTable()
  for (let at = 0, i = 0; i < count; at += 18, i += 32) {
    const scale = half[at2(bytes, at)] ?? 0
    for (let j = 0; j < 16; j++) {
      const pair = bytes[at + 2 + j] ?? 0
      out[i + j] = ((pair & 15) - 8) * scale
      out[i + j + 16] = ((pair >> 4) - 8) * scale
    }
  }
}

function dequantiseQ41(bytes: Uint8Array, count: number, out: Float32Array): void {
  const half = halfTable()
  for (let at = 0, i = 0; i < count; at += 20, i += 32) {
    const scale = half[at2(bytes, at)] ?? 0
    const minimum = half[at2(bytes, at + 2)] ?? 0
    for (let j = 0; j < 16; j++) {
      const pair = bytes[at + 4 + j] ?? 0
      out[i + j] = (pair & 15) * scale + minimum
      out[i + j + 16] = (pair >> 4) * scale + minimum
    }
  }
}

function dequantiseQ80(bytes: Uint8Array, count: number, out: Float32Array): void {
  const half = halfTable()
  for (let at = 0, i = 0; i < count; at += 34, i += 32) {
    const scale = half[at2(bytes, at)] ?? 0
    for (let j = 0; j < 32; j++) out[i + j] = (((bytes[at + 2 + j] ?? 0) << 24) >> 24) * scale
  }
}

const at2 = (bytes: Uint8Array, at: number) => (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)
