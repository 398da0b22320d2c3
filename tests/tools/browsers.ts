/** Makes sure the browsers that the tests drive are on this machine, and says how to get them where they cannot be installed. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { findChromium } from './chromium'

const firefoxCandidates = [
  process.env.FIREFOX_PATH,
  '/usr/bin/firefox-esr',
  '/usr/bin/firefox',
  '/Applications/Firefox.app/Contents/MacOS/firefox',
]

/** Path of a Firefox, or undefined. FIREFOX_PATH wins. */
export function findFirefox(): string | undefined {
  return firefoxCandidates.find((path) => path && existsSync(path))
}

/** Installs the missing browsers where this is a Debian machine and we are root; returns one sentence per browser that stays missing. */
export function ensureBrowsers(): string[] {
  const missing = () => [...(findChromium() ? [] : ['chromium']), ...(findFirefox() ? [] : ['firefox-esr'])]
  if (missing().length > 0 && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    console.log(`Installing ${missing().join(' and ')} with apt-get …`)
    spawnSync('apt-get', ['update', '-qq'], { stdio: 'inherit' })
    spawnSync('apt-get', ['install', '-y', '-qq', ...missing()], {
      stdio: 'inherit',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
  }
  return missing().map((name) =>
    name === 'chromium'
      ? 'Chromium is missing: run "apt-get update && apt-get install -y chromium", or set CHROMIUM_PATH to a Chrome with H.264.'
      : 'Firefox is missing: run "apt-get update && apt-get install -y firefox-esr", or set FIREFOX_PATH.',
  )
}
