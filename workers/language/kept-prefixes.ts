/**
 * The keys and values of clips' prefixes (system prompt, visual tokens, quotes), kept between visits: the first question
 * about a known clip then costs only its own text. They are a function of the weights, the graph, the chunks and the
 * input embeddings, and are named by all of these (and the pack), so what is found is to the bit what would be computed.
 */
import { jsonHash, sha256 } from '../cache/hash'
import { type RecordStore, recordStore } from '../cache/records'
import { keptFolders } from '../protocol'
import { type Context, chunkTokens, sinkTokens } from './context'
import { commonPrefix, type Sequence } from './splice'

/** Part of every name: raised whenever prefilling gives other numbers. */
const version = 1
/** Bytes of all prefixes together; one of 100 positions of the 135M base takes 4.6 MB. */
const budget = 256e6

/** A prefix and where its chunks begin. */
export type Prefix = { readonly sequence: Sequence; readonly boundaries: readonly number[] }

export class KeptPrefixes {
  readonly #store: RecordStore
  readonly #identity: string
  /** Names that are kept already, or cannot be. */
  readonly #settled = new Set<string>()

  /** @param identity  hash of pack, weights, graph and backend */
  constructor(identity: string, store: RecordStore = recordStore(keptFolders.prefixes, budget)) {
    this.#store = store
    this.#identity = identity
  }

  /** Puts the prefix into the context where it is kept and the context does not hold it. Resolves to whether it did. */
  async restore(context: Context, prefix: Prefix): Promise<boolean> {
    const { keys } = prefix.sequence
    if (commonPrefix(context.keys, keys) === keys.length) return false
    const name = await this.#name(prefix)
    const record = await this.#store.read(name)
    if (!record) return false
    try {
      context.restore(keys, record.parts)
      this.#settled.add(name)
      return true
    } catch (thrown) {
      console.warn('a kept prefix does not fit, and is dropped', thrown)
      await this.#store.remove(name)
      return false
    }
  }

  /** Keeps the prefix that the context begins with. Resolves when its rows are copied; they are written afterwards. */
  async keep(context: Context, prefix: Prefix): Promise<void> {
    const { keys } = prefix.sequence
    const name = await this.#name(prefix)
    if (this.#settled.has(name) || commonPrefix(context.keys, keys) < keys.length) return
    this.#settled.add(name)
    try {
      const parts = await context.save(keys.length)
      void this.#store.write(name, { meta: null, parts })
    } catch (thrown) {
      console.warn('a prefix is not kept', thrown)
    }
  }

  async #name({ sequence, boundaries }: Prefix): Promise<string> {
    const embeddings = sequence.embed(0, sequence.keys.length)
    const rows = await sha256(new Uint8Array(embeddings.slice().buffer))
    return jsonHash([version, this.#identity, sinkTokens, chunkTokens, boundaries, rows])
  }
}
