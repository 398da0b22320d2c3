/** `npm run bench`: the app and what people would use instead, in turns in one Chromium; writes docs/performance.*. */
import { readFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { openBrowser, serveApp } from '../tools/app'
import { benchFolder, root } from './assets/folder'
import { ggufFile, openAppModel, transformersFolders } from './assets/models'
import { visitOnce } from './contenders/ours'
import { visitPeerOnce } from './contenders/peers'
import { type ContenderName, type MeasureId, peerNames, type Samples } from './measures'
import { type Options, readOptions, usage } from './options'
import type { About } from './report/markdown'
import { rowsOf } from './report/rows'
import { writeReport } from './report/write'
import { scenarios } from './scenarios'
import type { Scenario, Seen } from './scenarios/scenario'
import { buildPeers, servePeers } from './serve-peers'
import type { Stage } from './visit'

// A fixed port is a fixed origin: what the profile caches is found again by the next run.
const port = 41_732
/** The browser's own measure of memory then collects garbage at once instead of waiting until it is due. */
const browserArgs = ['--enable-blink-features=ForceEagerMeasureMemory']

/** Figures as they come, by measure and contender, and what did not come. */
class Collected {
  readonly samples: Partial<Record<MeasureId, Partial<Record<ContenderName, number[]>>>> = {}
  readonly missing = new Set<string>()
  failures = 0

  add(seen: Seen, wanted: readonly MeasureId[]): void {
    for (const [contender, figures] of Object.entries(seen) as [ContenderName, object][]) {
      for (const [measure, value] of Object.entries(figures) as [MeasureId, number][]) {
        if (!wanted.includes(measure)) continue
        this.samples[measure] ??= {}
        const values = this.samples[measure]
        values[contender] = [...(values[contender] ?? []), value]
        console.log(`  ${contender}: ${measure} ${value.toFixed(1)}`)
      }
    }
  }
}

async function measure(
  stage: Stage,
  wanted: readonly Scenario[],
  options: Options,
  collected: Collected,
  write: () => void,
): Promise<void> {
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    console.log(`repeat ${repeat + 1} of ${options.repeats}`)
    for (const { visits, mostRepeats = options.repeats } of wanted) {
      if (repeat >= mostRepeats) continue
      // Every other time in reverse: whoever comes after a hot visit is not always the same.
      const turn = repeat % 2 === 0 ? [...visits] : [...visits].reverse()
      for (const [contender, visit] of turn) {
        const started = performance.now()
        try {
          collected.add(await visit(stage), options.only)
        } catch (thrown) {
          // One visit that fails must not cost all the others.
          console.error(`  ${contender}:`, thrown)
          collected.failures++
          collected.missing.add(`${contender}: ${thrown instanceof Error ? thrown.message.split('\n')[0] : thrown}`)
        }
        console.log(`  (${contender}: ${Math.round((performance.now() - started) / 1000)} s)`)
      }
    }
    // After each round: a run that is interrupted leaves what it has.
    write()
  }
}

const version = (name: string) =>
  (JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')) as { version: string }).version

/** Whether every visit gave its figures. */
async function bench(options: Options): Promise<boolean> {
  const wanted = scenarios().filter(({ measures }) => measures.some((measure) => options.only.includes(measure)))
  const model = openAppModel()
  console.log('preparing')
  const weights = await transformersFolders(model)
  const gguf = {
    Q8_0: `bench/${await ggufFile(model, 'Q8_0')}`,
    Q4_1: `bench/${await ggufFile(model, 'Q4_1')}`,
  }
  await buildPeers()
  const served = await serveApp(port, [servePeers()])
  // A profile that is given blocks service workers: the app's must not stand between the peers and the server.
  const browser = await openBrowser({ profile: join(benchFolder, 'profile'), args: browserArgs })
  try {
    const place = { context: browser.context, url: served.url }
    const { vision, language, browser: agent } = await visitOnce(place)
    const collected = new Collected()
    const stage: Stage = {
      ...place,
      model,
      weights,
      gguf,
      threads: language.threads,
      device: language.backend,
      note: (sentence) => void collected.missing.add(sentence),
    }
    for (const name of peerNames) if (wanted.some(({ visits }) => visits.has(name))) await visitPeerOnce(stage, name)
    const about: Omit<About, 'missing'> = {
      command: options.command,
      date: new Date().toISOString().slice(0, 10),
      machine: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`,
      browser: agent,
      app: `vision on ${vision.backend} (${vision.adapter}), language on ${language.backend}, ${language.threads} threads`,
      peers: `transformers.js ${version('@huggingface/transformers')}, wllama ${version('@wllama/wllama')}`,
    }
    const write = () =>
      writeReport(options.out, rowsOf(collected.samples as Samples, about), {
        ...about,
        missing: [...collected.missing],
      })
    await measure(stage, wanted, options, collected, write)
    return collected.failures === 0
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

if (!(await bench(optionsOrExit()))) process.exitCode = 1
