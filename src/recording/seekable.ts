/**
 * MediaRecorder writes as it goes: its files have no duration in the header and no index, so a player can neither show
 * their length nor seek well. The packets are copied into a file that has both; no picture is encoded again.
 *
 * mediabunny could record by itself, too. Its recorder runs workers from blob addresses in browsers other than Chromium,
 * which our Content-Security-Policy refuses, and gets no pictures there while the page is out of sight, as it is when
 * another window is recorded. MediaRecorder has neither trouble.
 */
import {
  BlobSource,
  BufferTarget,
  EncodedPacketSink,
  EncodedVideoPacketSource,
  Input,
  MATROSKA,
  MP4,
  Mp4OutputFormat,
  Output,
  WEBM,
  WebMOutputFormat,
} from 'mediabunny'
import type { RecordingFormat } from './format'

/**
 * The same recording with duration and index; null where it holds not one picture.
 * @throws where the recording is not what it says, as mediabunny does
 */
export async function makeSeekable(recording: Blob, format: RecordingFormat): Promise<Blob | null> {
  const input = new Input({ source: new BlobSource(recording), formats: [WEBM, MATROSKA, MP4] })
  const target = new BufferTarget()
  const output = new Output({
    format: format.container === 'mp4' ? new Mp4OutputFormat({ fastStart: 'in-memory' }) : new WebMOutputFormat(),
    target,
  })
  try {
    const track = await input.getPrimaryVideoTrack()
    const codec = await track?.getCodec()
    const decoderConfig = await track?.getDecoderConfig()
    if (!track || !codec || !decoderConfig) return null
    const copy = new EncodedVideoPacketSource(codec)
    output.addVideoTrack(copy, { rotation: await track.getRotation() })
    await output.start()
    let pictures = 0
    for await (const packet of new EncodedPacketSink(track).packets()) {
      await copy.add(packet, { decoderConfig })
      pictures += 1
    }
    if (pictures === 0) return null
    await output.finalize()
    // The type without its codecs, which stand in the file.
    return target.buffer && new Blob([target.buffer], { type: `video/${format.container}` })
  } finally {
    input.dispose()
    if (output.state !== 'finalized' && output.state !== 'canceled') await output.cancel()
  }
}
