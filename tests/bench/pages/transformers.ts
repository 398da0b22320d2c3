/**
 * The peer "transformers.js": a page as a user of that library would write it. `load_video` needs an element, so it runs
 * here; models run in a worker, as in the library's own examples. Every question begins with the file.
 */
import { load_video } from '@huggingface/transformers'
import * as Comlink from 'comlink'
import { type ClipPeer, parameter } from './peer'
import type { Picture, TransformersModel } from './transformers.worker'

const model = Comlink.wrap<TransformersModel>(
  new Worker(new URL('./transformers.worker.ts', import.meta.url), { type: 'module' }),
)

function chosenFile(): File {
  const file = document.querySelector('input')?.files?.[0]
  if (!file) throw new Error('no clip was chosen')
  return file
}

/** The sampled frames, at their full size; handed over to the worker, not copied. */
async function framesOf(file: File, count: number): Promise<Picture[]> {
  const { frames } = await load_video(file, { num_frames: count })
  const pictures = frames.map(({ image: { data, width, height } }) => {
    return { data: data as Uint8ClampedArray<ArrayBuffer>, width, height }
  })
  const buffers = pictures.map(({ data }) => data.buffer)
  return Comlink.transfer(pictures, buffers)
}

const peer: ClipPeer = {
  load: () =>
    model.load({
      pack: parameter('pack'),
      data: parameter('data'),
      weights: parameter('weights'),
      threads: Number(parameter('threads')),
    }),
  chat: (asked) => timed(() => model.answer(asked, null)),
  askAboutClip: (asked) => timed(async () => model.answer(asked, await framesOf(chosenFile(), asked.frames))),
  clipTokens: async (frames) => {
    const started = performance.now()
    await model.tokens(await framesOf(chosenFile(), frames))
    return performance.now() - started
  },
}

async function timed<T>(work: () => Promise<T>): Promise<T & { wallMs: number }> {
  const started = performance.now()
  const result = await work()
  return { ...result, wallMs: performance.now() - started }
}

globalThis.peer = peer
