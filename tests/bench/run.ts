/** `npm run bench`: the app and what people would use instead, in turns in one Chromium; writes docs/performance.*. */
import { readFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { openBrowser, serveApp } from '../tools/app'
import { benchFolder, root } from './assets/folder'
import { ggufFile, openAppModel, transformersFolders } from './assets/models'
import { visitOnce } from './contenders/ours'
import { visitPeerOnce } from './contenders/peers'
import type { ContenderName, Figures, MeasureId, Samples } from './measures'
import { type Options, readOptions, usage } from './options'
import type { About } from './report/markdown'
import { rowsOf } from './report/rows'
import { writeReport } from './report/write'
import { scenarios } from './scenarios'
import type { Scenario } from './scenarios/scenario'
import { buildPeers, servePeers } from './serve-peers'
import type { Stage } from './visit'

// A fixed port is a fixed origin: what the profile caches is found again by the next run.
const port = 41_732

/** Figures as they come, by measure and contender. */
class Collected {
  readonly samples: Record<string, Record<string, number[]>> = {}

  add(contender: ContenderName, figures: Figures, wanted: readonly MeasureId[]): void {
    for (const [measure, value] of Object.entries(figures) as [MeasureId, number][]) {
      if (!wanted.includes(measure)) continue
      this.samples[measure] ??= {}
      const values = this.samples[measure]
      values[contender] = [...(values[contender] ?? []), value]
      console.log(`  ${contender}: ${measure} ${value.toFixed(1)}`)
    }
  }
}

async function measure(stage: Stage, wanted: readonly Scenario[], options: Options): Promise<Samples> {
  const collected = new Collected()
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    console.log(`repeat ${repeat + 1} of ${options.repeats}`)
    for (const { visits } of wanted) {
      // Every other time in reverse: whoever comes after a hot visit is not always the same.
      const turn = repeat % 2 === 0 ? [...visits] : [...visits].reverse()
      for (const [contender, visit] of turn) collected.add(contender, await visit(stage), options.only)
    }
  }
  return collected.samples as Samples
}

const version = (name: string) =>
  (JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')) as { version: string }).version

async function bench(options: Options): Promise<void> {
  const wanted = scenarios().filter(({ measures }) => measures.some((measure) => options.only.includes(measure)))
  const model = openAppModel()
  console.log('preparing')
  const weights = await transformersFolders(model)
  const gguf = `bench/${await ggufFile(model)}`
  await buildPeers()
  const served = await serveApp(port, [servePeers()])
  // A profile that is given blocks service workers: the app's must not stand between the peers and the server.
  const browser = await openBrowser({ profile: join(benchFolder, 'profile') })
  try {
    const place = { context: browser.context, url: served.url }
    const { vision, language, browser: agent } = await visitOnce(place)
    const stage = { ...place, model, weights, gguf, threads: language.threads, device: language.backend }
    const peers = new Set(wanted.flatMap(({ visits }) => [...visits.keys()]))
    for (const name of peers) if (name !== 'ours') await visitPeerOnce(stage, name)
    const rows = rowsOf(await measure(stage, wanted, options), options.command)
    const about: About = {
      command: options.command,
      repeats: options.repeats,
      date: new Date().toISOString().slice(0, 10),
      machine: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`,
      browser: agent,
      app: `vision on ${vision.backend} (${vision.adapter}), language on ${language.backend}, ${language.threads} threads`,
      peers: `transformers.js ${version('@huggingface/transformers')}, wllama ${version('@wllama/wllama')}`,
    }
    writeReport(options.out, rows, about)
  } finally {
    await browser.close()
    await served.close()
  }
}

function optionsOrExit(): Options {
  try {
    const options = readOptions(process.argv.slice(2), process.env.INIT_CWD ?? '.')
    if (options) return options
    console.log(usage)
    process.exit(0)
  } catch (thrown) {
    console.error(`${thrown instanceof Error ? thrown.message : thrown}\n\n${usage}`)
    process.exit(2)
  }
}

await bench(optionsOrExit())
