/** Runs preprocess.wgsl on a frame, over whichever route brings its pixels to the GPU. */
import type { FrameRoute } from '../protocol'
import { GpuBuffers } from '../runtime/buffers'
import { Kernels } from '../runtime/kernels'
import type { Ledger } from '../runtime/ledger'
import { undoPrimaries } from './color'
import type { Orientation, Resize, Size } from './geometry'
import type { MediaFrame } from './media-frame'
import { type Planes, readPlanes } from './planes'
import planesCode from './planes.wgsl?raw'
import preprocessCode from './preprocess.wgsl?raw'
import { type Normalisation, reachOf } from './reference/resample'
import { displaySize, drawable, drawFrame, orientationFor, routesFor } from './routes'

const tile = 16
const gpuRoutes: readonly FrameRoute[] = ['external-texture', 'planes', 'image-bitmap', 'canvas']

function specialise(type: string, load: string): string {
  return preprocessCode.replace('FRAME_TYPE', type).replace('FRAME_LOAD', load)
}

export class GpuPreprocessor {
  readonly #params: GPUBuffer
  readonly #planeParams: GPUBuffer
  readonly #resident: GpuBuffers
  #texture: { readonly texture: GPUTexture; readonly uncount: () => void } | undefined

  private constructor(
    readonly device: GPUDevice,
    readonly ledger: Ledger,
    readonly size: number,
    readonly normalisation: Normalisation,
    readonly external: Kernels<'main'>,
    readonly sampled: Kernels<'main'>,
    readonly planes: Kernels<'main'>,
  ) {
    this.#resident = new GpuBuffers(device, ledger, 'resident-buffer')
    this.#params = this.#resident.uniform('preprocess', new ArrayBuffer(112))
    this.#planeParams = this.#resident.uniform('planes', new ArrayBuffer(128))
  }

  /** Compiles the kernels for an encoder input of `size` x `size`. */
  static async create(device: GPUDevice, ledger: Ledger, size: number, normalisation: Normalisation) {
    const constants = { size, reach: reachOf(normalisation.filter) }
    const [external, sampled, planes] = await Promise.all([
      Kernels.compile(device, specialise('texture_external', 'textureLoad(frame, at)'), ['main'], constants),
      Kernels.compile(device, specialise('texture_2d<f32>', 'textureLoad(frame, at, 0)'), ['main'], constants),
      Kernels.compile(device, planesCode, ['main']),
    ])
    return new GpuPreprocessor(device, ledger, size, normalisation, external, sampled, planes)
  }

  /**
   * Writes `media` into slot `slot` of `pixels` (float32 [slots, 3, size, size]) and submits. The frame may be closed as
   * soon as this resolves. Returns the route taken; a route that throws gives way to the next unless it was forced.
   */
  async write(
    media: MediaFrame,
    resize: Resize,
    pixels: GPUBuffer,
    slot: number,
    forced?: FrameRoute,
  ): Promise<FrameRoute> {
    const routes = routesFor(media, gpuRoutes, forced)
    for (const [position, route] of routes.entries()) {
      try {
        await this.#take(route, media, resize, pixels, slot)
        return route
      } catch (thrown) {
        if (position === routes.length - 1) throw thrown
      }
    }
    throw new Error(`${forced ?? 'no route'} does not take frames of format ${media.frame.format}`)
  }

  /** Frees what the last frames needed; the kernels stay. */
  release(): void {
    this.#texture?.texture.destroy()
    this.#texture?.uncount()
    this.#texture = undefined
  }

  dispose(): void {
    this.release()
    this.#resident.dispose()
  }

  async #take(route: FrameRoute, media: MediaFrame, resize: Resize, pixels: GPUBuffer, slot: number): Promise<void> {
    if (route === 'external-texture') {
      const undo = undoPrimaries(media.frame.colorSpace.toJSON())
      this.#writeParams(resize, orientationFor(media, route), slot, typeof undo === 'string' ? undefined : undo)
      const source = this.device.importExternalTexture({ source: media.frame })
      return this.#dispatch(this.external, source, pixels)
    }
    const { texture, orientation } =
      route === 'planes'
        ? { texture: await this.#fromPlanes(media), orientation: orientationFor(media, route) }
        : await this.#fromDrawable(route, media)
    this.#writeParams(resize, orientation, slot)
    this.#dispatch(this.sampled, texture.createView(), pixels)
  }

  async #fromDrawable(
    route: FrameRoute,
    media: MediaFrame,
  ): Promise<{ texture: GPUTexture; orientation: Orientation }> {
    const picture = await drawable(media, this.ledger)
    try {
      return { texture: await this.#fromImage(route, picture.frame), orientation: orientationFor(picture, route) }
    } finally {
      picture.close()
    }
  }

  async #fromImage(route: FrameRoute, frame: VideoFrame): Promise<GPUTexture> {
    if (route === 'canvas') return this.#copyImage(drawFrame(frame, displaySize(frame), false))
    const bitmap = await createImageBitmap(frame)
    const uncount = this.ledger.open('image-bitmap')
    try {
      return this.#copyImage(bitmap)
    } finally {
      bitmap.close()
      uncount()
    }
  }

  #copyImage(source: OffscreenCanvas | ImageBitmap): GPUTexture {
    const { width, height } = source
    const texture = this.#textureOf({ width, height })
    this.device.queue.copyExternalImageToTexture({ source }, { texture, premultipliedAlpha: true }, { width, height })
    return texture
  }

  async #fromPlanes(media: MediaFrame): Promise<GPUTexture> {
    const planes = await readPlanes(media.frame)
    if (!planes) throw new Error(`planes of ${media.frame.format} cannot be read`)
    const texture = this.#textureOf(planes)
    const scratch = new GpuBuffers(this.device, this.ledger, 'gpu-buffer')
    try {
      this.device.queue.writeBuffer(this.#planeParams, 0, planeParams(planes))
      const encoder = this.device.createCommandEncoder({ label: 'planes' })
      const bindings = { 0: this.#planeParams, 1: scratch.upload('planes', planes.bytes), 2: texture.createView() }
      this.planes.run(encoder, 'main', bindings, [Math.ceil(planes.width / 8), Math.ceil(planes.height / 8)])
      this.device.queue.submit([encoder.finish()])
    } finally {
      scratch.dispose()
    }
    return texture
  }

  /** A texture of this size; frames of one clip share it, the queue keeps their order. */
  #textureOf({ width, height }: Size): GPUTexture {
    const held = this.#texture?.texture
    if (held?.width === width && held.height === height) return held
    this.release()
    const texture = this.device.createTexture({
      label: 'frame',
      size: { width, height },
      format: 'rgba8unorm',
      usage:
        GPUTextureUsage.TEXTURE_BINDING |
        GPUTextureUsage.COPY_DST |
        GPUTextureUsage.RENDER_ATTACHMENT |
        GPUTextureUsage.STORAGE_BINDING,
    })
    this.#texture = { texture, uncount: this.ledger.open('gpu-texture', 4 * width * height) }
    return texture
  }

  #writeParams(resize: Resize, { rotation, flip }: Orientation, slot: number, gamut?: readonly number[]): void {
    const { mean, std } = this.normalisation
    const params = new ArrayBuffer(112)
    const [floats, words] = [new Float32Array(params), new Uint32Array(params)]
    for (const [at, value] of (gamut ?? []).entries()) floats[4 * Math.floor(at / 3) + (at % 3)] = value
    floats.set(mean, 12)
    words[15] = gamut ? 1 : 0
    floats.set(
      std.map((value) => 1 / value),
      16,
    )
    words[19] = slot
    floats.set([resize.width, resize.height, resize.left, resize.top], 20)
    words.set([rotation, Number(flip)], 24)
    this.device.queue.writeBuffer(this.#params, 0, params)
  }

  #dispatch(kernels: Kernels<'main'>, frame: GPUExternalTexture | GPUTextureView, pixels: GPUBuffer): void {
    const encoder = this.device.createCommandEncoder({ label: 'preprocess' })
    const tiles = Math.ceil(this.size / tile)
    kernels.run(encoder, 'main', { 0: frame, 1: pixels, 2: this.#params }, [tiles, tiles])
    this.device.queue.submit([encoder.finish()])
  }
}

/** The uniform of planes.wgsl. */
function planeParams({ width, height, layouts, format, toRgb }: Planes): ArrayBuffer {
  const params = new ArrayBuffer(128)
  const [floats, words] = [new Float32Array(params), new Uint32Array(params)]
  for (const [at, value] of toRgb.matrix.entries()) floats[4 * Math.floor(at / 3) + (at % 3)] = value
  floats.set(toRgb.bias, 12)
  words[15] = ['rgba', 'bgra', 'yuv', 'nv'].indexOf(format.packing)
  for (const [plane, { offset, stride }] of layouts.entries()) {
    words[16 + plane] = offset
    words[20 + plane] = stride
  }
  words.set([width, height, format.shiftX, format.shiftY], 24)
  words[28] = format.alpha ? (format.packing === 'yuv' ? 3 : format.packing === 'nv' ? 2 : 0) : 4
  words[29] = format.bits > 8 ? 2 : 1
  floats[30] = 2 ** format.bits - 1
  return params
}
