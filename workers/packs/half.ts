/** IEEE 754 binary16, both ways. Float16Array is not yet in every browser that the app supports. */

let table: Float32Array | undefined

/** float32 of every binary16 bit pattern, [65536]. */
export function halfTable(): Float32Array {
  if (!table) {
    table = new Float32Array(65536)
    for (let bits = 0; bits < 65536; bits++) table[bits] = decode(bits)
  }
  return table
}

function decode(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

const word = new Uint32Array(1)
const single = new Float32Array(word.buffer)

/** binary16 bits of a float32, rounded to nearest, ties to even. */
export function toHalf(value: number): number {
  single[0] = value
  const bits = word[0] ?? 0
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  // 65520 and above round to infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  if (magnitude >= 0x38800000) return sign | roundShift(magnitude - 0x38000000, 13)
  // Below 2^-24 / 2 everything is zero; the tie itself goes to even, which is zero too.
  if (magnitude <= 0x33000000) return sign
  return sign | roundShift((magnitude & 0x7fffff) | 0x800000, 126 - (magnitude >>> 23))
}

/** value / 2^shift, rounded to nearest, ties to even. */
function roundShift(value: number, shift: number): number {
  const quotient = value >>> shift
  const rest = value & ((1 << shift) - 1)
  const tie = 1 << (shift - 1)
  return rest > tie || (rest === tie && (quotient & 1) === 1) ? quotient + 1 : quotient
}
