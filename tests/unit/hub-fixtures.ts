/** The tiny models of tests/fixtures/hub in Node: their files, and what PyTorch makes of them. */
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { inflateSync } from 'node:zlib'
import type { HubFiles } from '../../workers/language/hub/model'
import { type HubModel, recognise } from '../../workers/packs/hub/config'
import type { HubGraph } from '../../workers/packs/hub/graphs'
import { type HubPooling, visualCost, visualShape } from '../../workers/packs/hub/tokens'
import { clipRows } from '../../workers/vision/hub/pooling'
import { conversationIn, type HubCase, type HubReference, type Packed } from '../fixtures/hub-reference'

const folder = resolve(import.meta.dirname, '../fixtures/hub')
export const bytesOf = (family: string, path: string) => new Uint8Array(readFileSync(resolve(folder, family, path)))
export const jsonOf = (family: string, path: string) =>
  JSON.parse(readFileSync(resolve(folder, family, path), 'utf8')) as unknown
const optional = (family: string, path: string) =>
  existsSync(resolve(folder, family, path)) ? bytesOf(family, path) : undefined
export const graphOf = (family: string, part: string): HubGraph => ({
  bytes: bytesOf(family, `onnx/${part}.onnx`),
  beside: [],
})
export const referenceOf = (family: string) => jsonOf(family, 'reference.json') as HubReference

export const bytesIn = ({ deflated }: Packed) => new Uint8Array(inflateSync(Buffer.from(deflated, 'base64')))
export const floats = (packed: Packed) => new Float32Array(bytesIn(packed).slice().buffer)

export const modelOf = (family: string): HubModel =>
  recognise(family, {
    'config.json': jsonOf(family, 'config.json'),
    'preprocessor_config.json': jsonOf(family, 'preprocessor_config.json'),
    'processor_config.json': jsonOf(family, 'processor_config.json'),
  })

/** @param suffixes  of the decoder's file and of the embedding's, after their names */
export function filesOf(family: string, suffixes = { decoder: '', embedding: '' }): HubFiles {
  const paths = ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja', 'chat_template.json']
  return {
    decoder: graphOf(family, `decoder_model_merged${suffixes.decoder}`),
    embedding: graphOf(family, `embed_tokens${suffixes.embedding}`),
    tokenizer: Object.fromEntries(paths.map((path) => [path, optional(family, path)])),
  }
}

/** A case's clip, of PyTorch's own features. Throws where it does not cost what is said before the question. */
export function clipOf(model: HubModel, reference: HubReference, { frames, pooling }: HubCase) {
  const features = floats(reference.imageFeatures)
  const { tokensPerFrame: tokens } = reference
  const width = model.text.hiddenSize
  const size = tokens * width
  const rows = new Float32Array(frames.length * size)
  for (const [at, frame] of frames.entries()) rows.set(features.subarray(frame * size, (frame + 1) * size), at * size)
  const ours: HubPooling = pooling === 'none' ? 'own' : 'mean'
  const pooled = clipRows({ rows, frames: frames.length, tokens, width }, model.frames, ours)
  const cost = visualCost(visualShape(model, 'f32'), frames.length, ours)
  if (pooled.length !== cost.tokens * width) throw new Error(`${pooled.length / width} rows for ${cost.tokens} tokens`)
  // A clip of the references has a frame a second.
  const times = frames.map((_, at) => at)
  return { name: `${frames.join()}-${ours}`, times, pooling: ours, rows: pooled, tokens: cost.tokens }
}

export function conversationOf(model: HubModel, reference: HubReference, one: HubCase) {
  return { ...conversationIn(one), clip: clipOf(model, reference, one) }
}
