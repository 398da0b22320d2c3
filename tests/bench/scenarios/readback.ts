/** What leaves the GPU where vision and decoder run on one. Every visit gives the same, so one is enough. */
import { benchClip } from '../assets/clips'
import { clipReads, tokenReads } from '../contenders/our-reads'
import type { ContenderName } from '../measures'
import type { Stage } from '../visit'
import type { Scenario, Visit } from './scenario'

const float = 4
const thumbnailSide = 160

/** Bytes of visual tokens and CLIP vectors of a clip: what must come back. */
function needed({ model: { pack } }: Stage, frames: number): number {
  const { gridTokens, width, embeddingSize = width } = pack.tower
  return float * ((gridTokens + frames) * pack.projector.outputSize + frames * embeddingSize)
}

export function readback(): Scenario[] {
  const clip: Visit = async (stage) => {
    const { reads, frames } = await clipReads(stage, await benchClip('h264', '720p'))
    // Thumbnails are drawn small before they are read.
    const thumbnails = reads.filter(({ api }) => api === 'convertToBlob')
    for (const { what } of thumbnails) {
      if (what.split('x').some((side) => Number(side) > thumbnailSide)) throw new Error(`a thumbnail of ${what}`)
    }
    const pixels = reads.filter(({ api }) => api === 'getImageData' || api === 'VideoFrame.copyTo')
    const others = reads.filter((read) => !thumbnails.includes(read))
    return {
      ours: {
        'readback-clip': others.reduce((sum, { bytes }) => sum + bytes, 0),
        'readback-pixels': pixels.length,
      },
      'tokens and vectors': { 'readback-clip': needed(stage, frames) },
      none: { 'readback-pixels': 0 },
    }
  }
  const token: Visit = async (stage) => ({
    ours: { 'readback-token': await tokenReads(stage) },
    'the sampled token': { 'readback-token': float },
  })
  return [
    {
      measures: ['readback-clip', 'readback-pixels'],
      visits: new Map<ContenderName, Visit>([['ours', clip]]),
      mostRepeats: 1,
    },
    { measures: ['readback-token'], visits: new Map<ContenderName, Visit>([['ours', token]]), mostRepeats: 1 },
  ]
}
