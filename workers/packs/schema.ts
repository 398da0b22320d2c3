/**
 * The two manifests as data: pack.json (what a model adds) and base.json (the decoder that packs share), checked at the
 * door. Sizes and offsets are checked against each other here, so that later code may slice without looking.
 */
import { z } from 'zod'
import { type GraphFlavour, graphFlavours } from '../protocol'

// zod's compiled parsers need eval, which our Content-Security-Policy forbids.
z.config({ jitless: true })

const count = z.int().positive()
const offset = z.int().nonnegative()
/** Relative to the manifest that lists it: no scheme, no host, no absolute path. */
const relativePath = z.string().regex(/^(?!\/)(?![a-z][a-z0-9+.-]*:)[^\\?#]+$/i, 'must be a relative path')

export const fileEntry = z.object({
  path: relativePath,
  bytes: count,
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits'),
})

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)
const channels = z.tuple([z.number(), z.number(), z.number()])

const tower = z
  .object({
    file: fileEntry,
    inputSize: count,
    resize: z.enum(['squash', 'center-crop']),
    resizeShortSide: count.optional(),
    filter: z.literal('bilinear-antialias'),
    mean: channels,
    std: channels,
    gridTokens: count,
    width: count,
    patchesOutput: z.string(),
    clsOutput: z.string(),
    embeddingOutput: z.string().optional(),
    embeddingSize: count.optional(),
  })
  .refine(({ embeddingOutput, embeddingSize }) => (embeddingOutput === undefined) === (embeddingSize === undefined), {
    error: 'embeddingOutput and embeddingSize come together',
  })

/** The text half of the CLIP: a graph from token ids to vectors that compare with the tower's embedding. */
const textTower = z.object({
  file: fileEntry,
  tokenizer: fileEntry,
  tokenizerConfig: fileEntry,
  embeddingSize: count,
  maxTokens: count,
})

/** Captions with their CLIP vectors, from which a prompt quotes those nearest to the clip. */
const captionStore = z
  .object({
    texts: fileEntry,
    vectors: fileEntry,
    count,
    size: count,
    scale: z.number().positive(),
    quotes: count,
    /** Nearest to the mean of all frames, or of each part of a clip, in time order and said to be so. */
    quoteBy: z.enum(['clip', 'time']).default('clip'),
    intro: z.string(),
    licence: z.string(),
    source: z.string(),
  })
  .refine(({ vectors, count, size }) => vectors.bytes === count * size, {
    error: 'vectors must hold count x size bytes',
    path: ['vectors'],
  })

const projector = z
  .object({
    file: fileEntry,
    inputSize: count,
    outputSize: count,
    tensors: z.array(z.object({ name: z.string(), shape: z.array(count), offset })),
  })
  .check(({ value, issues }) => {
    for (const { name, shape, offset } of value.tensors) {
      if (offset % 4 === 0 && offset + 4 * product(shape) <= value.file.bytes) continue
      issues.push({ code: 'custom', message: `tensor ${name} lies outside the file`, input: offset, path: ['tensors'] })
    }
    for (const name of ['weight', 'bias']) {
      if (value.tensors.some((tensor) => tensor.name === name)) continue
      issues.push({ code: 'custom', message: `tensor ${name} is missing`, input: name, path: ['tensors'] })
    }
    const markers = value.tensors.find(({ name }) => name === 'markers')?.shape
    if (markers && String(markers) !== String([4, value.outputSize])) {
      issues.push({ code: 'custom', message: 'markers must be [4, outputSize]', input: markers, path: ['tensors'] })
    }
    const times = value.tensors.find(({ name }) => name === 'times')?.shape
    if (times && (times.length !== 2 || (times[0] ?? 0) < 2 || times[1] !== value.outputSize)) {
      issues.push({ code: 'custom', message: 'times must be [2 or more, outputSize]', input: times, path: ['tensors'] })
    }
  })

const adapter = z
  .object({
    file: fileEntry,
    rank: count,
    alpha: z.number().positive(),
    tensors: z.array(
      z.object({
        name: z.string(),
        aShape: z.tuple([count, count]),
        aOffset: offset,
        bShape: z.tuple([count, count]),
        bOffset: offset,
      }),
    ),
  })
  .check(({ value, issues }) => {
    for (const { name, aShape, aOffset, bShape, bOffset } of value.tensors) {
      const inside = Math.max(aOffset + 2 * product(aShape), bOffset + 2 * product(bShape)) <= value.file.bytes
      if (inside && aOffset % 2 === 0 && bOffset % 2 === 0 && aShape[0] === bShape[1]) continue
      issues.push({ code: 'custom', message: `adapter of ${name} is malformed`, input: name, path: ['tensors'] })
    }
  })

/** What an int8 graph's activations are divided by and its matrices multiplied by, place by place (smoothing.ts). */
const smoothing = z
  .object({
    file: fileEntry,
    sites: z.array(z.object({ divided: z.array(z.string()), multiplied: z.array(z.string()), size: count, offset })),
  })
  .check(({ value, issues }) => {
    for (const { multiplied, size, offset } of value.sites) {
      if (offset % 2 === 0 && offset + 2 * size <= value.file.bytes) continue
      issues.push({
        code: 'custom',
        message: `smoothing of ${multiplied} is malformed`,
        input: offset,
        path: ['sites'],
      })
    }
  })

const packObject = z.object({
  formatVersion: z.literal(1),
  id: z.string().min(1),
  version: z.string(),
  name: z.string(),
  languages: z.array(z.string()).min(1),
  licence: z.string(),
  base: relativePath,
  tower,
  pooling: z.object({
    kind: z.enum(['mean', 'importance', 'delta']),
    side: z.enum(['before-projector', 'after-projector']),
    /** `clips`: an image is its patches alone, as a model reads it that never saw a frame token. */
    frameTokens: z.enum(['always', 'clips']).default('always'),
  }),
  projector,
  adapter: adapter.nullable(),
  smoothing: smoothing.optional(),
  textTower: textTower.optional(),
  captionStore: captionStore.optional(),
  sampling: z
    .object({ minFrames: count, maxFrames: count, defaultFrames: count, framesPerSecond: z.number().positive() })
    .refine(({ minFrames, defaultFrames, maxFrames }) => minFrames <= defaultFrames && defaultFrames <= maxFrames, {
      error: 'minFrames <= defaultFrames <= maxFrames must hold',
    }),
  prompt: z.object({
    system: z.string(),
    describeImage: z.string(),
    describeVideo: z.string(),
    /** A question of two things is followed by which of them the frames show first (src/moments/phrase-order.ts). */
    tellsOrder: z.boolean().default(false),
  }),
  generation: z.object({
    maxNewTokens: count,
    temperature: z.number().nonnegative(),
    topP: z.number().positive().max(1),
    repetitionPenalty: z.number().positive(),
    beams: count.max(3).default(1),
    lengthPenalty: z.number().nonnegative().default(1),
  }),
  contextTokens: z.object({ wasm: count, webgpu: count }),
  totals: z.object({ bytes: count }),
})

export const packSchema = packObject.check(({ value, issues }) => {
  const { tower, textTower, captionStore } = value
  // Vectors are compared by dot product: all three must come from one space.
  for (const [part, size] of [
    ['textTower', textTower?.embeddingSize],
    ['captionStore', captionStore?.size],
  ] as const) {
    if (size === undefined || size === tower.embeddingSize) continue
    const message = `${part} has vectors of ${size}, the tower of ${tower.embeddingSize ?? 'none'}`
    issues.push({ code: 'custom', message, input: size, path: [part] })
  }
})

/** Bytes of one block of `weights` consecutive weights, by GGUF type. */
export const ggufBlocks = {
  Q4_0: { weights: 32, bytes: 18 },
  Q4_1: { weights: 32, bytes: 20 },
  Q8_0: { weights: 32, bytes: 34 },
  F32: { weights: 1, bytes: 4 },
  F16: { weights: 1, bytes: 2 },
} as const

const baseTensor = z
  .object({
    name: z.string(),
    type: z.enum(['Q4_0', 'Q4_1', 'Q8_0', 'F32', 'F16']),
    shape: z.array(count).min(1).max(2),
    shard: z.int().nonnegative(),
    offset,
    bytes: count,
  })
  .check(({ value, issues }) => {
    const block = ggufBlocks[value.type]
    const row = value.shape.at(-1) ?? 0
    if (row % block.weights === 0 && value.bytes === (product(value.shape) / block.weights) * block.bytes) return
    issues.push({ code: 'custom', message: `${value.name}: bytes do not fit type and shape`, input: value.bytes })
  })

/** One initializer of a graph, stored in its external-data file. `k`/`n`: the matrix is [K,N]; absent for vectors. */
const layoutEntry = z.object({
  name: z.string(),
  form: z.enum([
    'int8-kn',
    'int8-scale-f32',
    'q8-nk',
    'q8-scale-f32',
    'q8-scale-f16',
    'q4-nk',
    'q4-scale-f16',
    'f32-kn',
    'f32',
    'f16',
  ]),
  sources: z.array(z.string()).min(1),
  k: count.optional(),
  n: count.optional(),
  offset,
  bytes: count,
})

const graph = z
  .object({ file: fileEntry, externalData: z.string(), bytes: count, tensors: z.array(layoutEntry).min(1) })
  .check(({ value, issues }) => {
    for (const { name, offset, bytes } of value.tensors) {
      if (offset + bytes <= value.bytes) continue
      issues.push({
        code: 'custom',
        message: `${name} lies outside the external data`,
        input: offset,
        path: ['tensors'],
      })
    }
  })

export const baseSchema = z
  .object({
    formatVersion: z.literal(1),
    id: z.string().min(1),
    licence: z.string(),
    source: z.string(),
    architecture: z.object({
      hiddenSize: count,
      layers: count,
      heads: count,
      kvHeads: count,
      headDim: count,
      intermediateSize: count,
      vocabSize: count,
      ropeTheta: z.number().positive(),
      rmsNormEps: z.number().positive(),
      maxPositions: count,
    }),
    files: z.object({ weights: z.array(fileEntry).min(1), tokenizer: fileEntry, tokenizerConfig: fileEntry }),
    tensors: z.array(baseTensor).min(1),
    embedding: z.string(),
    graphs: z.partialRecord(z.enum(graphFlavours), graph),
  })
  .check(({ value, issues }) => {
    const names = new Set(value.tensors.map((tensor) => tensor.name))
    const report = (message: string) => issues.push({ code: 'custom', message, input: undefined })
    for (const { name, shard, offset, bytes } of value.tensors) {
      const file = value.files.weights[shard]
      if (!file || offset + bytes > file.bytes) report(`${name} lies outside its shard`)
    }
    if (!names.has(value.embedding)) report(`embedding tensor ${value.embedding} is not in the table`)
    for (const [flavour, { tensors }] of Object.entries(value.graphs)) {
      const unknown = tensors.flatMap((tensor) => tensor.sources).find((source) => !names.has(source))
      if (unknown !== undefined) report(`graph ${flavour} wants ${unknown}, which is not in the table`)
    }
  })

export type FileEntry = z.infer<typeof fileEntry>
export type PackManifest = z.infer<typeof packSchema>
export type CaptionStoreEntry = z.infer<typeof captionStore>
export type TextTowerEntry = z.infer<typeof textTower>
export type PackAdapter = z.infer<typeof adapter>
export type PackSmoothing = z.infer<typeof smoothing>
export type BaseManifest = z.infer<typeof baseSchema>
export type BaseTensor = z.infer<typeof baseTensor>
export type LayoutEntry = z.infer<typeof layoutEntry>
export type DecoderGraph = z.infer<typeof graph>
export type { GraphFlavour }
export type Architecture = BaseManifest['architecture']
