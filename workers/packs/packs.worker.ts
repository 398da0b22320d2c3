import * as Comlink from 'comlink'
import { registerTransferHandlers } from '../transfer'
import { PackLibrary } from './library'

registerTransferHandlers()
Comlink.expose(new PackLibrary())
