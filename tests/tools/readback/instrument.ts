/**
 * Counts what leaves the GPU, by wrapping every way out that the app could take, and lets a software adapter pass for a real
 * one, so that the route of a real GPU is taken. Imported first by workers of tests and of the bench; never by the app.
 */

export type ReadApi = 'GPUBuffer' | 'getImageData' | 'VideoFrame.copyTo' | 'convertToBlob'
export type Read = {
  readonly api: ReadApi
  /** What the buffer is called; the size of a picture. */
  readonly what: string
  readonly bytes: number
}

const channelName = 'valley-readbacks'
type Question = { readonly ask: string }
type Reply = { readonly reads: readonly Read[] }

let reads: Read[] = []

/** Reads of the worker called `name` since it was asked last. */
export function takeReads(name: 'vision' | 'language'): Promise<readonly Read[]> {
  return new Promise((resolve) => {
    const channel = new BroadcastChannel(`${channelName}-${name}`)
    channel.onmessage = ({ data }: MessageEvent<Question | Reply>) => {
      if (!('reads' in data)) return
      channel.close()
      resolve(data.reads)
    }
    channel.postMessage({ ask: name } satisfies Question)
  })
}

/** Wraps the APIs of this worker and answers `takeReads` under `name`. */
export function instrument(name: 'vision' | 'language'): void {
  const channel = new BroadcastChannel(`${channelName}-${name}`)
  channel.onmessage = ({ data }: MessageEvent<Question | Reply>) => {
    if (!('ask' in data)) return
    channel.postMessage({ reads } satisfies Reply)
    reads = []
  }
  wrapBuffers()
  wrapPictures()
  wrapAdapter()
}

function wrapBuffers(): void {
  const mapped = new WeakSet<GPUBuffer>()
  const { mapAsync, getMappedRange } = GPUBuffer.prototype
  GPUBuffer.prototype.mapAsync = function (this: GPUBuffer, mode, ...rest) {
    if (mode & GPUMapMode.READ) mapped.add(this)
    else mapped.delete(this)
    return mapAsync.call(this, mode, ...rest)
  }
  GPUBuffer.prototype.getMappedRange = function (this: GPUBuffer, ...range) {
    const bytes = getMappedRange.apply(this, range)
    // What is mapped for writing, or from its creation on, goes the other way.
    if (mapped.has(this)) reads.push({ api: 'GPUBuffer', what: this.label, bytes: bytes.byteLength })
    return bytes
  }
}

function wrapPictures(): void {
  const { getImageData } = OffscreenCanvasRenderingContext2D.prototype
  OffscreenCanvasRenderingContext2D.prototype.getImageData = function (left, top, width, height, ...rest) {
    const data = getImageData.call(this, left, top, width, height, ...rest)
    reads.push({ api: 'getImageData', what: `${width}x${height}`, bytes: data.data.byteLength })
    return data
  }
  const { copyTo } = VideoFrame.prototype
  VideoFrame.prototype.copyTo = function (this: VideoFrame, ...rest) {
    const what = `${this.codedWidth}x${this.codedHeight}`
    reads.push({ api: 'VideoFrame.copyTo', what, bytes: this.allocationSize() })
    return copyTo.apply(this, rest)
  }
  const { convertToBlob } = OffscreenCanvas.prototype
  OffscreenCanvas.prototype.convertToBlob = function (this: OffscreenCanvas, ...rest) {
    const { width, height } = this
    reads.push({ api: 'convertToBlob', what: `${width}x${height}`, bytes: 4 * width * height })
    return convertToBlob.apply(this, rest)
  }
}

function wrapAdapter(): void {
  const info = { vendor: 'test', architecture: 'instrumented', device: '', description: '', isFallbackAdapter: false }
  Object.defineProperty(GPUAdapter.prototype, 'info', { get: () => info })
}
