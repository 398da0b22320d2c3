/** Where Chromium is and how it must be started so that WebGPU and VideoFrame import work without a GPU. */
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'

const candidates = [
  process.env.CHROMIUM_PATH,
  '/usr/lib/chromium/chromium',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** Path of a Chromium with proprietary codecs (H.264), or undefined. CHROMIUM_PATH wins. */
export function findChromium(): string | undefined {
  return candidates.find((path) => path && existsSync(path))
}

export const chromiumArgs = [
  '--no-sandbox',
  '--headless=new',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--use-vulkan=swiftshader',
  '--use-angle=vulkan',
  '--enable-features=Vulkan',
  '--ignore-gpu-blocklist',
  '--autoplay-policy=no-user-gesture-required',
]

/** A camera and a screen that Chromium draws itself, and leave to record both. */
export const recordingArgs = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']

/** Environment for the browser: without the ICD file `importExternalTexture` throws on machines that have no Vulkan driver. */
export function chromiumEnv(executable: string): Record<string, string> {
  const icd = ['/usr/lib/chromium', dirname(realpathSync(executable))]
    .map((folder) => join(folder, 'vk_swiftshader_icd.json'))
    .find((path) => existsSync(path))
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter((e): e is [string, string] => e[1] !== undefined),
  )
  return icd && !inherited.VK_DRIVER_FILES ? { ...inherited, VK_DRIVER_FILES: icd } : inherited
}
