import * as Comlink from 'comlink'
import { registerTransferHandlers } from '../protocol'
import { holdLivenessLock } from '../runtime/liveness'
import { LanguageEngine } from './engine'

holdLivenessLock()
registerTransferHandlers()
Comlink.expose(new LanguageEngine())
