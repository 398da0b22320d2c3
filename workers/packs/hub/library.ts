/** The packs worker's dealings with the hub: what is offered and held, looking at a repository, fetching and deleting it. */
import { ValleyError } from '../../protocol'
import type { HubFitness, HubLook, HubOffer, HubProblem } from '../api'
import { type DeviceRecord, describeDevice } from '../fitness'
import { presentBytes } from '../pack-files'
import type { FileEntry } from '../schema'
import { type HubEntry, listedParts, readHubEntries } from './catalogue'
import {
  downloadRepository,
  type HubInspection,
  type HubTerms,
  inspectRepository,
  removeRepository,
  resumeRepository,
} from './download'
import { assessHub } from './fitness'
import { type HubManifest, hubManifests, readHubManifest } from './manifest'
import { chooseFiles, type HubChoice, hubParts, inSixteenBits, lackingFor, memoryOf } from './precision'
import type { HubName } from './repository'
import { visualShape } from './tokens'

/** How many bytes of a file are here. */
type Present = (entry: FileEntry) => number

export class HubLibrary {
  #entries: readonly HubEntry[] = []

  async list(catalogUrl: string): Promise<readonly HubOffer[]> {
    this.#entries = await readHubEntries(catalogUrl)
    const device = await describeDevice()
    const held = new Map((await hubManifests()).map((manifest) => [manifest.repository, manifest]))
    const present = await presentBytes()
    const offered = this.#entries.map((entry) => {
      const manifest = held.get(entry.repository)
      held.delete(entry.repository)
      return manifest ? { ...heldOffer(manifest, device, present), name: entry.name } : listedOffer(entry, device)
    })
    return [...offered, ...[...held.values()].map((manifest) => heldOffer(manifest, device, present))]
  }

  async look(origin: string, name: HubName, signal: AbortSignal): Promise<HubLook> {
    const device = await describeDevice()
    const { listing, model, choice, files, bytes } = await this.#inspect(origin, name, device, signal)
    const presentOf = await presentBytes()
    // Small files have no SHA-256 before they are here.
    const present = files.reduce((sum, { sha256, ...file }) => sum + (sha256 ? presentOf({ ...file, sha256 }) : 0), 0)
    const { repository, commit, licence, languages } = listing
    return {
      repository,
      ...this.#terms(repository),
      commit,
      licence,
      languages,
      bytes,
      present,
      fitness: assessHub(repository, device, choice, bytes - present),
      visual: visualShape(model, choice.files.decoder_model_merged.precision),
      unconfirmed: [],
      family: model.family,
      precisions: Object.fromEntries(hubParts.map((part) => [part, choice.files[part].precision])),
      refused: choice.refused.map(({ part, precision, why }) => `${part}/${precision}: ${why}`),
    }
  }

  async download(
    origin: string,
    name: HubName,
    onProgress: (done: number, total: number) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const device = await describeDevice()
    const held = await readHubManifest(name.repository)
    const same = held && (name.revision === null || name.revision === held.commit)
    // What was begun on another device, or with a card that is gone, is of no use here: other files of the same commit are.
    if (same && lacking(held, device) === null) return resumeRepository(origin, held, onProgress, signal)
    const wanted = { ...name, revision: name.revision ?? held?.commit ?? null }
    const inspection = await this.#inspect(origin, wanted, device, signal)
    await downloadRepository(origin, inspection, this.#terms(name.repository), onProgress, signal)
  }

  remove(repository: string): Promise<void> {
    return removeRepository(repository)
  }

  #entry(repository: string): HubEntry | undefined {
    return this.#entries.find((one) => one.repository === repository)
  }

  #terms(repository: string): HubTerms {
    const { name, pooling } = this.#entry(repository) ?? { name: repository, pooling: 'own' }
    return { name, pooling }
  }

  #inspect(
    origin: string,
    { repository, revision }: HubName,
    device: DeviceRecord,
    signal: AbortSignal,
  ): Promise<HubInspection> {
    const wanted = revision ?? this.#entry(repository)?.revision ?? 'main'
    return inspectRepository(origin, repository, wanted, device, signal)
  }
}

/** What the catalogue says of a repository of which nothing is here. */
function listedOffer(entry: HubEntry, device: DeviceRecord): HubOffer {
  const { repository, name, revision, licence, languages, pooling, unconfirmed } = entry
  const choice = listedChoice(entry, device)
  return {
    repository,
    name,
    commit: revision,
    licence,
    languages: languages ?? [],
    bytes: choice?.bytes ?? null,
    present: 0,
    fitness: assessHub(repository, device, choice, choice?.bytes ?? 0),
    pooling,
    visual: null,
    unconfirmed,
  }
}

/** A repository of which all or a part is here, as it was chosen for this device then. */
function heldOffer(manifest: HubManifest, device: DeviceRecord, presentOf: Present): HubOffer {
  const { repository, name, commit, licence, languages, backend, precisions, pooling, visual, files } = manifest
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  const present = files.reduce((sum, file) => sum + presentOf(file), 0)
  const feature = lacking(manifest, device)
  const onGpu = backend === 'webgpu' && device.webgpu !== null && !device.webgpu.software
  const choice = {
    backend: onGpu ? ('webgpu' as const) : ('wasm' as const),
    shaderF16: graphPrecisions(precisions).some(inSixteenBits),
    buffer: null,
    memory: memoryOf(bytes),
  }
  // Of files that do not run here it does not matter what they would take.
  const fitness =
    feature === null
      ? assessHub(repository, device, choice, bytes - present)
      : refused(assessHub(repository, device, null, 0), { code: 'hub-other-device', data: { repository, feature } })
  return {
    repository,
    name,
    commit,
    licence,
    languages,
    bytes,
    present,
    fitness,
    pooling,
    visual,
    unconfirmed: [],
  }
}

const refused = (fitness: HubFitness, problem: HubProblem): HubFitness => ({
  ...fitness,
  runs: false,
  problems: [...fitness.problems, problem],
})

/** Of the graphs that run on a card where there is one. */
const graphPrecisions = ({ vision_encoder, decoder_model_merged }: HubManifest['precisions']) => [
  vision_encoder,
  decoder_model_merged,
]

/** What this device lacks for the files that are held, or being fetched, of a repository; null: nothing. */
const lacking = ({ precisions }: HubManifest, { webgpu }: DeviceRecord) =>
  lackingFor(graphPrecisions(precisions), webgpu)

/** What this device would fetch, by the catalogue; null where that does not list enough to tell. */
function listedChoice(entry: HubEntry, device: DeviceRecord): HubChoice | null {
  try {
    return chooseFiles(entry.repository, { ...device, memoryGiB: null }, listedParts(entry), null)
  } catch (thrown) {
    if (thrown instanceof ValleyError) return null
    throw thrown
  }
}
