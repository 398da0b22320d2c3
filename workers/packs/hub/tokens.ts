/** What a clip costs in tokens and memory, pooled as Valley does or in the family's own way; known before the question. Pure. */
import type { HubModel } from './config'
import type { HubPrecision } from './precision'

/** `own`: every frame's tokens, as the checkpoint was trained; else Valley's pooling over the frames, without training. */
export const hubPoolings = ['own', 'mean', 'importance'] as const
export type HubPooling = (typeof hubPoolings)[number]

/** What the cost of a picture or a clip is told from. */
export type VisualShape = {
  /** Tokens of a picture, and of all frames of a clip pooled into one. */
  readonly pictureTokens: number
  /** Tokens of one frame of a clip in the family's own way. */
  readonly ownTokens: number
  /** Bytes that a token takes in the KV cache. */
  readonly tokenBytes: number
}

export type VisualCost = {
  /** Positions that the clip's tokens take in the context; text around them not counted. */
  readonly tokens: number
  /** Bytes of keys and values of these positions. */
  readonly memory: number
}

export function visualShape(model: HubModel, decoder: HubPrecision): VisualShape {
  const { ownGrid, featureGrid } = model.frames
  const tokenBytes = positionBytes(model, kvBytesOf(decoder))
  return { pictureTokens: featureGrid * featureGrid, ownTokens: ownGrid * ownGrid, tokenBytes }
}

/** @param frames  of the clip that are looked at; 1 is a picture */
export function visualCost(shape: VisualShape, frames: number, pooling: HubPooling): VisualCost {
  const { pictureTokens, ownTokens, tokenBytes } = shape
  // A picture keeps all that the encoder says of it; a pooled clip is such a picture, and a token for each frame.
  const tokens = frames === 1 ? pictureTokens : pooling === 'own' ? ownTokens * frames : pictureTokens + frames
  return { tokens, memory: tokens * tokenBytes }
}

/** Bytes of a number in the cache: graphs with 16-bit weights take and give 16-bit keys and values. */
export const kvBytesOf = (decoder: HubPrecision): 2 | 4 => (decoder === 'f16' || decoder === 'q4f16' ? 2 : 4)

/** Bytes that one position takes in the KV cache. Convolution layers keep a fixed few inputs instead. */
export function positionBytes({ text }: HubModel, kvBytes: 2 | 4): number {
  return 2 * text.attentionLayers.length * text.kvHeads * text.headDim * kvBytes
}
