/**
 * What the app makes of a repository of the hub, from a shell: `node --import tsx tests/tools/look-at-hub.ts OWNER/NAME[@REVISION]
 * [--origin https://…]`. Fetches its listing and configuration, nothing large.
 */
import { parseArgs } from 'node:util'
import { defaultHub } from '../../workers/offline/hub-origin'
import { inspectRepository } from '../../workers/packs/hub/download'
import type { HubDevice } from '../../workers/packs/hub/precision'
import { parseRepository } from '../../workers/packs/hub/repository'
import { hubPoolings, visualCost, visualShape } from '../../workers/packs/hub/tokens'
import { ValleyError } from '../../workers/protocol'

const devices: Readonly<Record<string, HubDevice>> = {
  'graphics card with shader-f16': device({ software: false, shaderF16: true }),
  'graphics card without': device({ software: false, shaderF16: false }),
  processor: device(null),
}

function device(webgpu: HubDevice['webgpu']): HubDevice {
  return { webgpu, memoryGiB: null, storageBufferBytes: webgpu && 2 ** 30 }
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { origin: { type: 'string', default: defaultHub } },
})
const named = parseRepository(positionals[0] ?? '')
if (!named) {
  console.error('Name a repository: OWNER/NAME or OWNER/NAME@REVISION')
  process.exit(2)
}
for (const [kind, one] of Object.entries(devices)) {
  try {
    const { repository, revision } = named
    const { listing, model, choice, files, bytes } = await inspectRepository(
      values.origin,
      repository,
      revision ?? 'main',
      one,
    )
    const shape = visualShape(model, choice.files.decoder_model_merged.precision)
    const tokens = Object.fromEntries(hubPoolings.map((pooling) => [pooling, visualCost(shape, 8, pooling).tokens]))
    const { commit, licence, languages } = listing
    const paths = files.map(({ path }) => path)
    console.log(
      JSON.stringify({ kind, commit, licence, languages, family: model.family, choice, paths, bytes, tokens }),
    )
  } catch (thrown) {
    if (!(thrown instanceof ValleyError)) throw thrown
    console.log(JSON.stringify({ kind, refused: thrown.code, data: thrown.data }))
    process.exitCode = 1
  }
}
