import * as Comlink from 'comlink'
import { registerTransferHandlers } from '../transfer'
import { type FrameToSee, type LanePack, type SeenFrame, TowerLane } from './tower-lane'

registerTransferHandlers()
let lane: TowerLane | undefined

const api = {
  open: async (pack: LanePack): Promise<void> => {
    lane = await TowerLane.open(pack)
  },
  see: async (frame: FrameToSee): Promise<SeenFrame> => {
    if (!lane) throw new Error('no tower is open')
    const seen = await lane.see(frame)
    const { patches, cls, vectors, small } = seen
    return Comlink.transfer(seen, [patches.buffer, cls.buffer, vectors.buffer, small.data.buffer])
  },
}

export type TowerLaneApi = typeof api
self.onmessage = ({ data }: MessageEvent<MessagePort>) => Comlink.expose(api, data)
