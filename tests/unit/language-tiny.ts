/** The tiny random packs of tests/fixtures/tiny and what PyTorch made of them (training/export_golden.py), for node. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type BaseManifest, baseSchema, type PackManifest, packSchema } from '../../workers/packs/schema'

const folder = resolve(import.meta.dirname, '../fixtures/tiny')

export const readTiny = (path: string) => new Uint8Array(readFileSync(resolve(folder, path)))
export const tinyJson = (path: string): unknown => JSON.parse(readFileSync(resolve(folder, path), 'utf8'))
export const tinyBase = (): BaseManifest => baseSchema.parse(tinyJson('tiny-base/base.json'))
export const tinyPack = (name: string): PackManifest => packSchema.parse(tinyJson(`${name}/pack.json`))

export type FloatArray = { readonly shape: readonly number[]; readonly float32: string }

export type GoldenQuotes = { readonly frames: FloatArray; readonly lines: readonly number[] }

export type Golden = {
  readonly retrieval: { readonly quotes: readonly GoldenQuotes[] }
  readonly tokenizer: readonly { readonly text: string; readonly ids: readonly number[] }[]
  readonly weights: {
    readonly dequantised: readonly {
      readonly tensor: string
      readonly rows: readonly number[]
      readonly values: FloatArray
    }[]
    readonly derived: readonly {
      readonly flavour: string
      readonly adapterOf: string | null
      readonly smoothingOf: string | null
      readonly sha256: string
    }[]
  }
}

export const golden = () => tinyJson('golden.json') as Golden

export function floats({ float32 }: FloatArray): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(float32, 'base64'))
  return new Float32Array(bytes.buffer)
}
