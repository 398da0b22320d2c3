/**
 * A clip's tokens out of what a hub's vision encoder says of its frames. Valley's pooling (arXiv 2306.07207), here without
 * any training: patches over time, then one token a frame. Or the family's own way: every frame's tokens.
 */
import type { HubFrames } from '../../packs/hub/config'
import type { HubPooling } from '../../packs/hub/tokens'

/** Features of T frames, each [tokens, width] row-major: those of one frame after the other. */
export type FrameFeatures = {
  readonly rows: Float32Array<ArrayBuffer>
  readonly frames: number
  /** Of one frame, CLS included where there is one. */
  readonly tokens: number
  readonly width: number
}

/**
 * The rows that stand for a clip, [visualCost(...).tokens, width], in the order of the prompt's image tokens.
 * @param importance  of each frame, for pooling by importance; sums to 1
 */
export function clipRows(
  features: FrameFeatures,
  shape: Pick<HubFrames, 'featureGrid' | 'ownGrid' | 'cls'>,
  pooling: HubPooling,
  importance?: Float64Array,
): Float32Array<ArrayBuffer> {
  const { patches, cls } = withoutCls(features, shape.cls)
  // A picture has nothing to pool, and keeps all that the encoder says of it.
  if (features.frames === 1) return patches.rows
  const { featureGrid, ownGrid } = shape
  if (pooling === 'own') return ownGrid < featureGrid ? shrink(patches, featureGrid, ownGrid).rows : patches.rows
  const weights = pooling === 'importance' ? importance : undefined
  return concatenate(overTime(patches, weights), cls ?? frameMeans(patches))
}

/** Patches, and the vectors that stand for whole frames [frames, width]; null where the tower has none. */
function withoutCls(features: FrameFeatures, has: boolean) {
  const { rows, frames, tokens, width } = features
  if (!has) return { patches: features, cls: null }
  const cls = new Float32Array(frames * width)
  const rest = new Float32Array(frames * (tokens - 1) * width)
  for (let frame = 0; frame < frames; frame++) {
    const from = frame * tokens * width
    cls.set(rows.subarray(from, from + width), frame * width)
    rest.set(rows.subarray(from + width, from + tokens * width), frame * (tokens - 1) * width)
  }
  return { patches: { rows: rest, frames, tokens: tokens - 1, width }, cls }
}

/** [tokens, width]: the weighted sum of each patch over time; the mean where there are no weights. */
function overTime({ rows, frames, tokens, width }: FrameFeatures, weights?: Float64Array): Float32Array<ArrayBuffer> {
  const size = tokens * width
  const pooled = new Float32Array(size)
  for (let at = 0; at < size; at++) {
    let sum = 0
    for (let frame = 0; frame < frames; frame++)
      sum += (weights?.[frame] ?? 1 / frames) * (rows[frame * size + at] ?? 0)
    pooled[at] = sum
  }
  return pooled
}

/** [frames, width]: the mean of each frame's patches. */
export function frameMeans({ rows, frames, tokens, width }: FrameFeatures): Float32Array<ArrayBuffer> {
  const means = new Float32Array(frames * width)
  for (let frame = 0; frame < frames; frame++) {
    for (let channel = 0; channel < width; channel++) {
      let sum = 0
      for (let token = 0; token < tokens; token++) sum += rows[(frame * tokens + token) * width + channel] ?? 0
      means[frame * width + channel] = sum / tokens
    }
  }
  return means
}

/** A vector of length 1 for each frame: its CLS where the tower has one, else the mean of its patches. */
export function frameVectors(features: FrameFeatures, shape: Pick<HubFrames, 'cls'>): Float32Array<ArrayBuffer>[] {
  const { patches, cls } = withoutCls(features, shape.cls)
  const { frames, width } = features
  const vectors = cls ?? frameMeans(patches)
  return Array.from({ length: frames }, (_, frame) => {
    const vector = vectors.slice(frame * width, (frame + 1) * width)
    const length = Math.hypot(...vector)
    return length > 0 ? vector.map((value) => value / length) : vector
  })
}

/**
 * How much each frame counts, without a question: softmax over how unlike the frames' mean it is, so that what is seen once
 * is not drowned by what is seen all the time. With one (its tokens' mean embedding): over how like the question it is.
 * Cosines divided by `temperature`.
 */
export function frameImportance(
  features: FrameFeatures,
  question: Float32Array | null,
  temperature = 0.1,
): Float64Array {
  const { frames, width } = features
  const vectors = frameMeans(features)
  const mean = new Float32Array(width)
  for (let frame = 0; frame < frames; frame++) {
    for (let channel = 0; channel < width; channel++)
      mean[channel] = (mean[channel] ?? 0) + (vectors[frame * width + channel] ?? 0) / frames
  }
  const scores = Float64Array.from({ length: frames }, (_, frame) => {
    const own = vectors.subarray(frame * width, (frame + 1) * width)
    return (question ? cosine(own, question) : -cosine(own, mean)) / temperature
  })
  const top = Math.max(...scores)
  const raised = scores.map((score) => Math.exp(score - top))
  const total = raised.reduce((sum, value) => sum + value, 0)
  return raised.map((value) => value / total)
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, ofA, ofB] = [0, 0, 0]
  for (let at = 0; at < a.length; at++) {
    const [x, y] = [a[at] ?? 0, b[at] ?? 0]
    dot += x * y
    ofA += x * x
    ofB += y * y
  }
  return dot / Math.max(Math.sqrt(ofA * ofB), 1e-12)
}

/**
 * Each frame's `grid` x `grid` features to `half` x `half` of them, bilinear without antialiasing: transformers'
 * LlavaOnevisionModel.apply_pooling, which is torch's interpolate with align_corners false.
 */
function shrink({ rows, frames, width }: FrameFeatures, grid: number, half: number): FrameFeatures {
  const scale = grid / half
  const places = Array.from({ length: half }, (_, index) => {
    const at = Math.max(0, (index + 0.5) * scale - 0.5)
    const low = Math.min(grid - 1, Math.floor(at))
    return { low, high: Math.min(grid - 1, low + 1), share: at - low }
  })
  const out = new Float32Array(frames * half * half * width)
  for (let frame = 0; frame < frames; frame++) {
    for (const [y, row] of places.entries()) {
      for (const [x, column] of places.entries()) {
        const cell = (r: number, c: number) => ((frame * grid + r) * grid + c) * width
        const corners = [
          cell(row.low, column.low),
          cell(row.low, column.high),
          cell(row.high, column.low),
          cell(row.high, column.high),
        ]
        const shares = [
          (1 - row.share) * (1 - column.share),
          (1 - row.share) * column.share,
          row.share * (1 - column.share),
          row.share * column.share,
        ]
        const target = ((frame * half + y) * half + x) * width
        for (let channel = 0; channel < width; channel++) {
          let sum = 0
          for (const [corner, from] of corners.entries()) sum += (shares[corner] ?? 0) * (rows[from + channel] ?? 0)
          out[target + channel] = sum
        }
      }
    }
  }
  return { rows: out, frames, tokens: half * half, width }
}

function concatenate(a: Float32Array, b: Float32Array): Float32Array<ArrayBuffer> {
  const both = new Float32Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}
