// Runs before `npm test` with nothing but Node: a fresh clone has no node_modules yet.
import { execSync } from 'node:child_process'
import { existsSync } from 'node:fs'

if (!existsSync('node_modules/.package-lock.json')) execSync('npm ci', { stdio: 'inherit' })
