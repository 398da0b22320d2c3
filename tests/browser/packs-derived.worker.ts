/** Synchronous file handles exist in workers only, so the derived-weights cache is tested in one. */
import * as Comlink from 'comlink'
import { readDerived, writeDerived } from '../../workers/packs/derived-cache'

const functions = { read: readDerived, write: writeDerived }
export type DerivedFunctions = typeof functions
Comlink.expose(functions)
