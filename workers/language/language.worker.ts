import * as Comlink from 'comlink'
import { holdLivenessLock } from '../runtime/liveness'
import { registerTransferHandlers } from '../transfer'
import { LanguageEngine } from './engine'

holdLivenessLock()
registerTransferHandlers()
Comlink.expose(new LanguageEngine())
