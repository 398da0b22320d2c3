// out[row, column] = act(sum_k x[row, k] * weight[k, column] + bias[column]). A thread owns one column of four rows, so
// that a weight is read once for four products and neighbouring threads read neighbouring weights.

struct Shape {
  rows: u32,
  inner: u32,
  columns: u32,
  outRow: u32,   // first row of `out` that is written
  relu: u32,
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let column = id.x;
  if (column >= shape.columns) { return; }
  let row = id.y * 4u;
  let last = shape.rows - 1u;
  let base = min(vec4u(row, row + 1u, row + 2u, row + 3u), vec4u(last)) * shape.inner;
  var sum = vec4f(bias[column]);
  for (var k = 0u; k < shape.inner; k++) {
    let value = vec4f(x[base.x + k], x[base.y + k], x[base.z + k], x[base.w + k]);
    sum += value * weight[k * shape.columns + column];
  }
  if (shape.relu == 1u) { sum = max(sum, vec4f(0)); }
  for (var k = 0u; k < min(4u, shape.rows - row); k++) {
    out[(shape.outRow + row + k) * shape.columns + column] = sum[k];
  }
}
