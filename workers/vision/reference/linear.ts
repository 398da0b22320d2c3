/** Dense algebra on row-major float32 matrices, as the kernels of linear.wgsl do it. */

/** x [rows, inner] @ weight [inner, columns] + bias [columns]. */
export function linear(
  x: Float32Array,
  weight: Float32Array,
  bias: Float32Array,
  inner: number,
): Float32Array<ArrayBuffer> {
  const columns = bias.length
  const rows = x.length / inner
  const out = new Float32Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    const target = out.subarray(row * columns, (row + 1) * columns)
    target.set(bias)
    for (let k = 0; k < inner; k++) {
      const value = x[row * inner + k] as number
      const base = k * columns
      for (let column = 0; column < columns; column++) {
        target[column] = (target[column] as number) + value * (weight[base + column] as number)
      }
    }
  }
  return out
}

/** x [rows, inner] @ weightᵀ + bias, for weights stored [columns, inner] as torch stores them. */
export function linearTransposed(
  x: Float32Array,
  weight: Float32Array,
  bias: Float32Array,
  inner: number,
): Float32Array<ArrayBuffer> {
  const columns = bias.length
  const rows = x.length / inner
  const out = new Float32Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let sum = bias[column] as number
      for (let k = 0; k < inner; k++) sum += (x[row * inner + k] as number) * (weight[column * inner + k] as number)
      out[row * columns + column] = sum
    }
  }
  return out
}

/** Softmax of one vector, stable. */
export function softmax(scores: readonly number[]): number[] {
  const top = Math.max(...scores)
  const powers = scores.map((score) => Math.exp(score - top))
  const total = powers.reduce((a, b) => a + b, 0)
  return powers.map((power) => power / total)
}

/** Layer normalisation of each row of x [rows, width] with torch's epsilon. */
export function layerNorm(x: Float32Array, gain: Float32Array, bias: Float32Array): Float32Array<ArrayBuffer> {
  const width = gain.length
  const out = new Float32Array(x.length)
  for (let base = 0; base < x.length; base += width) {
    const row = x.subarray(base, base + width)
    const mean = row.reduce((a, b) => a + b, 0) / width
    const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / width
    const inverse = 1 / Math.sqrt(variance + 1e-5)
    for (let k = 0; k < width; k++) {
      out[base + k] = ((row[k] as number) - mean) * inverse * (gain[k] as number) + (bias[k] as number)
    }
  }
  return out
}
