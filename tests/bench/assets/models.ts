/** The app's own weights in the form that each peer reads: the same numbers, or the nearest that its format has. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { deriveWeights, readAdapter } from '../../../workers/packs/derive'
import {
  type BaseManifest,
  type BaseTensor,
  baseSchema,
  type FileEntry,
  type PackManifest,
  packSchema,
} from '../../../workers/packs/schema'
import { readSmoothing } from '../../../workers/packs/smoothing'
import { benchFolder, kept, root } from './folder'
import { type GgufFormat, ggufOf, readVocabulary } from './gguf'

export type AppModel = {
  /** Path of pack.json on the app's origin. */
  readonly packPath: string
  readonly pack: PackManifest
  readonly base: BaseManifest
  readonly packFile: (entry: FileEntry) => Buffer
  readonly baseFile: (entry: FileEntry) => Buffer
}

const json = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'))

/** The pack that the app offers first, and its base, as they lie in models/. */
export function openAppModel(): AppModel {
  const models = join(root, 'models')
  const catalog = json(join(models, 'catalog.json')) as { default: string; packs: { id: string; path: string }[] }
  const offer = catalog.packs.find(({ id }) => id === catalog.default)
  if (!offer) throw new Error('models/catalog.json names no default pack')
  const packPath = resolve(models, offer.path)
  const pack = packSchema.parse(json(packPath))
  const basePath = resolve(dirname(packPath), pack.base)
  return {
    packPath: `models/${offer.path}`,
    pack,
    base: baseSchema.parse(json(basePath)),
    packFile: (entry) => readFileSync(join(dirname(packPath), entry.path)),
    baseFile: (entry) => readFileSync(join(dirname(basePath), entry.path)),
  }
}

/** Name, below the bench's folder, of a GGUF of the base's weights. */
export async function ggufFile({ base, baseFile }: AppModel, format: GgufFormat): Promise<string> {
  const [first] = base.files.weights
  const name = `data/${base.id}-${format.toLowerCase()}-${first?.sha256.slice(0, 8)}.gguf`
  await kept(name, (path) => {
    const shards = base.files.weights.map(baseFile)
    const read = ({ shard, offset, bytes }: BaseTensor) => {
      const whole = shards[shard]
      if (!whole) throw new Error(`shard ${shard} is missing`)
      return whole.subarray(offset, offset + bytes)
    }
    const texts = [base.files.tokenizer, base.files.tokenizerConfig].map((entry) => baseFile(entry).toString('utf8'))
    const [tokenizer = '', config = ''] = texts
    writeFileSync(path, Buffer.concat(ggufOf(base, readVocabulary(tokenizer, config), read, format)))
  })
  return name
}

/**
 * Writes the folders that transformers.js loads a model from: `tower` with its image processor's settings, and `decoder`,
 * the int8 graph. Returns the path, below `decoder`, of the weights that the app would derive for it.
 */
export async function transformersFolders({ pack, base, packFile, baseFile }: AppModel): Promise<string> {
  const { tower, adapter, smoothing } = pack
  const graph = base.graphs.int8
  if (!graph) throw new Error('the base has no int8 graph')
  const write = (path: string, content: string | Uint8Array) => {
    const target = join(benchFolder, 'data', path)
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, content)
  }
  const side = { height: tower.inputSize, width: tower.inputSize }
  const cropped = tower.resize === 'center-crop'
  write('tower/config.json', JSON.stringify({ model_type: 'custom' }))
  write(
    'tower/preprocessor_config.json',
    JSON.stringify({
      image_processor_type: 'CLIPImageProcessor',
      do_convert_rgb: true,
      do_resize: true,
      size: cropped ? { shortest_edge: tower.resizeShortSide ?? tower.inputSize } : side,
      resample: 2,
      do_center_crop: cropped,
      crop_size: side,
      do_rescale: true,
      rescale_factor: 1 / 255,
      do_normalize: true,
      image_mean: tower.mean,
      image_std: tower.std,
    }),
  )
  write('tower/onnx/model.onnx', packFile(tower.file))
  write('decoder/config.json', JSON.stringify({ model_type: 'custom' }))
  write('decoder/onnx/model.onnx', baseFile(graph.file))
  const parts = [graph.file, adapter?.file, smoothing?.file]
  const key = parts.map((file) => file?.sha256.slice(0, 8) ?? 'none').join('-')
  const weights = `onnx/weights-${key}.bin`
  await kept(`data/decoder/${weights}`, async (path) => {
    const factors = adapter ? readAdapter(adapter, packFile(adapter.file)) : null
    const channels = smoothing ? readSmoothing(smoothing, packFile(smoothing.file), base) : null
    const shard = async (index: number) => {
      const entry = base.files.weights[index]
      if (!entry) throw new Error(`shard ${index} is missing`)
      return baseFile(entry)
    }
    writeFileSync(path, await deriveWeights({ manifest: base, graph, adapter: factors, smoothing: channels, shard }))
  })
  return weights
}
