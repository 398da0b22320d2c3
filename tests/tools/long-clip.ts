/** A clip of any length out of one short one, without encoding anything: its first frame again and again. */
import { readFileSync } from 'node:fs'
import {
  BufferSource,
  BufferTarget,
  EncodedPacket,
  EncodedPacketSink,
  EncodedVideoPacketSource,
  Input,
  Output,
  WEBM,
  WebMOutputFormat,
} from 'mediabunny'

/**
 * @param from  path of a VP9 clip in WebM; its first packet is a key frame
 * @param seconds  length of the clip
 * @param every  seconds from one frame to the next
 * @param keyEvery  seconds from one frame that is marked as a key frame to the next; `every` where absent
 * @returns a WebM file
 */
export async function longClip(from: string, seconds: number, every: number, keyEvery = every): Promise<Buffer> {
  const input = new Input({ source: new BufferSource(readFileSync(from)), formats: [WEBM] })
  const track = await input.getPrimaryVideoTrack()
  const frame = track && (await new EncodedPacketSink(track).getFirstPacket())
  const decoderConfig = await track?.getDecoderConfig()
  if (!frame || !decoderConfig) throw new Error(`${from} holds no video`)
  const target = new BufferTarget()
  const output = new Output({ format: new WebMOutputFormat(), target })
  const source = new EncodedVideoPacketSource('vp9')
  output.addVideoTrack(source)
  await output.start()
  for (let at = 0; at < seconds; at += every)
    await source.add(new EncodedPacket(frame.data, at % keyEvery === 0 ? 'key' : 'delta', at, every), { decoderConfig })
  await output.finalize()
  input.dispose()
  return Buffer.from(target.buffer ?? new ArrayBuffer(0))
}
