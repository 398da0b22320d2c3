/** The app's vision worker, instrumented: what is imported first is run first. */
import './instrument-vision'
import '../../../workers/vision/vision.worker'
