import { hubAddress } from '../../workers/protocol'
import { startPacks } from '../assistant/workers'
import { forgetPack, modelsUrl } from './choice'
import { Library } from './library'

/** One for all screens and all their openings: what is being fetched goes on while they are closed. */
export const library = new Library(startPacks, modelsUrl())

/** Deletes what is here of a repository of the hub; at later visits it is no longer the pack that is used. */
export function removeFromHub(repository: string): void {
  forgetPack((packUrl) => packUrl === hubAddress(repository))
  void library.removeFromHub(repository)
}
