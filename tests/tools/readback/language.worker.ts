/** The app's language worker, instrumented: what is imported first is run first. */
import './instrument-language'
import '../../../workers/language/language.worker'
