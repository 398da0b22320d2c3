/** A repository in the hub's layout whose graphs are noise: enough to find, choose, fetch and check its files. */
import { smolvlm } from '../unit/hub-configs'
import type { HubRepository } from './hub-server'

/** Bytes that no other seed gives. */
export function noise(length: number, seed: number): Uint8Array {
  let state = seed
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 24
  })
}

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
const graphBytes = 200_000

export const noiseCommit = '0123456789abcdef0123456789abcdef01234567'

const graphs = ['vision_encoder', 'embed_tokens', 'decoder_model_merged'].flatMap((part, index) =>
  ['', '_fp16', '_q4f16', '_quantized'].map((suffix, at) => [
    `onnx/${part}${suffix}.onnx`,
    noise(graphBytes + 1000 * at, index * 10 + at),
  ]),
)

export const noiseRepository: HubRepository = {
  commit: noiseCommit,
  card: { license: 'apache-2.0', language: ['en'] },
  files: {
    'README.md': json('A model'),
    ...Object.fromEntries(Object.entries(smolvlm).map(([path, value]) => [path, json(value)])),
    'tokenizer.json': json({ model: { type: 'BPE' } }),
    'tokenizer_config.json': json({ eos_token: '<end>' }),
    ...Object.fromEntries(graphs),
  },
}

/** As above, but for what the app has to refuse. */
export const unfitRepositories = {
  'no-family': {
    ...noiseRepository,
    files: { ...noiseRepository.files, 'config.json': json({ model_type: 'florence2' }) },
  },
  'no-graphs': { ...noiseRepository, files: withoutGraphs() },
  'too-big': { ...noiseRepository, listedBytes: Object.fromEntries(graphs.map(([path]) => [path, 20e9])) },
} satisfies Record<string, HubRepository>

function withoutGraphs(): HubRepository['files'] {
  return Object.fromEntries(Object.entries(noiseRepository.files).filter(([path]) => !path.startsWith('onnx/')))
}
