/**
 * The paper's three ways to pool patch tokens over time (arXiv 2306.07207, section 3.2) in plain TypeScript: what the WASM
 * route runs and what the kernels are tested against. Each takes patches [T, P, width] and gives [P, width].
 */
import { ValleyError } from '../../protocol'
import { type PackTensors, requireTensor } from '../pack-tensors'
import { layerNorm, linear, linearTransposed, softmax } from './linear'

export type PoolingKind = 'mean' | 'importance' | 'delta'
export type PoolingShape = { readonly frames: number; readonly patches: number; readonly width: number }

/** Heads of the delta module's attention; the width must be a multiple. */
export const deltaHeads = 8

function poolReference(
  kind: PoolingKind,
  input: Float32Array,
  shape: PoolingShape,
  tensors: PackTensors,
): Float32Array<ArrayBuffer> {
  if (kind === 'importance') return importancePool(input, shape, tensors)
  if (kind === 'delta') return deltaPool(input, shape, tensors)
  return weightedSum(input, shape, new Array<number>(shape.frames).fill(1 / shape.frames))
}

/** v1 and the last step of v2: sum over time of weights[t] * input[t]. */
function weightedSum(input: Float32Array, { patches, width }: PoolingShape, weights: readonly number[]) {
  const frame = patches * width
  const out = new Float32Array(frame)
  for (const [t, weight] of weights.entries()) {
    for (let k = 0; k < frame; k++) out[k] = (out[k] as number) + weight * (input[t * frame + k] as number)
  }
  return out
}

/** v2: a linear score per frame over its flattened patches, softmax over time, weighted sum. */
function importancePool(input: Float32Array, shape: PoolingShape, tensors: PackTensors) {
  const frame = shape.patches * shape.width
  const weight = requireTensor(tensors, 'importance.weight', [1, frame]).data
  const bias = requireTensor(tensors, 'importance.bias', [1]).data
  return weightedSum(input, shape, softmax([...linearTransposed(input, weight, bias, frame)]))
}

/** v3: one transformer-encoder layer (post-norm, ReLU) over time per patch position; its last step is added to the mean. */
function deltaPool(input: Float32Array, shape: PoolingShape, tensors: PackTensors) {
  const { frames, patches, width } = shape
  const get = (name: string) => requireTensor(tensors, `delta.${name}`).data
  const positioned = addPositions(input, shape)
  const qkv = linearTransposed(positioned, get('in_proj_weight'), get('in_proj_bias'), width)
  const attended = linearTransposed(attendLastStep(qkv, shape), get('out_proj.weight'), get('out_proj.bias'), width)
  const lastStep = positioned.subarray((frames - 1) * patches * width)
  const first = layerNorm(plus(lastStep, attended), get('norm1.weight'), get('norm1.bias'))
  const hidden = linearTransposed(first, get('linear1.weight'), get('linear1.bias'), width).map((v) => Math.max(0, v))
  const out = linearTransposed(hidden, get('linear2.weight'), get('linear2.bias'), get('linear1.bias').length)
  const last = layerNorm(plus(first, out), get('norm2.weight'), get('norm2.bias'))
  return plus(last, weightedSum(input, shape, new Array<number>(frames).fill(1 / frames)))
}

const plus = (a: Float32Array, b: Float32Array) => Float32Array.from(a, (value, k) => value + (b[k] as number))

/** Sinusoidal position of channel k at step t (Attention Is All You Need, section 3.5). */
export function sinusoid(t: number, k: number, width: number): number {
  const rate = Math.exp((k - (k % 2)) * (-Math.log(10000) / width))
  return k % 2 === 0 ? Math.sin(t * rate) : Math.cos(t * rate)
}

function addPositions(input: Float32Array, { patches, width }: PoolingShape) {
  return Float32Array.from(
    input,
    (value, at) => value + sinusoid(Math.floor(at / (patches * width)), at % width, width),
  )
}

/** Multi-head attention of the last time step over all steps. qkv [T, P, 3 * width] gives [P, width]. */
function attendLastStep(qkv: Float32Array, { frames, patches, width }: PoolingShape): Float32Array<ArrayBuffer> {
  const headWidth = width / deltaHeads
  if (!Number.isInteger(headWidth)) {
    throw new ValleyError('pack-invalid', {
      path: 'pooling',
      problems: [`${width} is no multiple of ${deltaHeads} heads`],
    })
  }
  const out = new Float32Array(patches * width)
  const row = (t: number, p: number) => (t * patches + p) * 3 * width
  for (let p = 0; p < patches; p++) {
    for (let channel = 0; channel < width; channel += headWidth) {
      const query = row(frames - 1, p) + channel
      const scores = Array.from({ length: frames }, (_, t) => {
        const key = row(t, p) + width + channel
        let dot = 0
        for (let k = 0; k < headWidth; k++) dot += (qkv[query + k] as number) * (qkv[key + k] as number)
        return dot / Math.sqrt(headWidth)
      })
      for (const [t, weight] of softmax(scores).entries()) {
        const value = row(t, p) + 2 * width + channel
        for (let k = 0; k < headWidth; k++) {
          const at = p * width + channel + k
          out[at] = (out[at] as number) + weight * (qkv[value + k] as number)
        }
      }
    }
  }
  return out
}

/**
 * Z = pooled patches ++ one global vector a frame, through the projector: patch tokens [P, H] and frame tokens [T, H].
 * `side` says whether pooling stands before or after the projector.
 */
export function visualTokensReference(
  patches: Float32Array,
  cls: Float32Array,
  shape: PoolingShape,
  pooling: { readonly kind: PoolingKind; readonly side: 'before-projector' | 'after-projector' },
  tensors: PackTensors,
): { patchTokens: Float32Array<ArrayBuffer>; frameTokens: Float32Array<ArrayBuffer> } {
  const { data: weight } = requireTensor(tensors, 'weight')
  const { data: bias } = requireTensor(tensors, 'bias')
  const project = (x: Float32Array) => linear(x, weight, bias, shape.width)
  const frameTokens = project(cls)
  if (pooling.side === 'before-projector') {
    return { patchTokens: project(poolReference(pooling.kind, patches, shape, tensors)), frameTokens }
  }
  const projected = { ...shape, width: bias.length }
  return { patchTokens: poolReference(pooling.kind, project(patches), projected, tensors), frameTokens }
}
