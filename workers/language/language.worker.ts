import * as Comlink from 'comlink'
import { holdLivenessLock } from '../runtime/liveness'
import { startThreadsByPage } from '../runtime/page-threads'
import { registerTransferHandlers } from '../transfer'
import { LanguageEngine } from './engine'

holdLivenessLock()
startThreadsByPage()
registerTransferHandlers()
Comlink.expose(new LanguageEngine())
