/** The tiny random models of tests/fixtures/hub as repositories of a hub: what they hold is run, not only fetched. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import type { HubRepository } from './hub-server'

const folder = resolve(import.meta.dirname, '../fixtures/hub')

/**
 * By name: `tiny/FAMILY`, and `tiny/FAMILY-f32` with its graphs in float32 alone, which is what PyTorch's references hold for.
 * `tiny/unknown-operator`: the decoder wants an operator that no runtime has.
 */
export function tinyRepositories(): Record<string, HubRepository> {
  const families = readdirSync(folder)
  const repositories = families.flatMap((family, index) => {
    const files = filesOf(join(folder, family))
    const commit = index.toString(16).padStart(40, '0')
    const plain = Object.entries(files).filter(([path]) => !/_(fp16|q4f16|quantized)\.onnx$/.test(path))
    return [
      [`tiny/${family}`, { commit, files }] as const,
      [`tiny/${family}-f32`, { commit, files: Object.fromEntries(plain) }] as const,
    ]
  })
  const smolvlm = filesOf(join(folder, 'smolvlm'))
  const odd = { ...smolvlm, 'onnx/decoder_model_merged_quantized.onnx': unknownOperator }
  return { ...Object.fromEntries(repositories), 'tiny/unknown-operator': { commit: 'f'.repeat(40), files: odd } }
}

/** One node y = NoSuchOperator(x); made with onnx.helper. */
const unknownOperator = new Uint8Array(
  Buffer.from(
    'CAg6RQoWCgF4EgF5Ig5Ob1N1Y2hPcGVyYXRvchIBZ1oTCgF4Eg4KDAgBEggKAggBCgIIAWITCgF5Eg4KDAgBEggKAggBCgIIAUIECgAQEUIRCg1jb20ubWljcm9zb2Z0EAE=',
    'base64',
  ),
)

function filesOf(root: string): Record<string, Uint8Array> {
  const paths = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
  return Object.fromEntries(paths.map((path) => [relative(root, path), new Uint8Array(readFileSync(path))]))
}
