import { cpSync, existsSync } from 'node:fs'
import { resolve } from 'node:path'
import react from '@vitejs/plugin-react'
import { defaultClientConditions, defineConfig, type Plugin } from 'vite'

/** Cross-origin isolation: without these three headers there is no SharedArrayBuffer, hence no WASM threads. */
export const isolationHeaders = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

/** Dev serves models/ from the project root; a production build gets a copy next to index.html, at the same address. */
function shipModels(): Plugin {
  let outDir = ''
  return {
    name: 'valley-ship-models',
    apply: 'build',
    configResolved(config) {
      outDir = resolve(config.root, config.build.outDir)
    },
    closeBundle() {
      const from = resolve(import.meta.dirname, 'models')
      if (existsSync(from)) cpSync(from, resolve(outDir, 'models'), { recursive: true })
    },
  }
}

export default defineConfig({
  base: './',
  plugins: [react(), shipModels()],
  resolve: {
    // Without the extern condition every WASM thread would load our own worker file again.
    conditions: ['onnxruntime-web-use-extern-wasm', ...defaultClientConditions],
  },
  optimizeDeps: {
    // Else every .html below the root is taken for an entry, those of a Python environment included.
    entries: ['index.html'],
    exclude: ['onnxruntime-web'],
    // Named so that the first dev load does not discover them mid-run and reload the page.
    include: [
      '@huggingface/transformers',
      'comlink',
      'i18next',
      'lucide-react',
      'mediabunny',
      'radix-ui',
      'react-dom/client',
      'react-i18next',
      'zod',
    ],
  },
  worker: { format: 'es' },
  build: { target: 'esnext', assetsInlineLimit: 0 },
  server: { headers: isolationHeaders },
  preview: { headers: isolationHeaders },
})
