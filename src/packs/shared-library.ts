import { startPacks } from '../assistant/workers'
import { modelsUrl } from './choice'
import { Library } from './library'

/** One for all screens and all their openings: what is being fetched goes on while they are closed. */
export const library = new Library(startPacks, modelsUrl())
