// Raw planes of any pixel format to an RGBA texture with premultiplied alpha; reference/planes.ts is the same.

struct Params {
  matrix: mat3x3f,
  bias: vec3f,
  packing: u32,         // 0 rgba, 1 bgra, 2 three planes, 3 luma + interleaved chroma
  offsets: vec4u,       // in bytes
  strides: vec4u,
  size: vec2u,
  shift: vec2u,         // 1 where chroma has half of luma's samples, else 0
  alphaPlane: u32,      // 4: no alpha
  sampleBytes: u32,     // 1 or 2
  largest: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> words: array<u32>;
@group(0) @binding(2) var image: texture_storage_2d<rgba8unorm, write>;

fn sample(plane: u32, x: u32, y: u32) -> f32 {
  let at = params.offsets[plane] + y * params.strides[plane] + x * params.sampleBytes;
  let word = words[at / 4u] >> (8u * (at % 4u));
  return f32(select(word & 0xffffu, word & 0xffu, params.sampleBytes == 1u)) / params.largest;
}

fn chromaSample(x: u32, y: u32) -> vec2f {
  if (params.packing == 3u) { return vec2f(sample(1u, 2u * x, y), sample(1u, 2u * x + 1u, y)); }
  return vec2f(sample(1u, x, y), sample(2u, x, y));
}

// Chroma lies midway between the luma samples it belongs to and is interpolated, as external textures do it.
fn chroma(at: vec2u) -> vec2f {
  let last = vec2f((params.size + params.shift) >> params.shift) - 1.0;
  let position = clamp((vec2f(at) + 0.5) / vec2f(1u + params.shift) - 0.5, vec2f(0), last);
  let near = vec2u(position);
  let far = min(near + 1u, vec2u(last));
  let part = fract(position);
  let top = mix(chromaSample(near.x, near.y), chromaSample(far.x, near.y), part.x);
  let bottom = mix(chromaSample(near.x, far.y), chromaSample(far.x, far.y), part.x);
  return mix(top, bottom, part.y);
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (any(id.xy >= params.size)) { return; }
  var color: vec3f;
  var alpha = 1.0;
  if (params.packing < 2u) {
    let at = 4u * id.x;
    color = vec3f(sample(0u, at, id.y), sample(0u, at + 1u, id.y), sample(0u, at + 2u, id.y));
    if (params.packing == 1u) { color = color.bgr; }
    if (params.alphaPlane < 4u) { alpha = sample(0u, at + 3u, id.y); }
  } else {
    let uv = chroma(id.xy);
    color = params.matrix * vec3f(sample(0u, id.x, id.y), uv) + params.bias;
    if (params.alphaPlane < 4u) { alpha = sample(params.alphaPlane, id.x, id.y); }
  }
  textureStore(image, id.xy, vec4f(clamp(color, vec3f(0), vec3f(1)) * alpha, alpha));
}
