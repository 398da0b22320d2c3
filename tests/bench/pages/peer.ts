/** What a peer's page offers to the bench on `window.peer`; figures in milliseconds and tokens. */
import type { Turn } from '../../../workers/protocol'

export type PeerAnswer = {
  readonly text: string
  readonly promptTokens: number
  readonly newTokens: number
  readonly prefillMs: number
  /** From the first token to the last. */
  readonly decodeMs: number
  /** From the call to the end of the answer, as the page sees it. */
  readonly wallMs: number
}

export type PeerQuestion = {
  readonly turns: readonly Turn[]
  readonly question: string
  readonly maxNewTokens: number
}

/** Greedy, without a repetition penalty. */
export type Peer = {
  load(): Promise<void>
  /** A conversation of text alone. */
  chat(asked: PeerQuestion): Promise<PeerAnswer>
}

export type ClipPeer = Peer & {
  /** A question about the clip in the page's file input, of which `frames` frames are looked at. */
  askAboutClip(asked: PeerQuestion & { readonly frames: number }): Promise<PeerAnswer>
  /** Milliseconds from that clip to its visual tokens. */
  clipTokens(frames: number): Promise<number>
}

declare global {
  var peer: Peer
}

/** A parameter of the page's address. Throws where there is none. */
export function parameter(name: string): string {
  const value = new URL(location.href).searchParams.get(name)
  if (value === null) throw new Error(`the address has no ${name}`)
  return value
}
