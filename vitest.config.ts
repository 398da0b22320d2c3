import { playwright } from '@vitest/browser-playwright'
import { mergeConfig } from 'vite'
import { defineConfig } from 'vitest/config'
import './tests/tools/node-20'
import { chromiumArgs, chromiumEnv, findChromium, recordingArgs } from './tests/tools/chromium'
import { serveData } from './tests/tools/serve-data'
import { serveHub } from './tests/tools/serve-hub'
import viteConfig from './vite.config'

const executablePath = findChromium()
const args = [...chromiumArgs, ...recordingArgs]
/** What is waited for may take its time on a slow or busy machine: only what never comes fails. */
const patience = { poll: { timeout: 30_000 } }

export default mergeConfig(
  viteConfig,
  defineConfig({
    test: {
      projects: [
        {
          extends: true,
          test: {
            name: 'unit',
            environment: 'node',
            include: ['tests/unit/**/*.test.ts', 'src/**/*.test.ts'],
            // Else one core is left idle for who watches, half of a small machine.
            maxWorkers: '100%',
            testTimeout: 60_000,
            hookTimeout: 60_000,
            expect: patience,
          },
        },
        {
          extends: true,
          plugins: [serveData(), serveHub()],
          // Found in the middle of a run, it would reload the test that is running.
          optimizeDeps: { include: ['axe-core'] },
          test: {
            name: 'browser',
            include: ['tests/browser/**/*.test.ts', 'tests/browser/**/*.test.tsx'],
            testTimeout: 120_000,
            hookTimeout: 120_000,
            expect: patience,
            fileParallelism: false,
            browser: {
              enabled: true,
              headless: true,
              screenshotFailures: false,
              provider: playwright({
                launchOptions: executablePath ? { executablePath, args, env: chromiumEnv(executablePath) } : { args },
              }),
              instances: [{ browser: 'chromium' }],
            },
          },
        },
        {
          extends: true,
          test: {
            name: 'e2e',
            environment: 'node',
            include: ['tests/e2e/**/*.test.ts'],
            testTimeout: 240_000,
            hookTimeout: 240_000,
            expect: patience,
            fileParallelism: false,
          },
        },
      ],
    },
  }),
)
