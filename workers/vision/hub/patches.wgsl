// Pictures [count, 3, size, size] into rows of patches [count, (size / side)², side · side · 3], as LFM2-VL's encoder
// reads them: patches row by row, inside a patch pixel by pixel, of each pixel its three channels.

override size: u32;
override side: u32;

@group(0) @binding(0) var<storage, read> pixels: array<f32>;
@group(0) @binding(1) var<storage, read_write> rows: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let at = id.x + id.y * groups.x * 64u;
  if (at >= arrayLength(&rows)) { return; }
  let across = size / side;
  let channel = at % 3u;
  let pixel = at / 3u;
  let inside = pixel % (side * side);
  let place = pixel / (side * side);
  let column = (place % across) * side + inside % side;
  let row = ((place / across) % across) * side + inside / side;
  let picture = place / (across * across);
  rows[at] = pixels[((picture * 3u + channel) * size + row) * size + column];
}
