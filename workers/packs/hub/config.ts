/**
 * What a checkpoint of the hub is, read from its config.json, preprocessor_config.json and processor_config.json. Pure: the
 * family is recognised, or refused with what exactly does not fit. The keys are those of Hugging Face's transformers.
 */
import { z } from 'zod'
import { ValleyError } from '../../protocol'

export const hubFamilies = ['smolvlm', 'llava-onevision', 'llava', 'lfm2-vl', 'fastvlm'] as const
export type HubFamily = (typeof hubFamilies)[number]

/** By `model_type`; both spellings of LFM2-VL are in the hub. */
const families: Readonly<Record<string, HubFamily>> = {
  smolvlm: 'smolvlm',
  idefics3: 'smolvlm',
  llava_onevision: 'llava-onevision',
  llava: 'llava',
  lfm2_vl: 'lfm2-vl',
  'lfm2-vl': 'lfm2-vl',
  // FastVLM as it was published, and as transformers took it in.
  llava_qwen2: 'fastvlm',
  fast_vlm: 'fastvlm',
}

/** Decoders that the language worker's loop can drive: attention alone, or LFM2's mixture with short convolutions. */
const decoders = ['llama', 'qwen2', 'lfm2'] as const

export type HubText = {
  readonly decoder: (typeof decoders)[number]
  readonly hiddenSize: number
  readonly vocabSize: number
  readonly maxPositions: number
  readonly kvHeads: number
  readonly headDim: number
  /** Layers that keep keys and values, by their index. */
  readonly attentionLayers: readonly number[]
  /** Layers that keep a short convolution's last inputs, and how many of them. */
  readonly convLayers: readonly number[]
  readonly convCache: number
}

/** `resample` of Pillow, by its number: LANCZOS, BILINEAR, BICUBIC. */
const filters = { 1: 'lanczos-antialias', 2: 'bilinear-antialias', 3: 'bicubic-antialias' } as const

export type HubFrames = {
  /** Width and height of the encoder's input. */
  readonly inputSize: number
  /** `squash` to the square, or the short side to it and the middle kept. */
  readonly resize: 'squash' | 'center-crop'
  readonly filter: (typeof filters)[keyof typeof filters]
  readonly mean: readonly [number, number, number]
  readonly std: readonly [number, number, number]
  /** Side of the patches that the encoder wants the picture cut into; null: the picture as it is. */
  readonly patch: number | null
  /** Side of the square of feature vectors that the encoder gives for one frame. */
  readonly featureGrid: number
  /** Whether a vector that stands for the whole frame comes before them. */
  readonly cls: boolean
  /** Side of the square of tokens that the family itself gives a clip's frame. */
  readonly ownGrid: number
}

export type HubModel = {
  readonly family: HubFamily
  readonly imageTokenId: number
  readonly text: HubText
  readonly frames: HubFrames
}

/** The parsed files of a repository, by path; absent where it has none. */
export type HubConfigs = Readonly<Partial<Record<(typeof configFiles)[number], unknown>>>
export const configFiles = ['config.json', 'preprocessor_config.json', 'processor_config.json'] as const

const count = z.int().positive()
const vision = z.object({
  model_type: z.string().optional(),
  image_size: count.optional(),
  patch_size: count.optional(),
})
const text = z.object({
  model_type: z.string(),
  hidden_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
  num_key_value_heads: count.optional(),
  head_dim: count.nullish(),
  vocab_size: count,
  max_position_embeddings: count,
  layer_types: z.array(z.enum(['full_attention', 'conv'])).optional(),
  conv_L_cache: count.optional(),
})
const common = z.object({
  model_type: z.string(),
  text_config: z.unknown().optional(),
  vision_config: vision.optional(),
  image_token_id: z.int().nonnegative().optional(),
  image_token_index: z.int().optional(),
  scale_factor: count.optional(),
  downsample_factor: count.optional(),
  vision_feature_select_strategy: z.enum(['default', 'full']).optional(),
})
type Common = z.infer<typeof common>
const side = z.object({
  height: count.optional(),
  width: count.optional(),
  shortest_edge: count.optional(),
  longest_edge: count.optional(),
})
const channels = z.tuple([z.number(), z.number(), z.number()])
const preprocessor = z.object({
  size: side.optional(),
  crop_size: side.nullish(),
  do_center_crop: z.boolean().nullish(),
  resample: z.union([z.literal(1), z.literal(2), z.literal(3)]),
  rescale_factor: z.number().positive().optional(),
  image_mean: channels,
  image_std: channels,
  max_image_size: side.optional(),
  video_sampling: z.object({ video_size: side.optional() }).optional(),
  tile_size: count.optional(),
  encoder_patch_size: count.optional(),
  downsample_factor: count.optional(),
})
type Preprocessor = z.infer<typeof preprocessor>
const processor = z.object({ patch_size: count.optional(), num_additional_image_tokens: z.int().optional() })

/**
 * Recognises a repository's model.
 * Errors: hub-family {repository, family} (nothing that is known here), hub-config {repository, path, problems}
 */
export function recognise(repository: string, files: HubConfigs): HubModel {
  const read = <T>(path: keyof HubConfigs, schema: z.ZodType<T>): T => parse(repository, path, files[path], schema)
  const config = read('config.json', common)
  const family = families[config.model_type]
  if (!family) throw new ValleyError('hub-family', { repository, family: config.model_type })
  const refuse = (path: string, problem: string): never => {
    throw new ValleyError('hub-config', { repository, path, problems: [problem] })
  }
  // The published FastVLM's config.json is its decoder's, with the rest beside it.
  const flat = { ...(files['config.json'] as object), model_type: 'qwen2' }
  const inner = family === 'fastvlm' ? (config.text_config ?? flat) : config.text_config
  const textConfig = parse(repository, 'config.json', inner, text, 'text_config')
  const decoder = decoders.find((known) => known === textConfig.model_type)
  if (!decoder) throw new ValleyError('hub-family', { repository, family: textConfig.model_type })
  const imageTokenId = config.image_token_id ?? config.image_token_index ?? -1
  if (imageTokenId < 0) refuse('config.json', 'names no image token')
  const pixels = read('preprocessor_config.json', preprocessor)
  if (pixels.rescale_factor !== undefined && Math.abs(pixels.rescale_factor * 255 - 1) > 1e-3) {
    refuse('preprocessor_config.json', `rescale_factor is ${pixels.rescale_factor}, not 1/255`)
  }
  const extra = files['processor_config.json'] === undefined ? {} : read('processor_config.json', processor)
  const shape = frameShape[family](config, pixels, extra)
  if (typeof shape === 'string') return refuse('preprocessor_config.json', shape)
  const { resample, image_mean: mean, image_std: std } = pixels
  const frames = { ...shape, filter: filters[resample], mean, std }
  return { family, imageTokenId, text: hubText(decoder, textConfig), frames }
}

type Shape = Pick<HubFrames, 'inputSize' | 'resize' | 'patch' | 'featureGrid' | 'cls' | 'ownGrid'>
type ShapeOf = (config: Common, pixels: Preprocessor, extra: z.infer<typeof processor>) => Shape | string

/** What a frame of a clip becomes in each family, image splitting left out; or what is missing to know it. */
const frameShape: Readonly<Record<HubFamily, ShapeOf>> = {
  // Squared to `max_image_size`; the connector folds scale_factor² neighbours into one token (pixel shuffle).
  smolvlm: ({ vision_config: v, scale_factor: fold }, { max_image_size: size }) => {
    const inputSize = size?.longest_edge ?? v?.image_size
    if (!inputSize || !v?.patch_size || !fold) return 'image size, patch size or scale_factor is missing'
    const grid = inputSize / v.patch_size / fold
    if (!Number.isInteger(grid)) return `${inputSize} pixels are no whole number of ${v.patch_size * fold}`
    return { inputSize, resize: 'squash', patch: null, featureGrid: grid, cls: false, ownGrid: grid }
  },
  // A frame's grid is halved bilinearly for a clip (transformers' apply_pooling), an odd side rounded up.
  'llava-onevision': (config, pixels) => {
    const shape = vitShape(config, pixels)
    return typeof shape === 'string' ? shape : { ...shape, ownGrid: Math.ceil(shape.featureGrid / 2) }
  },
  llava: (config, pixels) => vitShape(config, pixels),
  // Images keep their shape up to max_image_tokens; a clip's frames go in as one square tile, of a size for all.
  'lfm2-vl': ({ vision_config: v, downsample_factor }, pixels) => {
    const inputSize = pixels.tile_size ?? 512
    const patch = pixels.encoder_patch_size ?? v?.patch_size
    const fold = pixels.downsample_factor ?? downsample_factor
    if (!patch || !fold) return 'patch size or downsample_factor is missing'
    const grid = inputSize / patch / fold
    if (!Number.isInteger(grid)) return `${inputSize} pixels are no whole number of ${patch * fold}`
    return { inputSize, resize: 'squash', patch, featureGrid: grid, cls: false, ownGrid: grid }
  },
  // FastViTHD shrinks each side `patch_size` (64) times.
  fastvlm: (_, pixels, { patch_size }) => {
    const crop = pixels.crop_size?.height
    if (!crop || !patch_size) return 'crop_size, or patch_size in processor_config.json, is missing'
    const grid = Math.floor(crop / patch_size)
    return { inputSize: crop, resize: cropping(pixels), patch: null, featureGrid: grid, cls: false, ownGrid: grid }
  },
}

const cropping = ({ do_center_crop }: Preprocessor) => (do_center_crop ? 'center-crop' : 'squash')

function vitShape({ vision_config: v, vision_feature_select_strategy: select }: Common, pixels: Preprocessor) {
  const inputSize = pixels.crop_size?.height ?? pixels.size?.height ?? pixels.size?.shortest_edge ?? v?.image_size
  if (!inputSize || !v?.patch_size) return 'size, or patch_size in config.json, is missing'
  const grid = Math.floor(inputSize / v.patch_size)
  // SigLIP has no CLS and says `full`; CLIP has one, which is dropped by `default`.
  const cls = select === 'full' && v.model_type === 'clip_vision_model'
  return { inputSize, resize: cropping(pixels), patch: null, featureGrid: grid, cls, ownGrid: grid } satisfies Shape
}

function hubText(decoder: HubText['decoder'], config: z.infer<typeof text>): HubText {
  const layers = config.layer_types ?? Array.from({ length: config.num_hidden_layers }, () => 'full_attention')
  const indices = (kind: string) => [...layers.keys()].filter((index) => layers[index] === kind)
  return {
    decoder,
    hiddenSize: config.hidden_size,
    vocabSize: config.vocab_size,
    maxPositions: config.max_position_embeddings,
    kvHeads: config.num_key_value_heads ?? config.num_attention_heads,
    headDim: config.head_dim ?? config.hidden_size / config.num_attention_heads,
    attentionLayers: indices('full_attention'),
    convLayers: indices('conv'),
    convCache: config.conv_L_cache ?? 0,
  }
}

/** A file of a repository's. Errors: hub-config {repository, path, problems} */
export function parseJson(repository: string, path: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch (thrown) {
    throw new ValleyError('hub-config', { repository, path, problems: ['not JSON'] }, { cause: thrown })
  }
}

function parse<T>(repository: string, path: string, json: unknown, schema: z.ZodType<T>, within?: string): T {
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  const at = (keys: readonly PropertyKey[]) => [within, ...keys].filter(Boolean).join('.')
  const problems = parsed.error.issues.map(({ path: keys, message }) => `${at(keys)}: ${message}`)
  throw new ValleyError('hub-config', { repository, path, problems })
}
