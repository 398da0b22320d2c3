/**
 * What a hub's decoder remembers of the positions that it ran, in the form that its graph takes and gives: keys and values
 * [1, kvHeads, P, headDim] that grow by each call, and LFM2's short convolutions [1, hidden, inputs] that do not.
 */
import type { Tensor } from 'onnxruntime-web'
import type { HubText } from '../../packs/hub/config'
import type { Ledger } from '../../runtime/ledger'
import { bytesOf, type PastMemory } from './memory'

type Outputs = Readonly<Record<string, Tensor | undefined>>

/**
 * States of the convolutions after so many positions. `passing`: after one of several single positions in a row, that is
 * inside an answer, and of use until the next one only.
 */
type Checkpoint = { readonly length: number; readonly states: readonly Tensor[]; readonly passing: boolean }

export class HubPast {
  readonly #memory: PastMemory
  readonly #text: HubText
  readonly #ledger: Ledger
  /** By `attentionNames`, each [1, kvHeads, length, headDim]. */
  #rows: readonly Tensor[]
  /** Ascending; the last is of now. Those before are where the positions can be cut off. */
  #checkpoints: readonly Checkpoint[]
  #length = 0
  /** Positions of the last run. */
  #added = 0
  #uncount: () => void

  constructor(memory: PastMemory, text: HubText, ledger: Ledger) {
    this.#memory = memory
    this.#text = text
    this.#ledger = ledger
    this.#rows = attentionNames(text).map(() => this.#emptyRows())
    this.#checkpoints = [this.#beginning()]
    this.#uncount = ledger.open('kv-cache')
  }

  get length(): number {
    return this.#length
  }

  /** Of `length` positions from the start, how many can be kept: a convolution's state stands at few places. */
  reusable(length: number): number {
    if (this.#text.convLayers.length === 0) return length
    return this.#checkpoints.findLast((checkpoint) => checkpoint.length <= length)?.length ?? 0
  }

  /** The graph's inputs; they stay this object's. */
  feeds(): Record<string, Tensor> {
    const rows = attentionNames(this.#text).map((name, at) => [`past_key_values.${name}`, this.#rows[at]])
    const states = this.#checkpoints.at(-1)?.states ?? []
    const convolutions = this.#text.convLayers.map((layer, at) => [`past_conv.${layer}`, states[at]])
    return Object.fromEntries([...rows, ...convolutions])
  }

  /** Takes what a run of `added` positions gave in place of what was here. The tensors are this object's from then on. */
  take(outputs: Outputs, added: number): void {
    const all = presentNames(this.#text).map((name) => {
      const tensor = outputs[name]
      if (!tensor) throw new TypeError(`the graph gave no ${name}`)
      return tensor
    })
    const rows = all.slice(0, this.#rows.length)
    const states = all.slice(this.#rows.length)
    for (const tensor of this.#rows) tensor.dispose()
    this.#rows = rows
    this.#length += added
    const passing = this.#checkpoints.at(-1)?.passing === true
    this.#drop(passing ? this.#checkpoints.slice(-1) : [])
    this.#checkpoints = [
      ...(passing ? this.#checkpoints.slice(0, -1) : this.#checkpoints),
      { length: this.#length, states, passing: added === 1 && this.#added === 1 },
    ]
    this.#added = added
    this.#count()
  }

  /** Throws RangeError where a convolution has no state of that place; see `reusable`. */
  truncate(length: number): void {
    if (length >= this.#length) return
    this.#require(length)
    const before = this.#rows
    this.#rows = before.map((rows) => this.#memory.first(rows, length))
    for (const tensor of before) tensor.dispose()
    this.#length = length
    this.#drop(this.#checkpoints.filter((checkpoint) => checkpoint.length > length))
    this.#checkpoints = this.#checkpoints.filter((checkpoint) => checkpoint.length <= length)
    this.#count()
  }

  /** Copies of the first `length` positions' keys and values, and of the states there. Errors: device-lost */
  async save(length: number): Promise<Uint8Array<ArrayBuffer>[]> {
    this.#require(length)
    const states = this.#checkpoints.find((checkpoint) => checkpoint.length === length)?.states ?? []
    const saved: Uint8Array<ArrayBuffer>[] = []
    for (const rows of this.#rows) {
      const first = this.#memory.first(rows, length)
      try {
        saved.push(await this.#memory.read(first))
      } finally {
        first.dispose()
      }
    }
    for (const state of states) saved.push(await this.#memory.read(state))
    return saved
  }

  /** Holds what `save` gave for `length` positions, and nothing else. Throws RangeError where that does not fit. */
  restore(saved: readonly Uint8Array<ArrayBuffer>[], length: number): void {
    const { kvHeads, headDim, convLayers, hiddenSize, convCache } = this.#text
    const element = bytesOf(this.#memory.type)
    const count = this.#rows.length
    const fits =
      saved.length === count + convLayers.length &&
      saved.every((bytes, at) =>
        at < count
          ? bytes.length === kvHeads * length * headDim * element
          : bytes.length === hiddenSize * convCache * element,
      )
    if (!fits) throw new RangeError('the kept positions are of another decoder')
    this.#release()
    this.#rows = saved.slice(0, count).map((bytes) => this.#memory.put(bytes.slice(), [1, kvHeads, length, headDim]))
    const states = saved.slice(count).map((bytes) => this.#memory.put(bytes.slice(), [1, hiddenSize, convCache]))
    this.#checkpoints = [this.#beginning(), { length, states, passing: false }]
    this.#length = length
    this.#added = length
    this.#count()
  }

  dispose(): void {
    this.#release()
    this.#rows = []
    this.#checkpoints = []
    this.#uncount()
  }

  #require(length: number): void {
    if (this.reusable(length) !== length) throw new RangeError(`no state of ${length} positions is held`)
  }

  #release(): void {
    for (const tensor of this.#rows) tensor.dispose()
    this.#drop(this.#checkpoints)
  }

  #drop(checkpoints: readonly Checkpoint[]): void {
    for (const { states } of checkpoints) for (const tensor of states) tensor.dispose()
  }

  /** One cache in the ledger, of the size that it has now. */
  #count(): void {
    const held = [...this.#rows, ...this.#checkpoints.flatMap(({ states }) => states)]
    const onGpu = held.filter(({ location }) => location === 'gpu-buffer')
    const element = bytesOf(this.#memory.type)
    const bytes = onGpu.reduce((sum, { dims }) => sum + dims.reduce((a, b) => a * b, element), 0)
    this.#uncount()
    this.#uncount = this.#ledger.open('kv-cache', bytes)
  }

  #emptyRows(): Tensor {
    const { kvHeads, headDim } = this.#text
    return this.#memory.put(new Uint8Array(0), [1, kvHeads, 0, headDim])
  }

  #beginning(): Checkpoint {
    const { hiddenSize, convCache, convLayers } = this.#text
    const bytes = hiddenSize * convCache * bytesOf(this.#memory.type)
    const states = convLayers.map(() => this.#memory.put(new Uint8Array(bytes), [1, hiddenSize, convCache]))
    return { length: 0, states, passing: false }
  }
}

/** What the graph gives to be remembered: keys and values, then convolutions. */
export const presentNames = (text: HubText): string[] => [
  ...attentionNames(text).map((name) => `present.${name}`),
  ...text.convLayers.map((layer) => `present_conv.${layer}`),
]

const attentionNames = ({ attentionLayers }: HubText): string[] =>
  attentionLayers.flatMap((layer) => [`${layer}.key`, `${layer}.value`])
