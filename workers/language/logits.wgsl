// What a choice needs of rows of logits: the best of those not said, the logits of those said, and the mass of all not said.

struct Params {
  vocabulary: u32,
  count: u32,        // of the best that are kept
  length: u32,       // of a row that `select…` reads: logits, or candidates
  fromStride: u32,   // words from row to row
  toStride: u32,
  saidStride: u32,
  temperature: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> logits: array<f32>;   // [rows, vocabulary]
@group(0) @binding(2) var<storage, read> said: array<u32>;           // a row: how many, then their ids, each once
@group(0) @binding(3) var<storage, read> candidates: array<u32>;     // a row: (id, logit) …
@group(0) @binding(4) var<storage, read_write> to: array<u32>;       // the same; the last of all is the result (below)

// A row of the result: (id, logit) of the best, `count` of them; the logits of those said; last, the mass.

const lowest = -0x1.fffffep+127f;
const nobody = 0xffffffffu;
const chunk = 1024u;
const threads = 256u;

// Notes the logits of what was said and takes them out of the row.
@compute @workgroup_size(64)
fn takeSaid(@builtin(global_invocation_id) id: vec3u) {
  let row = id.y;
  if (id.x >= said[row * params.saidStride]) { return; }
  let at = row * params.vocabulary + said[row * params.saidStride + 1u + id.x];
  to[row * params.toStride + 2u * params.count + id.x] = bitcast<u32>(logits[at]);
  logits[at] = lowest;
}

var<workgroup> values: array<f32, chunk>;
var<workgroup> ids: array<u32, chunk>;

// Larger logits come first, equals by lower id: the choice of a loop over the row that keeps the first of equals.
fn precedes(a: u32, b: u32) -> bool {
  return values[a] > values[b] || (values[a] == values[b] && ids[a] < ids[b]);
}

// Bitonic sort (Batcher 1968) of the workgroup's chunk.
fn sortChunk(local: u32) {
  for (var size = 2u; size <= chunk; size <<= 1u) {
    for (var stride = size >> 1u; stride > 0u; stride >>= 1u) {
      workgroupBarrier();
      for (var pair = local; pair < chunk / 2u; pair += threads) {
        let low = 2u * pair - (pair & (stride - 1u));
        let high = low + stride;
        if (precedes(high, low) == ((low & size) == 0u)) {
          let value = values[low];
          let id = ids[low];
          values[low] = values[high];
          ids[low] = ids[high];
          values[high] = value;
          ids[high] = id;
        }
      }
    }
  }
  workgroupBarrier();
}

fn writeBest(local: u32, group: vec3u) {
  sortChunk(local);
  for (var at = local; at < params.count; at += threads) {
    let place = group.y * params.toStride + 2u * (group.x * params.count + at);
    to[place] = ids[at];
    to[place + 1u] = bitcast<u32>(values[at]);
  }
}

@compute @workgroup_size(threads)
fn selectLogits(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3u) {
  for (var at = local; at < chunk; at += threads) {
    let id = group.x * chunk + at;
    let value = select(lowest, logits[group.y * params.fromStride + min(id, params.length - 1u)], id < params.length);
    values[at] = value;
    // What was said, and what lies beyond the row, is nobody.
    ids[at] = select(nobody, id, value > lowest);
  }
  writeBest(local, group);
}

@compute @workgroup_size(threads)
fn selectCandidates(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3u) {
  for (var at = local; at < chunk; at += threads) {
    let entry = group.x * chunk + at;
    let place = group.y * params.fromStride + 2u * min(entry, params.length - 1u);
    values[at] = select(lowest, bitcast<f32>(candidates[place + 1u]), entry < params.length);
    ids[at] = select(nobody, candidates[place], entry < params.length);
  }
  writeBest(local, group);
}

var<workgroup> sums: array<f32, threads>;

// Sum of exp((logit - best) / temperature) over those not said, once the best is known.
@compute @workgroup_size(threads)
fn sumMass(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3u) {
  let best = bitcast<f32>(to[group.y * params.toStride + 1u]);
  var sum = 0f;
  for (var at = local; at < params.vocabulary; at += threads) {
    let exponent = (logits[group.y * params.vocabulary + at] - best) / params.temperature;
    // Less than 2e-35 each; beyond, exp may be anything.
    if (exponent > -80f) { sum += exp(exponent); }
  }
  sums[local] = sum;
  for (var half = threads / 2u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (local < half) { sums[local] += sums[local + half]; }
  }
  if (local == 0u) { to[(group.y + 1u) * params.toStride - 1u] = bitcast<u32>(sums[0]); }
}
