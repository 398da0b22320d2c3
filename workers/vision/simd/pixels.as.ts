/**
 * Planes of 8 bits to the encoder's square and a small picture for the eye, in one pass over the rows (AssemblyScript; memory and
 * pointers as in convolution.as.ts). What reference/planes-of-bytes.ts, resample.ts and shrink.ts compute, without rounding to
 * whole codes on the way. A pixel is a vector of red, green, blue and nothing, so that filters need no shuffles.
 */

/** Bytes of a vector. */
const V: usize = 16

/** a * b + c; with relaxed SIMD the processor's fused product. */
function madd(a: v128, b: v128, c: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? v128.relaxed_madd<f32>(a, b, c) : v128.add<f32>(v128.mul<f32>(a, b), c)
}

/** Four bytes as floats. */
function bytes4(at: usize): v128 {
  const wide = i16x8.extend_low_i8x16_u(v128.load32_zero(at))
  return f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(wide))
}

/**
 * A row of chroma between two that are stored, float32 [columns] with its first and last sample repeated once outside and then up
 * to a whole vector: out points at the first. `step`: bytes from sample to sample; `share`: of the second row.
 */
function chromaRow(near: usize, far: usize, step: usize, columns: i32, share: f32, out: usize): void {
  const rest: f32 = 1 - share
  let column: i32 = 0
  if (step === 1) {
    const one = f32x4.splat(rest)
    const other = f32x4.splat(share)
    for (; column + 4 <= columns; column += 4) {
      const sum = v128.mul<f32>(bytes4(near + column), one)
      v128.store(out + ((<usize>column) << 2), madd(bytes4(far + column), other, sum))
    }
  }
  for (; column < columns; column++) {
    const at = <usize>column * step
    store<f32>(out + ((<usize>column) << 2), <f32>load<u8>(near + at) * rest + <f32>load<u8>(far + at) * share)
  }
  store<f32>(out - 4, load<f32>(out))
  const last = load<f32>(out + ((<usize>(columns - 1)) << 2))
  for (let beyond = 0; beyond < 5; beyond++) store<f32>(out + ((<usize>(columns + beyond)) << 2), last)
}

/** Of four pixels one colour each, clamped to codes. */
function colour(light: v128, first: v128, firstFactor: v128, second: v128, secondFactor: v128, bias: v128): v128 {
  const sum = madd(second, secondFactor, madd(first, firstFactor, v128.add<f32>(light, bias)))
  return f32x4.pmin(f32x4.pmax(sum, f32x4.splat(0)), f32x4.splat(255))
}

/** Four pixels at `out` from their luma and chroma. `factors`: see `frame`. */
function fourPixels(luma: usize, u: v128, v: v128, factors: usize, out: usize): void {
  const light = v128.mul<f32>(bytes4(luma), v128.load32_splat(factors))
  const none = f32x4.splat(0)
  const red = colour(light, v, v128.load32_splat(factors, 4), none, none, v128.load32_splat(factors, 20))
  const green = colour(
    light,
    u,
    v128.load32_splat(factors, 8),
    v,
    v128.load32_splat(factors, 12),
    v128.load32_splat(factors, 24),
  )
  const blue = colour(light, u, v128.load32_splat(factors, 16), none, none, v128.load32_splat(factors, 28))
  // Rows of a 4 x 4 matrix become its columns.
  const redGreenLow = v128.shuffle<f32>(red, green, 0, 4, 1, 5)
  const redGreenHigh = v128.shuffle<f32>(red, green, 2, 6, 3, 7)
  const blueLow = v128.shuffle<f32>(blue, none, 0, 4, 1, 5)
  const blueHigh = v128.shuffle<f32>(blue, none, 2, 6, 3, 7)
  v128.store(out, v128.shuffle<f32>(redGreenLow, blueLow, 0, 1, 4, 5))
  v128.store(out, v128.shuffle<f32>(redGreenLow, blueLow, 2, 3, 6, 7), V)
  v128.store(out, v128.shuffle<f32>(redGreenHigh, blueHigh, 0, 1, 4, 5), 2 * V)
  v128.store(out, v128.shuffle<f32>(redGreenHigh, blueHigh, 2, 3, 6, 7), 3 * V)
}

/** A row of pixels, up to seven more than `width`: each takes three quarters of the chroma beside it and a quarter of the next one out. */
function pixelRow(luma: usize, us: usize, vs: usize, width: i32, factors: usize, out: usize): void {
  const most = f32x4.splat(0.75)
  const least = f32x4.splat(0.25)
  for (let x: i32 = 0; x < width; x += 8) {
    const at = (<usize>x) << 1
    const u = v128.mul<f32>(v128.load(us + at), most)
    const v = v128.mul<f32>(v128.load(vs + at), most)
    const uEven = madd(v128.load(us + at - 4), least, u)
    const uOdd = madd(v128.load(us + at + 4), least, u)
    const vEven = madd(v128.load(vs + at - 4), least, v)
    const vOdd = madd(v128.load(vs + at + 4), least, v)
    const to = out + <usize>x * V
    fourPixels(
      luma + x,
      v128.shuffle<f32>(uEven, uOdd, 0, 4, 1, 5),
      v128.shuffle<f32>(vEven, vOdd, 0, 4, 1, 5),
      factors,
      to,
    )
    fourPixels(
      luma + x + 4,
      v128.shuffle<f32>(uEven, uOdd, 2, 6, 3, 7),
      v128.shuffle<f32>(vEven, vOdd, 2, 6, 3, 7),
      factors,
      to + 4 * V,
    )
  }
}

/** Filters a row of pixels to `count`. taps: i32 [count, 2], where each begins and how many; weights: float32, one after another. */
function filterRow(row: usize, taps: usize, weights: usize, count: i32, out: usize): void {
  let w = weights
  for (let index: i32 = 0; index < count; index++, taps += 8, out += V) {
    const from = row + <usize>load<i32>(taps) * V
    const end = from + <usize>load<i32>(taps, 4) * V
    let sum = f32x4.splat(0)
    for (let at = from; at < end; at += V, w += 4) sum = madd(v128.load(at), v128.load32_splat(w), sum)
    v128.store(out, sum)
  }
}

/** Sums of the pixels from bounds[index, 0] to bounds[index, 1]; bounds: i32 [count, 2]. */
function sumRow(row: usize, bounds: usize, count: i32, out: usize): void {
  for (let index: i32 = 0; index < count; index++, bounds += 8, out += V) {
    const end = row + <usize>load<i32>(bounds, 4) * V
    let sum = f32x4.splat(0)
    for (let at = row + <usize>load<i32>(bounds) * V; at < end; at += V) sum = v128.add<f32>(sum, v128.load(at))
    v128.store(out, sum)
  }
}

/** Adds `factor` times a row of vectors to another. */
function addRow(row: usize, factor: f32, count: i32, out: usize): void {
  const times = f32x4.splat(factor)
  const end = row + <usize>count * V
  for (; row < end; row += V, out += V) v128.store(out, madd(v128.load(row), times, v128.load(out)))
}

/**
 * One frame. y, u, v: its planes, rows of `...Stride` bytes, chroma samples `step` bytes apart and, of a row, between two of luma
 * where `shiftY` is 1. factors: float32, of luma, of V for red, of U and V for green, of U for blue, then what is added to each, in codes.
 * columns, rows: filters of either axis, i32 [size, 2] and weights as in `filterRow`, rows' in ascending order.
 * smallColumns, smallRows: i32 [count, 2], the pixels from and to that make one of the small picture's.
 * out: float32 [size, size, 4], codes; small: float32 [smallHeight, smallWidth, 4], sums of codes. scratch: room for the rows in between,
 * 64 bytes a column of luma and 16 for each of `size` and smallWidth, and 512.
 */
export function frame(
  y: usize,
  yStride: usize,
  u: usize,
  uStride: usize,
  v: usize,
  vStride: usize,
  step: usize,
  shiftY: i32,
  width: i32,
  height: i32,
  factors: usize,
  columns: usize,
  columnWeights: usize,
  rows: usize,
  rowWeights: usize,
  size: i32,
  out: usize,
  smallColumns: usize,
  smallRows: usize,
  smallWidth: i32,
  smallHeight: i32,
  small: usize,
  scratch: usize,
): void {
  const chromaColumns = (width + 1) >> 1
  const chromaRows = (height + shiftY) >> shiftY
  const chromaBytes = (<usize>((chromaColumns + 15) & ~3)) << 2
  const us = scratch + V
  const vs = us + chromaBytes
  const pixels = vs + chromaBytes
  const filtered = pixels + <usize>((width + 15) & ~7) * V
  const summed = filtered + <usize>size * V
  memory.fill(out, 0, <usize>(size * size) * V)
  memory.fill(small, 0, <usize>(smallWidth * smallHeight) * V)
  // The first output that a row may still count for, and where its weights are.
  let row: i32 = 0
  let weights = rowWeights
  let smallRow: i32 = 0
  for (let at: i32 = 0; at < height; at++) {
    while (row < size && load<i32>(rows + ((<usize>row) << 3)) + load<i32>(rows + ((<usize>row) << 3), 4) <= at) {
      weights += (<usize>load<i32>(rows + ((<usize>row) << 3), 4)) << 2
      row++
    }
    while (smallRow < smallHeight && load<i32>(smallRows + ((<usize>smallRow) << 3), 4) <= at) smallRow++
    const stored = at >> shiftY
    let other = stored
    let share: f32 = 0
    if (shiftY) {
      other = at & 1 ? min(chromaRows - 1, stored + 1) : max(0, stored - 1)
      share = 0.25
    }
    chromaRow(u + <usize>stored * uStride, u + <usize>other * uStride, step, chromaColumns, share, us)
    chromaRow(v + <usize>stored * vStride, v + <usize>other * vStride, step, chromaColumns, share, vs)
    pixelRow(y + <usize>at * yStride, us, vs, width, factors, pixels)
    filterRow(pixels, columns, columnWeights, size, filtered)
    let w = weights
    for (let index = row; index < size && load<i32>(rows + ((<usize>index) << 3)) <= at; index++) {
      const first = load<i32>(rows + ((<usize>index) << 3))
      const count = load<i32>(rows + ((<usize>index) << 3), 4)
      if (at < first + count)
        addRow(filtered, load<f32>(w + ((<usize>(at - first)) << 2)), size, out + <usize>(index * size) * V)
      w += (<usize>count) << 2
    }
    if (smallRow < smallHeight && load<i32>(smallRows + ((<usize>smallRow) << 3)) <= at) {
      sumRow(pixels, smallColumns, smallWidth, summed)
      for (let index = smallRow; index < smallHeight && load<i32>(smallRows + ((<usize>index) << 3)) <= at; index++) {
        addRow(summed, 1, smallWidth, small + <usize>(index * smallWidth) * V)
      }
    }
  }
}
