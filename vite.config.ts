import { cpSync, existsSync } from 'node:fs'
import { resolve } from 'node:path'
import react from '@vitejs/plugin-react'
import { defaultClientConditions, defineConfig, type Plugin } from 'vite'
import { VitePWA } from 'vite-plugin-pwa'
import { isolationHeaders, metaPolicy, securityHeaders } from './workers/offline/security-headers.ts'
import { assemblyScript } from './workers/vision/simd/plugin.ts'

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

/** Puts the policy into the built page too, for hosts that send no headers where no service worker can be had. */
function carryPolicy(): Plugin {
  const attrs = { 'http-equiv': 'Content-Security-Policy', content: metaPolicy }
  return {
    name: 'valley-carry-policy',
    apply: 'build',
    transformIndexHtml: () => [{ tag: 'meta', attrs, injectTo: 'head-prepend' }],
  }
}

/** Builds workers/service-worker.ts and tells it the files of the build; it decides itself which to fetch when. */
const serviceWorker = VitePWA({
  strategies: 'injectManifest',
  srcDir: 'workers',
  filename: 'service-worker.ts',
  // The page registers it, once it can tell why (src/pwa); the web-app manifest is a file of public/.
  injectRegister: false,
  manifest: false,
  injectManifest: {
    rollupFormat: 'iife',
    globPatterns: ['**/*.{html,js,mjs,css,wasm,svg,png,webp,webm,webmanifest}'],
    globIgnores: ['models/**'],
    maximumFileSizeToCacheInBytes: 64 * 2 ** 20,
  },
})

export default defineConfig({
  base: './',
  plugins: [react(), assemblyScript(), shipModels(), carryPolicy(), serviceWorker],
  resolve: {
    // The library writes <style> elements, which our Content-Security-Policy refuses.
    alias: { 'react-style-singleton': resolve(import.meta.dirname, 'src/app/adopted-styles.ts') },
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
      'idb',
      'lucide-react',
      'mediabunny',
      'radix-ui/alert-dialog',
      'radix-ui/dialog',
      'radix-ui/dropdown-menu',
      'radix-ui/popover',
      'radix-ui/toggle-group',
      'radix-ui/tooltip',
      'react-dom/client',
      'react-markdown',
      'react-i18next',
      'remend',
      'zod',
    ],
  },
  worker: { format: 'es', plugins: () => [assemblyScript()] },
  build: {
    target: 'esnext',
    assetsInlineLimit: 0,
    rolldownOptions: {
      output: {
        // Else whatever a lazy part shares with the shell is a file of its own, and the first paint waits for ten of them.
        codeSplitting: {
          groups: [
            { name: 'libraries', test: /node_modules/, tags: ['$initial'], priority: 1 },
            { name: 'shell', tags: ['$initial'] },
          ],
        },
      },
    },
  },
  // Vite's dev page has inline scripts of its own, so the whole policy is for what is built.
  server: { headers: isolationHeaders },
  preview: { headers: securityHeaders },
})
