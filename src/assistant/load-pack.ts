import * as Comlink from 'comlink'
import { type LoadOptions, type LoadProgress, toValleyError } from '../../workers/protocol'
import type { WorkerClient } from './worker-client'

type Loadable<Info> = {
  load(options: LoadOptions, onProgress: (progress: LoadProgress) => void): Promise<Info>
}

/** Loads a pack in a worker of either kind. @throws ValleyError */
export async function loadPack<Api extends Loadable<Info>, Info>(
  client: WorkerClient<Api>,
  options: LoadOptions,
  onProgress: (progress: LoadProgress) => void,
): Promise<Info> {
  try {
    return (await client.call((remote) =>
      (remote as unknown as Comlink.Remote<Loadable<Info>>).load(options, Comlink.proxy(onProgress)),
    )) as Info
  } catch (thrown) {
    throw toValleyError(thrown)
  }
}
