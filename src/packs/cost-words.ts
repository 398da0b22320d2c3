import { type HubPooling, type VisualShape, visualCost } from '../../workers/protocol'
import { formatBytes, formatNumber } from '../app/format'

/** What so many frames cost when they are pooled so, as the values of the sentences that tell it. */
export function costWords(visual: VisualShape, frames: number, pooling: HubPooling, language: string) {
  const { tokens, memory } = visualCost(visual, frames, pooling)
  return { tokens: formatNumber(tokens, language), size: formatBytes(memory, language) }
}
