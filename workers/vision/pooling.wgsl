// The steps of the three pooling modules over patches [frames, patches, width]; pooling.ts strings them together and
// reference/pooling.ts is the same in TypeScript.

struct Shape {
  frames: u32,
  patches: u32,
  width: u32,
  heads: u32,
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> c: array<f32>;
@group(0) @binding(4) var<storage, read> d: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

const LANES = 128u;
var<workgroup> partial: array<f32, LANES>;

// Sum over the workgroup; every thread gets it.
fn total(lane: u32, value: f32) -> f32 {
  workgroupBarrier();
  partial[lane] = value;
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (lane < step) { partial[lane] += partial[lane + step]; }
  }
  workgroupBarrier();
  return partial[0];
}

// out[k] = sum over frames of b[t] * a[t, k]: mean pooling where b holds 1 / T, importance where it holds its weights.
@compute @workgroup_size(64)
fn weightedSum(@builtin(global_invocation_id) id: vec3u) {
  let frame = shape.patches * shape.width;
  if (id.x >= frame) { return; }
  var sum = 0.0;
  for (var t = 0u; t < shape.frames; t++) { sum += b[t] * a[t * frame + id.x]; }
  out[id.x] = sum;
}

// out[t] = b . a[t] + c[0], a workgroup a frame.
@compute @workgroup_size(LANES)
fn score(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let frame = shape.patches * shape.width;
  var sum = 0.0;
  for (var k = lane; k < frame; k += LANES) { sum += b[k] * a[group.x * frame + k]; }
  sum = total(lane, sum);
  if (lane == 0u) { out[group.x] = sum + c[0]; }
}

// out = softmax(a[0 .. frames]); T is small, so one thread does it.
@compute @workgroup_size(1)
fn softmaxFrames() {
  var top = a[0];
  for (var t = 1u; t < shape.frames; t++) { top = max(top, a[t]); }
  var sum = 0.0;
  for (var t = 0u; t < shape.frames; t++) { sum += exp(a[t] - top); }
  for (var t = 0u; t < shape.frames; t++) { out[t] = exp(a[t] - top) / sum; }
}

// out[t, p, k] = a[t, p, k] + b[t, k]: b is the table of sinusoidal positions.
@compute @workgroup_size(64)
fn addPositions(@builtin(global_invocation_id) id: vec3u) {
  let frame = shape.patches * shape.width;
  if (id.x >= frame) { return; }
  let at = id.y * frame + id.x;
  out[at] = a[at] + b[id.y * shape.width + id.x % shape.width];
}

// Attention of the last step over all: a is [frames, patches, query | key | value], out is [patches, width]. A thread
// owns one channel of one patch and keeps a running softmax, so that no scores are stored.
@compute @workgroup_size(64)
fn attendLastStep(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= shape.patches * shape.width) { return; }
  let patchIndex = id.x / shape.width;
  let channel = id.x % shape.width;
  let headWidth = shape.width / shape.heads;
  let head = channel / headWidth * headWidth;
  let scale = inverseSqrt(f32(headWidth));
  let query = ((shape.frames - 1u) * shape.patches + patchIndex) * 3u * shape.width + head;
  var top = -3.4e38;
  var weights = 0.0;
  var sum = 0.0;
  for (var t = 0u; t < shape.frames; t++) {
    let row = (t * shape.patches + patchIndex) * 3u * shape.width;
    var dot = 0.0;
    for (var k = 0u; k < headWidth; k++) { dot += a[query + k] * a[row + shape.width + head + k]; }
    let logit = dot * scale;
    let newTop = max(top, logit);
    let kept = exp(top - newTop);
    let weight = exp(logit - newTop);
    weights = weights * kept + weight;
    sum = sum * kept + weight * a[row + 2u * shape.width + channel];
    top = newTop;
  }
  out[id.x] = sum / weights;
}

// Row r of out = layerNorm(a[r] + b[r]) * c + d, a workgroup a row of `width`.
@compute @workgroup_size(LANES)
fn addAndNormalise(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let base = group.x * shape.width;
  var sum = 0.0;
  for (var k = lane; k < shape.width; k += LANES) { sum += a[base + k] + b[base + k]; }
  let mean = total(lane, sum) / f32(shape.width);
  var squares = 0.0;
  for (var k = lane; k < shape.width; k += LANES) {
    let off = a[base + k] + b[base + k] - mean;
    squares += off * off;
  }
  let inverse = inverseSqrt(total(lane, squares) / f32(shape.width) + 1e-5);
  for (var k = lane; k < shape.width; k += LANES) {
    out[base + k] = (a[base + k] + b[base + k] - mean) * inverse * c[k] + d[k];
  }
}

// out = a + b over [patches, width].
@compute @workgroup_size(64)
fn add(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < shape.patches * shape.width) { out[id.x] = a[id.x] + b[id.x]; }
}
