/** Builds the peers' pages, apart from the app. */
import { join } from 'node:path'
import { defaultClientConditions, defineConfig } from 'vite'
import { benchFolder } from '../assets/folder.ts'

export const pagesFolder = join(benchFolder, 'pages')

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  logLevel: 'warn',
  resolve: { conditions: ['onnxruntime-web-use-extern-wasm', ...defaultClientConditions] },
  worker: { format: 'es' },
  build: {
    target: 'esnext',
    assetsInlineLimit: 0,
    outDir: pagesFolder,
    emptyOutDir: true,
    rollupOptions: {
      input: ['transformers', 'wllama'].map((name) => join(import.meta.dirname, `${name}.html`)),
    },
  },
})
