/** From a clip to its visual tokens: how many frames a second, by codec and size; and how well decoding and encoding overlap. */
import { benchClip, EncoderMissing } from '../assets/clips'
import { decodeAlone } from '../contenders/decode-alone'
import { encodeEach } from '../contenders/our-clips'
import { transformersTokens } from '../contenders/peers'
import {
  type ClipCodec,
  type ClipSize,
  type ContenderName,
  clipCodecs,
  clipSizes,
  type Figures,
  framesId,
} from '../measures'
import type { Stage } from '../visit'
import type { Scenario, Visit } from './scenario'

/** Frames that are taken of each clip. */
const count = 16

type Clip = { readonly codec: ClipCodec; readonly size: ClipSize; readonly path: string }

/** Those that this machine can make. */
async function clips(stage: Stage): Promise<Clip[]> {
  const made: Clip[] = []
  for (const codec of clipCodecs) {
    try {
      for (const size of clipSizes) made.push({ codec, size, path: await benchClip(codec, size) })
    } catch (thrown) {
      if (!(thrown instanceof EncoderMissing)) throw thrown
      stage.note(thrown.message)
    }
  }
  return made
}

const paths = (made: readonly Clip[]) => made.map(({ path }) => path)
const rates = (made: readonly Clip[], times: readonly number[]): Figures =>
  Object.fromEntries(made.map(({ codec, size }, at) => [framesId(codec, size), (1000 * count) / (times[at] ?? 0)]))

export function clipToTokens(): Scenario {
  const app: Visit = async (stage) => {
    const made = await clips(stage)
    const encoded = await encodeEach(stage, paths(made), count)
    return {
      ours: rates(
        made,
        encoded.map(({ wallMs }) => wallMs),
      ),
    }
  }
  const library: Visit = async (stage) => {
    const made = await clips(stage)
    return { 'transformers.js': rates(made, await transformersTokens(stage, paths(made), count)) }
  }
  return {
    measures: clipCodecs.flatMap((codec) => clipSizes.map((size) => framesId(codec, size))),
    visits: new Map<ContenderName, Visit>([
      ['ours', app],
      ['transformers.js', library],
    ]),
  }
}

/** What encoding took is what the worker waited for it beside the decoder; what decoding takes is measured without it. */
export function overlap(): Scenario {
  const visit: Visit = async (stage) => {
    const clip = await benchClip('h264', '1080p')
    const [encoded] = await encodeEach(stage, [clip], count)
    if (!encoded) throw new Error('the clip was not encoded')
    const { wallMs, timings } = encoded
    const decoding = await decodeAlone(stage, clip, count)
    return {
      ours: { overlap: wallMs },
      'the slower of decoding and encoding alone': { overlap: Math.max(decoding, timings.encode) },
    }
  }
  return { measures: ['overlap'], visits: new Map<ContenderName, Visit>([['ours', visit]]) }
}
