// One frame into one slot of the encoder's input: turn, antialiased resize, crop, composite on white, clamp, normalise.
// reference/resample.ts is the same computation in TypeScript.
//
// A workgroup owns a TILE x TILE square of outputs. It walks down the source rows that the tile needs, TILE rows at a
// time: first every thread resizes one row horizontally for its column into shared memory, then every thread adds the
// rows to its own output. A source pixel is so read about twice instead of four times (its filters overlap).

struct Params {
  gamut: mat3x3f,       // linear light, destination to source primaries; used where undoGamut is 1
  mean: vec3f,
  undoGamut: u32,
  inverseStd: vec3f,
  slot: u32,
  resized: vec2f,       // size of the whole shown picture after resizing
  corner: vec2f,        // first kept pixel of it
  rotation: u32,        // clockwise degrees, before the flip
  flip: u32,
}

const TILE = 16u;
override size: u32;     // width and height of the encoder's input
override reach: u32 = 1u; // of the filter, in pixels of the coarser side: 1 triangle, 2 cubic, 3 Lanczos

@group(0) @binding(0) var frame: FRAME_TYPE;
@group(0) @binding(1) var<storage, read_write> pixels: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> strip: array<array<vec3f, TILE>, TILE>;

fn toLinear(v: vec3f) -> vec3f {
  let a = abs(v);
  return sign(v) * select(pow((a + 0.055) / 1.055, vec3f(2.4)), a / 12.92, a <= vec3f(0.04045));
}

fn fromLinear(v: vec3f) -> vec3f {
  let a = abs(v);
  return sign(v) * select(1.055 * pow(a, vec3f(1.0 / 2.4)) - 0.055, a * 12.92, a <= vec3f(0.0031308));
}

// Pixel (x, y) of the shown picture, on white, in [0, 1].
fn shownPixel(x: u32, y: u32, source: vec2u, shown: vec2u) -> vec3f {
  let across = select(x, shown.x - 1u - x, params.flip == 1u);
  var at = vec2u(across, y);
  switch params.rotation {
    case 90u: { at = vec2u(y, source.y - 1u - across); }
    case 180u: { at = source - 1u - at; }
    case 270u: { at = vec2u(source.x - 1u - y, across); }
    default: {}
  }
  let texel = FRAME_LOAD;
  var color = texel.rgb;
  if (params.undoGamut == 1u) { color = fromLinear(params.gamut * toLinear(color)); }
  return clamp(color + (1.0 - texel.a), vec3f(0), vec3f(1));
}

fn sinc(x: f32) -> f32 {
  let turn = 3.14159265 * x;
  return select(sin(turn) / turn, 1.0, x == 0.0);
}

// The weight of a source pixel for an output whose centre stands at `centre`; `spread` is how far the filter is widened.
fn filterWeight(index: u32, centre: f32, spread: f32) -> f32 {
  let d = abs(f32(index) + 0.5 - centre) / spread;
  if (reach == 1u) { return max(0.0, 1.0 - d); }
  if (d >= f32(reach)) { return 0.0; }
  if (reach == 3u) { return sinc(d) * sinc(d / 3.0); }
  return select(((-0.5 * d + 2.5) * d - 4.0) * d + 2.0, (1.5 * d - 2.5) * d * d + 1.0, d < 1.0);
}

@compute @workgroup_size(TILE, TILE)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let source = textureDimensions(frame);
  let shown = select(source, source.yx, params.rotation % 180u != 0u);
  let scale = vec2f(shown) / params.resized;
  let spread = max(scale, vec2f(1));
  let support = spread * f32(reach);
  let tileStart = tile.xy * TILE;
  let output = tileStart + local.xy;
  let centre = (vec2f(output) + params.corner + 0.5) * scale;

  let columnBegin = u32(max(0.0, floor(centre.x - support.x)));
  let columnEnd = min(shown.x, u32(max(0.0, ceil(centre.x + support.x))));
  let firstCentre = (f32(tileStart.y) + params.corner.y + 0.5) * scale.y;
  let lastCentre = firstCentre + f32(TILE - 1u) * scale.y;
  let rowBegin = u32(max(0.0, floor(firstCentre - support.y)));
  let rowEnd = min(shown.y, u32(max(0.0, ceil(lastCentre + support.y))));

  var sum = vec3f(0);
  var total = 0.0;
  for (var top = rowBegin; top < rowEnd; top += TILE) {
    let y = top + local.y;
    if (y < rowEnd) {
      var across = vec3f(0);
      var weights = 0.0;
      for (var x = columnBegin; x < columnEnd; x++) {
        let weight = filterWeight(x, centre.x, spread.x);
        across += weight * shownPixel(x, y, source, shown);
        weights += weight;
      }
      // A filter with negative lobes overshoots; Pillow cuts that off after either direction.
      strip[local.y][local.x] = clamp(across / max(weights, 1e-6), vec3f(0), vec3f(1));
    }
    workgroupBarrier();
    for (var k = 0u; k < min(TILE, rowEnd - top); k++) {
      let weight = filterWeight(top + k, centre.y, spread.y);
      sum += weight * strip[k][local.x];
      total += weight;
    }
    workgroupBarrier();
  }

  if (output.x >= size || output.y >= size) { return; }
  let value = (clamp(sum / max(total, 1e-6), vec3f(0), vec3f(1)) - params.mean) * params.inverseStd;
  let plane = size * size;
  let at = params.slot * 3u * plane + output.y * size + output.x;
  pixels[at] = value.r;
  pixels[at + plane] = value.g;
  pixels[at + 2u * plane] = value.b;
}
