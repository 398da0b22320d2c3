/** Vite: `import { plain, relaxed } from './convolution.as.ts?asc'` is AssemblyScript compiled to WebAssembly, with and without relaxed SIMD. */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import asc from 'assemblyscript/asc'
import type { Plugin } from 'vite'

const suffix = '?asc'

/** Errors: the compiler's own messages. */
async function compile(source: string, name: string, features: readonly string[]): Promise<Uint8Array> {
  let wasm: Uint8Array | undefined
  const flags = [
    '--runtime',
    'stub',
    '--noAssert',
    '--optimizeLevel',
    '3',
    ...features.flatMap((one) => ['--enable', one]),
  ]
  const { error, stderr } = await asc.main([name, '--outFile', 'out.wasm', ...flags], {
    readFile: (path) => (path === name ? source : null),
    writeFile: (path, content) => {
      if (path === 'out.wasm' && typeof content !== 'string') wasm = content
    },
    listFiles: () => [],
  })
  if (error || !wasm) throw new Error(`${name}: ${stderr.toString() || error?.message}`)
  return wasm
}

/** By source: the page and each worker are bundled on their own. */
const known = new Map<string, Promise<string>>()

async function compiled(source: string, name: string): Promise<string> {
  const plain = await compile(source, name, ['simd'])
  const relaxed = await compile(source, name, ['simd', 'relaxed-simd'])
  return `export const plain = ${asArray(plain)}\nexport const relaxed = ${asArray(relaxed)}\n`
}

const asArray = (bytes: Uint8Array) =>
  `Uint8Array.from(atob('${Buffer.from(bytes).toString('base64')}'), (each) => each.charCodeAt(0))`

/** A few kilobytes each: they stay in the script, and nothing has to be fetched for them. */
export function assemblyScript(): Plugin {
  return {
    name: 'valley-assemblyscript',
    async load(id) {
      if (!id.endsWith(suffix)) return null
      const path = id.slice(0, -suffix.length)
      this.addWatchFile(path)
      const source = readFileSync(path, 'utf8')
      const module = known.get(source) ?? compiled(source, basename(path))
      known.set(source, module)
      return module
    },
  }
}
