// Pictures [count, 3, size, size] into rows of patches [count, (size / patch)², patch · patch · 3], as LFM2-VL's encoder
// reads them: patches row by row, inside a patch pixel by pixel, of each pixel its three channels.

override size: u32;
override patch: u32;

@group(0) @binding(0) var<storage, read> pixels: array<f32>;
@group(0) @binding(1) var<storage, read_write> rows: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let at = id.x + id.y * groups.x * 64u;
  if (at >= arrayLength(&rows)) { return; }
  let across = size / patch;
  let channel = at % 3u;
  let pixel = at / 3u;
  let inside = pixel % (patch * patch);
  let place = pixel / (patch * patch);
  let column = (place % across) * patch + inside % patch;
  let row = ((place / across) % across) * patch + inside / patch;
  let picture = place / (across * across);
  rows[at] = pixels[((picture * 3u + channel) * size + row) * size + column];
}
