/** One worker's tower: takes frames as they were read, gives what the tower makes of them and a picture for the eye. */
import { Ledger } from '../runtime/ledger'
import { loadOrt } from '../runtime/ort'
import type { VisionPack } from './encoder'
import type { Orientation, Resize, Size } from './geometry'
import type { Planes } from './planes'
import { planesToRgba } from './reference/planes'
import { preprocessReference, type Rgba } from './reference/resample'
import { type SmallPicture, shrunk } from './reference/shrink'
import { FastPixels, isFast } from './simd/fast-pixels'
import { pixelKernels } from './simd/modules'
import { Tower, type TowerArrays } from './tower'

/** What a lane needs of a pack. */
export type LanePack = Pick<VisionPack, 'tower' | 'manifest'>

/** A frame's pixels as a route brought them, not yet turned. */
export type FrameSource = Planes | Rgba

export type FrameToSee = {
  readonly source: FrameSource
  readonly orientation: Orientation
  readonly resize: Resize
  /** Size of `small`. */
  readonly smallSize: Size
}

/** The tower's outputs for one frame, each with a buffer of its own. */
export type SeenFrame = TowerArrays & {
  /** The frame in few pixels, not yet turned. */
  readonly small: SmallPicture
}

export const toRgba = (source: FrameSource): Rgba => ('layouts' in source ? planesToRgba(source) : source)

export class TowerLane {
  private constructor(
    readonly tower: Tower,
    readonly pixels: FastPixels,
  ) {}

  /** On one thread: what runs beside it is another lane. */
  static async open(pack: LanePack): Promise<TowerLane> {
    const tower = await Tower.create(await loadOrt('wasm', 1), new Ledger(), pack, null)
    return new TowerLane(tower, await FastPixels.create(await pixelKernels()))
  }

  async see(frame: FrameToSee): Promise<SeenFrame> {
    const { pixels, small } = this.#look(frame)
    return { ...(await this.tower.runArrays(1, pixels)), small }
  }

  #look({ source, orientation, resize, smallSize }: FrameToSee): { pixels: Float32Array; small: SmallPicture } {
    const { shape } = this.tower
    if ('layouts' in source && isFast(source, shape)) {
      return this.pixels.see(source, orientation, resize, shape, smallSize)
    }
    const rgba = toRgba(source)
    const pixels = new Float32Array(3 * shape.inputSize ** 2)
    preprocessReference(rgba, orientation, resize, shape, pixels)
    const { width, height } = smallSize
    return { pixels, small: { width, height, data: shrunk(rgba, width, height) } }
  }
}
