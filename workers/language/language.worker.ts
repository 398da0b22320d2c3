import * as Comlink from 'comlink'
import { holdLivenessLock } from '../runtime/liveness'
import { announceThreadStarts } from '../runtime/thread-starts'
import { registerTransferHandlers } from '../transfer'
import { LanguageEngine } from './engine'

holdLivenessLock()
announceThreadStarts()
registerTransferHandlers()
Comlink.expose(new LanguageEngine())
