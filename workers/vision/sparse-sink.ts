/**
 * Decodes only what the wanted frames need. Of the frames between a key frame and a wanted one, those that no other frame
 * refers to say nothing of it: in H.264 they are marked (nal_ref_idc 0, ITU-T H.264 7.4.1), and leaving them out is what
 * the standard calls temporal scalability. Of x264's usual B-frames that is two frames of four.
 */
import {
  type EncodedPacket,
  EncodedPacketSink,
  type InputVideoTrack,
  type PacketRetrievalOptions,
  VideoSampleSink,
} from 'mediabunny'

/** Bytes of the length before each NAL unit; null: start codes between them (Annex B). */
type NalFraming = number | null

/** As VideoSampleSink; `samplesAtTimestamps` leaves out frames that it neither gives nor needs. */
export class SparseSampleSink extends VideoSampleSink {
  readonly #track: InputVideoTrack
  readonly #framing: NalFraming | undefined

  /** @param framing  of the track's NAL units; undefined where its frames are not to be told apart */
  private constructor(track: InputVideoTrack, framing: NalFraming | undefined) {
    super(track)
    this.#track = track
    this.#framing = framing
  }

  static async open(track: InputVideoTrack): Promise<SparseSampleSink> {
    if ((await track.getCodec()) !== 'avc') return new SparseSampleSink(track, undefined)
    return new SparseSampleSink(track, nalFraming((await track.getDecoderConfig())?.description))
  }

  /** Where VideoSampleSink takes its packets from; not part of mediabunny's documented surface, see the test of it. */
  _createPacketSink(): EncodedPacketSink {
    const framing = this.#framing
    return framing === undefined ? new EncodedPacketSink(this.#track) : new SparsePacketSink(this.#track, framing)
  }
}

/** Walks from packet to packet past those that nobody asked for and nothing refers to. */
class SparsePacketSink extends EncodedPacketSink {
  /** Timestamps of the packets that were asked for by time. */
  readonly #wanted = new Set<number>()

  constructor(
    track: InputVideoTrack,
    readonly framing: NalFraming,
  ) {
    super(track)
  }

  override async getPacket(timestamp: number, options?: PacketRetrievalOptions): Promise<EncodedPacket | null> {
    const packet = await super.getPacket(timestamp, options)
    if (packet) this.#wanted.add(packet.timestamp)
    return packet
  }

  override async getNextPacket(packet: EncodedPacket, options?: PacketRetrievalOptions): Promise<EncodedPacket | null> {
    let next = await super.getNextPacket(packet, options)
    while (next && !this.#wanted.has(next.timestamp) && isDisposable(next.data, this.framing))
      next = await super.getNextPacket(next, options)
    return next
  }
}

/** How NAL units stand in a track's packets, by its AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1). */
function nalFraming(description: AllowSharedBufferSource | undefined): NalFraming {
  if (!description) return null
  const bytes = ArrayBuffer.isView(description)
    ? new Uint8Array(description.buffer, description.byteOffset, description.byteLength)
    : new Uint8Array(description)
  return ((bytes[4] ?? 3) & 3) + 1
}

/** Whether no other picture is predicted from this one: it has slices, and none of them is of a reference picture. */
export function isDisposable(packet: Uint8Array, framing: NalFraming): boolean {
  let slices = 0
  for (const header of nalHeaders(packet, framing)) {
    const type = header & 0x1f
    if (type < 1 || type > 5) continue
    if ((header >> 5) & 3) return false
    slices++
  }
  return slices > 0
}

/** The first byte of each NAL unit. */
function* nalHeaders(packet: Uint8Array, framing: NalFraming): Generator<number, void, undefined> {
  if (framing === null) {
    for (let at = 0; at + 3 < packet.length; at++) {
      if (packet[at] !== 0 || packet[at + 1] !== 0 || packet[at + 2] !== 1) continue
      yield packet[at + 3] as number
      at += 3
    }
    return
  }
  for (let at = 0; at + framing < packet.length; ) {
    let length = 0
    for (let byte = 0; byte < framing; byte++) length = length * 256 + (packet[at + byte] as number)
    yield packet[at + framing] as number
    at += framing + length
  }
}
