/** One worker's tower: takes frames as they were read, gives what the tower makes of them and a picture for the eye. */
import { Ledger } from '../runtime/ledger'
import { loadOrt } from '../runtime/ort'
import type { VisionPack } from './encoder'
import type { Orientation, Resize, Size } from './geometry'
import type { Planes } from './planes'
import { planesToRgba } from './reference/planes'
import { preprocessReference, type Rgba } from './reference/resample'
import { type SmallPicture, shrunk } from './reference/shrink'
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
  private constructor(readonly tower: Tower) {}

  /** On one thread: what runs beside it is another lane. */
  static async open(pack: LanePack): Promise<TowerLane> {
    return new TowerLane(await Tower.create(await loadOrt('wasm', 1), new Ledger(), pack, null))
  }

  async see({ source, orientation, resize, smallSize: { width, height } }: FrameToSee): Promise<SeenFrame> {
    const rgba = toRgba(source)
    const { shape } = this.tower
    const pixels = new Float32Array(3 * shape.inputSize ** 2)
    preprocessReference(rgba, orientation, resize, shape, pixels)
    const small = { width, height, data: shrunk(rgba, width, height) }
    return { ...(await this.tower.runArrays(1, pixels)), small }
  }
}
