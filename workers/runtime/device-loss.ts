import { ValleyError } from '../errors'
import type { GpuDevice } from './device'
import { Loss } from './loss'

/** The loss of a GPU device, as device-lost {reason}. */
export class DeviceLoss extends Loss {
  /** @param gpu  null where all is done on the CPU: nothing is ever lost */
  constructor(gpu: Pick<GpuDevice, 'device'> | null) {
    super()
    void gpu?.device.lost.then(({ reason, message }) =>
      this.lose(new ValleyError('device-lost', { reason: reason || 'unknown' }, { message })),
    )
  }
}
