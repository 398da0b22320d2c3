/** Builds the app when it is stale, serves the build as a host would, and opens it in Chromium. Used by e2e tests, `ask` and the bench. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { type Plugin, preview } from 'vite'
import { chromiumArgs, chromiumEnv, findChromium } from './chromium'

const root = resolve(import.meta.dirname, '../..')
export const buildFolder = join(root, 'dist')
const sources = ['index.html', 'package-lock.json', 'vite.config.ts', 'src', 'workers', 'public', 'models']

function newestChange(path: string): number {
  const stats = statSync(path)
  if (!stats.isDirectory()) return stats.mtimeMs
  return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => newestChange(join(path, name))))
}

/** Runs `vite build` unless dist/ is newer than everything it is made from. */
export function ensureBuild(): void {
  const built = join(buildFolder, 'index.html')
  const present = sources.map((name) => join(root, name)).filter(existsSync)
  if (existsSync(built) && statSync(built).mtimeMs > Math.max(...present.map(newestChange))) return
  const result = spawnSync('node', ['node_modules/vite/bin/vite.js', 'build', '--logLevel', 'warn'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    // A test runner names itself there, and the build would be one for development.
    env: { ...process.env, NODE_ENV: 'production' },
  })
  if (result.status !== 0) throw new Error('vite build failed')
}

export type ServedApp = { readonly url: string; close(): Promise<void> }

/** Serves dist/ with the headers of production; a port of 0 takes any free one. `plugins` may serve more beside it. */
export async function serveApp(port = 0, plugins: Plugin[] = []): Promise<ServedApp> {
  ensureBuild()
  const where = { port, strictPort: false, host: '127.0.0.1' }
  const server = await preview({ root, plugins, logLevel: 'error', preview: where })
  const address = server.httpServer.address()
  if (address === null || typeof address === 'string') throw new Error('the preview server has no port')
  return { url: `http://127.0.0.1:${address.port}/`, close: () => server.close() }
}

export type BrowserOptions = {
  /** Keep the profile here (derived weights stay cached between runs); a throw-away one where absent. */
  readonly profile?: string
  readonly viewport?: { width: number; height: number }
  readonly locale?: string
  readonly colorScheme?: 'light' | 'dark'
  /** Switches beyond those that every run has. */
  readonly args?: readonly string[]
  /** A phone: fingers instead of a pointer that hovers. */
  readonly touch?: boolean
  /** All traffic goes through this proxy, that to this machine included. */
  readonly proxy?: string
  /** Variables of its environment beyond those of every run. */
  readonly env?: Readonly<Record<string, string>>
}

export type OpenBrowser = { readonly context: BrowserContext; close(): Promise<void> }

/** Starts Chromium with software WebGPU. Throws a sentence that says how to install it where there is none. */
export async function openBrowser(options: BrowserOptions = {}): Promise<OpenBrowser> {
  const executablePath = findChromium()
  if (!executablePath) throw new Error('No Chromium found: apt-get install -y chromium, or set CHROMIUM_PATH.')
  const temporary = options.profile ? undefined : mkdtempSync(join(tmpdir(), 'valley-profile-'))
  const profile = options.profile ?? temporary ?? ''
  mkdirSync(profile, { recursive: true })
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: [...chromiumArgs, ...(options.args ?? [])],
    env: { ...chromiumEnv(executablePath), ...options.env },
    headless: true,
    viewport: options.viewport ?? { width: 1280, height: 800 },
    locale: options.locale ?? 'en-US',
    colorScheme: options.colorScheme ?? 'light',
    hasTouch: options.touch ?? false,
    isMobile: options.touch ?? false,
    // In a profile that is kept, a service worker would go on serving the build before.
    serviceWorkers: options.profile ? 'block' : 'allow',
    ...(options.proxy ? { proxy: { server: options.proxy, bypass: '<-loopback>' } } : {}),
  })
  return {
    context,
    close: async () => {
      await context.close()
      if (temporary) rmSync(temporary, { recursive: true, force: true })
    },
  }
}

/** Opens the app at `path` (query included) in a fresh tab and fails loudly on an uncaught page error. */
export async function openPage(
  context: BrowserContext,
  url: string,
  path = '',
): Promise<{ page: Page; errors: string[] }> {
  const page = await context.newPage()
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(String(error)))
  await page.goto(new URL(path, url).href)
  return { page, errors }
}

/** Folder of the shared clips, or undefined where this machine has none. */
export function sharedData(...parts: string[]): string | undefined {
  const path = join(process.env.VALLEY_DATA ?? resolve(root, '../shared/data'), ...parts)
  return existsSync(path) ? path : undefined
}
