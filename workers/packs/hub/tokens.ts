/** What a clip costs in tokens and memory, pooled as Valley does or in the family's own way; known before the question. Pure. */
import type { HubModel } from './config'

/** `own`: every frame's tokens, as the checkpoint was trained; else Valley's pooling over the frames, without training. */
export const hubPoolings = ['own', 'mean', 'importance'] as const
export type HubPooling = (typeof hubPoolings)[number]

export type VisualCost = {
  /** Positions that the clip's tokens take in the context; text around them not counted. */
  readonly tokens: number
  /** Bytes of keys and values of these positions. */
  readonly memory: number
}

/**
 * @param frames  of the clip that are looked at; 1 is a picture
 * @param kvBytes  a number in the cache: 4, or 2 where keys and values are float16
 */
export function visualCost(model: HubModel, frames: number, pooling: HubPooling, kvBytes: 2 | 4): VisualCost {
  const { ownGrid, featureGrid } = model.frames
  // A picture keeps all that the encoder says of it; a pooled clip is such a picture, and a token for each frame.
  const picture = featureGrid * featureGrid
  const tokens = frames === 1 ? picture : pooling === 'own' ? ownGrid * ownGrid * frames : picture + frames
  return { tokens, memory: tokens * positionBytes(model, kvBytes) }
}

/** Bytes that one position takes in the KV cache. Convolution layers keep a fixed few inputs instead. */
export function positionBytes({ text }: HubModel, kvBytes: 2 | 4): number {
  return 2 * text.attentionLayers.length * text.kvHeads * text.headDim * kvBytes
}
