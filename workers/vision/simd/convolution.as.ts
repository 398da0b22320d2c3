/**
 * The convolutions of an image tower's trunk on 128-bit vectors (AssemblyScript). Everything is float32 in the module's own
 * memory, which the caller divides up; pointers are byte offsets. A picture lies as [height, width, channels], its channels a
 * multiple of 8: a vector then holds neighbouring channels of one pixel, a depthwise convolution needs no shuffles, and a
 * pointwise one is the product of two matrices.
 */

/** Bytes of a vector. */
const V: usize = 16
/** Bytes of the 8 output channels that are made of an input in one pass: one row of packed weights. */
const B: usize = 32
/** Bytes of input that a pass goes through before it is gone through for the next channels: they stay in the second-level cache. */
const TILE: usize = 192 * 1024

/** a * b + c; with relaxed SIMD the processor's fused product: one instruction, and rounded once. */
function madd(a: v128, b: v128, c: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? v128.relaxed_madd<f32>(a, b, c) : v128.add<f32>(v128.mul<f32>(a, b), c)
}

/** Adds what is at `residual` (0: nothing), clamps and writes a vector. */
function put(value: v128, residual: usize, out: usize, low: v128, high: v128): void {
  const sum = residual ? v128.add<f32>(value, v128.load(residual)) : value
  v128.store(out, v128.pmin<f32>(v128.pmax<f32>(sum, low), high))
}

/** Six pixels from x, 8 channels each: as many as there are registers for. `stride`, `wide`: bytes from pixel to pixel of x and of out. */
function sixPixels(
  x: usize,
  stride: usize,
  inputs: u32,
  w: usize,
  bias: usize,
  residual: usize,
  out: usize,
  wide: usize,
  low: v128,
  high: v128,
): void {
  let a0 = v128.load(bias)
  let b0 = v128.load(bias, V)
  let a1 = v128.load(bias)
  let b1 = v128.load(bias, V)
  let a2 = v128.load(bias)
  let b2 = v128.load(bias, V)
  let a3 = v128.load(bias)
  let b3 = v128.load(bias, V)
  let a4 = v128.load(bias)
  let b4 = v128.load(bias, V)
  let a5 = v128.load(bias)
  let b5 = v128.load(bias, V)
  const x1 = x + stride
  const x2 = x1 + stride
  const x3 = x2 + stride
  const x4 = x3 + stride
  const x5 = x4 + stride
  const end = x + ((<usize>inputs) << 2)
  for (let at = x, row = w; at < end; at += 4, row += B) {
    const left = v128.load(row)
    const right = v128.load(row, V)
    const ahead = at - x
    let one = v128.load_splat<f32>(at)
    a0 = madd(one, left, a0)
    b0 = madd(one, right, b0)
    one = v128.load_splat<f32>(x1 + ahead)
    a1 = madd(one, left, a1)
    b1 = madd(one, right, b1)
    one = v128.load_splat<f32>(x2 + ahead)
    a2 = madd(one, left, a2)
    b2 = madd(one, right, b2)
    one = v128.load_splat<f32>(x3 + ahead)
    a3 = madd(one, left, a3)
    b3 = madd(one, right, b3)
    one = v128.load_splat<f32>(x4 + ahead)
    a4 = madd(one, left, a4)
    b4 = madd(one, right, b4)
    one = v128.load_splat<f32>(x5 + ahead)
    a5 = madd(one, left, a5)
    b5 = madd(one, right, b5)
  }
  put(a0, residual, out, low, high)
  put(b0, residual ? residual + V : 0, out + V, low, high)
  out += wide
  residual = residual ? residual + wide : 0
  put(a1, residual, out, low, high)
  put(b1, residual ? residual + V : 0, out + V, low, high)
  out += wide
  residual = residual ? residual + wide : 0
  put(a2, residual, out, low, high)
  put(b2, residual ? residual + V : 0, out + V, low, high)
  out += wide
  residual = residual ? residual + wide : 0
  put(a3, residual, out, low, high)
  put(b3, residual ? residual + V : 0, out + V, low, high)
  out += wide
  residual = residual ? residual + wide : 0
  put(a4, residual, out, low, high)
  put(b4, residual ? residual + V : 0, out + V, low, high)
  out += wide
  residual = residual ? residual + wide : 0
  put(a5, residual, out, low, high)
  put(b5, residual ? residual + V : 0, out + V, low, high)
}

/** One pixel from x, 8 channels. */
function onePixel(
  x: usize,
  inputs: u32,
  w: usize,
  bias: usize,
  residual: usize,
  out: usize,
  low: v128,
  high: v128,
): void {
  let a0 = v128.load(bias)
  let b0 = v128.load(bias, V)
  const end = x + ((<usize>inputs) << 2)
  for (let at = x, row = w; at < end; at += 4, row += B) {
    const left = v128.load(row)
    const right = v128.load(row, V)
    const one = v128.load_splat<f32>(at)
    a0 = madd(one, left, a0)
    b0 = madd(one, right, b0)
  }
  put(a0, residual, out, low, high)
  put(b0, residual ? residual + V : 0, out + V, low, high)
}

/**
 * A pointwise convolution: out [pixels, outputs] = x [pixels, inputs] times the weights, plus bias [outputs] and, unless 0,
 * residual [pixels, outputs], clamped. weights: [outputs / 8, inputs, 8].
 */
export function pointwise(
  x: usize,
  weights: usize,
  bias: usize,
  residual: usize,
  out: usize,
  pixels: u32,
  inputs: u32,
  outputs: u32,
  least: f32,
  most: f32,
): void {
  const low = v128.splat<f32>(least)
  const high = v128.splat<f32>(most)
  const stride = (<usize>inputs) << 2
  const wide = (<usize>outputs) << 2
  const few = max<u32>(12, (<u32>(TILE / stride) / 12) * 12)
  for (let first: u32 = 0; first < pixels; first += few) {
    const last = min<u32>(pixels, first + few)
    for (let channel: usize = 0; channel < wide; channel += B) {
      const w = weights + channel * inputs
      const b = bias + channel
      let pixel = first
      let from = x + <usize>first * stride
      let to = <usize>first * wide + channel
      while (pixel + 6 <= last) {
        sixPixels(from, stride, inputs, w, b, residual ? residual + to : 0, out + to, wide, low, high)
        pixel += 6
        from += 6 * stride
        to += 6 * wide
      }
      // What is left over: the last six once more, which gives the same.
      if (pixel < last && last - first >= 6) {
        const back = <usize>(last - 6)
        to = back * wide + channel
        sixPixels(x + back * stride, stride, inputs, w, b, residual ? residual + to : 0, out + to, wide, low, high)
        pixel = last
      }
      while (pixel < last) {
        onePixel(from, inputs, w, b, residual ? residual + to : 0, out + to, low, high)
        pixel += 1
        from += stride
        to += wide
      }
    }
  }
}

/**
 * A depthwise convolution: every channel of x [height, width, channels] with its own kernel [size, size], `top` and `left` rows and
 * columns of zeros before the picture. weights: [size, size, channels]; out: [outHeight, outWidth, channels], clamped.
 */
export function depthwise(
  x: usize,
  weights: usize,
  bias: usize,
  out: usize,
  height: i32,
  width: i32,
  channels: u32,
  size: i32,
  stride: i32,
  top: i32,
  left: i32,
  outHeight: i32,
  outWidth: i32,
  least: f32,
  most: f32,
): void {
  const low = v128.splat<f32>(least)
  const high = v128.splat<f32>(most)
  const pixel = (<usize>channels) << 2
  for (let channel: usize = 0; channel < pixel; channel += B) {
    let to = out + channel
    for (let outY: i32 = 0; outY < outHeight; outY++) {
      const y = outY * stride - top
      const firstY = max(0, -y)
      const lastY = min(size, height - y)
      let outX: i32 = 0
      while (outX < outWidth) {
        const along = outX * stride - left
        // Four pixels share what is read of the weights where none of them looks beyond the picture.
        if (along >= 0 && outX + 4 <= outWidth && along + 3 * stride + size <= width) {
          const from = x + <usize>((y + firstY) * width + along) * pixel + channel
          const w = weights + <usize>(firstY * size) * pixel + channel
          fourPixels(
            from,
            w,
            bias + channel,
            to,
            pixel,
            <usize>width * pixel,
            lastY - firstY,
            size,
            <usize>stride * pixel,
            low,
            high,
          )
          outX += 4
          to += 4 * pixel
          continue
        }
        const firstX = max(0, -along)
        const count = min(size, width - along) - firstX
        let a = v128.load(bias + channel)
        let b = v128.load(bias + channel, V)
        for (let tapY = firstY; tapY < lastY; tapY++) {
          let from = x + <usize>((y + tapY) * width + along + firstX) * pixel + channel
          let w = weights + <usize>(tapY * size + firstX) * pixel + channel
          for (let tap: i32 = 0; tap < count; tap++) {
            a = madd(v128.load(from), v128.load(w), a)
            b = madd(v128.load(from, V), v128.load(w, V), b)
            from += pixel
            w += pixel
          }
        }
        put(a, 0, to, low, high)
        put(b, 0, to + V, low, high)
        outX += 1
        to += pixel
      }
    }
  }
}

/** Four neighbouring outputs of 8 channels. `pixel`, `row`: bytes from pixel to pixel and from row to row of x; `step`: from output to output. */
function fourPixels(
  x: usize,
  weights: usize,
  bias: usize,
  out: usize,
  pixel: usize,
  row: usize,
  rows: i32,
  size: i32,
  step: usize,
  low: v128,
  high: v128,
): void {
  let a0 = v128.load(bias)
  let b0 = v128.load(bias, V)
  let a1 = a0
  let a2 = a0
  let a3 = a0
  let b1 = b0
  let b2 = b0
  let b3 = b0
  let w = weights
  for (let tapY: i32 = 0; tapY < rows; tapY++) {
    let from = x
    for (let tap: i32 = 0; tap < size; tap++) {
      const left = v128.load(w)
      const right = v128.load(w, V)
      const second = from + step
      const third = second + step
      const fourth = third + step
      a0 = madd(v128.load(from), left, a0)
      b0 = madd(v128.load(from, V), right, b0)
      a1 = madd(v128.load(second), left, a1)
      b1 = madd(v128.load(second, V), right, b1)
      a2 = madd(v128.load(third), left, a2)
      b2 = madd(v128.load(third, V), right, b2)
      a3 = madd(v128.load(fourth), left, a3)
      b3 = madd(v128.load(fourth, V), right, b3)
      from += pixel
      w += pixel
    }
    x += row
  }
  put(a0, 0, out, low, high)
  put(b0, 0, out + V, low, high)
  put(a1, 0, out + pixel, low, high)
  put(b1, 0, out + pixel + V, low, high)
  put(a2, 0, out + 2 * pixel, low, high)
  put(b2, 0, out + 2 * pixel + V, low, high)
  put(a3, 0, out + 3 * pixel, low, high)
  put(b3, 0, out + 3 * pixel + V, low, high)
}

/**
 * What a convolution of `size` sees of x [channels, height, width] at each output pixel, so that it becomes a pointwise one:
 * out [outHeight * outWidth, channels * size * size], zeros outside of the picture.
 */
export function unfold(
  x: usize,
  out: usize,
  channels: i32,
  height: i32,
  width: i32,
  size: i32,
  stride: i32,
  top: i32,
  left: i32,
  outHeight: i32,
  outWidth: i32,
): void {
  for (let outY: i32 = 0; outY < outHeight; outY++) {
    for (let outX: i32 = 0; outX < outWidth; outX++) {
      for (let channel: i32 = 0; channel < channels; channel++) {
        for (let tapY: i32 = 0; tapY < size; tapY++) {
          const y = outY * stride - top + tapY
          for (let tapX: i32 = 0; tapX < size; tapX++) {
            const along = outX * stride - left + tapX
            const inside = y >= 0 && y < height && along >= 0 && along < width
            store<f32>(out, inside ? load<f32>(x + ((<usize>((channel * height + y) * width + along)) << 2)) : 0)
            out += 4
          }
        }
      }
    }
  }
}
