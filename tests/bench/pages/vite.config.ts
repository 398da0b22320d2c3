/** Builds the peers' pages and those that show one part of the app, apart from the app. */
import { join } from 'node:path'
import { defaultClientConditions, defineConfig } from 'vite'
import { assemblyScript } from '../../../workers/vision/simd/plugin.ts'
import { benchFolder } from '../assets/folder.ts'

export const pagesFolder = join(benchFolder, 'pages')

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  logLevel: 'warn',
  resolve: { conditions: ['onnxruntime-web-use-extern-wasm', ...defaultClientConditions] },
  plugins: [assemblyScript()],
  worker: { format: 'es', plugins: () => [assemblyScript()] },
  build: {
    target: 'esnext',
    assetsInlineLimit: 0,
    outDir: pagesFolder,
    emptyOutDir: true,
    rollupOptions: {
      input: ['transformers', 'wllama', 'decode', 'readback'].map((name) => join(import.meta.dirname, `${name}.html`)),
    },
  },
})
