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
  for (let row = 0; row < rows; row++) out.set(bias, row * columns)
  // Two rows and four steps at a time: sums and weights are then read and written a fraction as often. A row comes out the
  // same to the bit, with whichever others it comes.
  const evenSteps = inner - (inner % 4)
  for (let row = 0; row < rows; row += 2) {
    const add = row + 1 < rows ? addFourToTwo : addFour
    for (let k = 0; k < evenSteps; k += 4) add(x, weight, out, { row, k, inner, columns })
  }
  for (let row = 0; row < rows; row++) {
    for (let k = evenSteps; k < inner; k++) addOne(x, weight, out, { row, k, inner, columns })
  }
  return out
}

type Block = { readonly row: number; readonly k: number; readonly inner: number; readonly columns: number }

/** Adds what step k gives to row `row` of `out`. */
function addOne(x: Float32Array, weight: Float32Array, out: Float32Array, { row, k, inner, columns }: Block): void {
  const value = x[row * inner + k] as number
  const [base, target] = [k * columns, row * columns]
  for (let column = 0; column < columns; column++) {
    out[target + column] = (out[target + column] as number) + value * (weight[base + column] as number)
  }
}

/** Adds what steps k to k + 3 give to row `row` of `out`. */
function addFour(x: Float32Array, weight: Float32Array, out: Float32Array, { row, k, inner, columns }: Block): void {
  const from = row * inner + k
  const a0 = x[from] as number
  const a1 = x[from + 1] as number
  const a2 = x[from + 2] as number
  const a3 = x[from + 3] as number
  const to = row * columns
  for (let column = 0, at = k * columns; column < columns; column++, at++) {
    const w0 = weight[at] as number
    const w1 = weight[at + columns] as number
    const w2 = weight[at + 2 * columns] as number
    const w3 = weight[at + 3 * columns] as number
    out[to + column] = (out[to + column] as number) + (a0 * w0 + a1 * w1 + (a2 * w2 + a3 * w3))
  }
}

/** Adds what steps k to k + 3 give to rows `row` and `row` + 1 of `out`, in the same order. */
function addFourToTwo(
  x: Float32Array,
  weight: Float32Array,
  out: Float32Array,
  { row, k, inner, columns }: Block,
): void {
  const [above, below] = [row * inner + k, (row + 1) * inner + k]
  const a0 = x[above] as number
  const a1 = x[above + 1] as number
  const a2 = x[above + 2] as number
  const a3 = x[above + 3] as number
  const b0 = x[below] as number
  const b1 = x[below + 1] as number
  const b2 = x[below + 2] as number
  const b3 = x[below + 3] as number
  const top = row * columns
  const first = k * columns
  for (let column = 0; column < columns; column++) {
    const at = first + column
    const w0 = weight[at] as number
    const w1 = weight[at + columns] as number
    const w2 = weight[at + 2 * columns] as number
    const w3 = weight[at + 3 * columns] as number
    const to = top + column
    out[to] = (out[to] as number) + (a0 * w0 + a1 * w1 + (a2 * w2 + a3 * w3))
    out[to + columns] = (out[to + columns] as number) + (b0 * w0 + b1 * w1 + (b2 * w2 + b3 * w3))
  }
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
