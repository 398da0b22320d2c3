/**
 * What a hub's decoder remembers of the positions that it ran, in the form that its graph takes and gives: keys and values
 * [1, kvHeads, P, headDim] that grow by each call, and LFM2's short convolutions [1, hidden, inputs] that do not. In the
 * memory of the CPU.
 */
import type { HubText } from '../../packs/hub/config'
import type { OrtModule } from '../../runtime/ort'

type Tensors = InstanceType<OrtModule['Tensor']>
type Outputs = Readonly<Record<string, Tensors | undefined>>

/** States of the convolutions after so many positions; `passing`: inside an answer, of use until the next token only. */
type Checkpoint = {
  readonly length: number
  readonly states: readonly Float32Array<ArrayBuffer>[]
  readonly passing: boolean
}

export class HubPast {
  readonly #ort: OrtModule
  readonly #text: HubText
  /** By `attentionNames`, each [kvHeads, length, headDim]. */
  #rows: Float32Array<ArrayBuffer>[]
  /** Ascending; the last is of now. Those before are where the positions can be cut off. */
  #checkpoints: Checkpoint[]
  #length = 0

  constructor(ort: OrtModule, text: HubText) {
    this.#ort = ort
    this.#text = text
    this.#rows = attentionNames(text).map(() => new Float32Array(0))
    this.#checkpoints = [{ length: 0, states: text.convLayers.map(() => this.#emptyState()), passing: false }]
  }

  get length(): number {
    return this.#length
  }

  /** Of `length` positions from the start, how many can be kept: a convolution's state stands at few places. */
  reusable(length: number): number {
    if (this.#text.convLayers.length === 0) return length
    return this.#checkpoints.findLast((checkpoint) => checkpoint.length <= length)?.length ?? 0
  }

  /** The graph's inputs. The caller disposes of them after the run. */
  feeds(): Record<string, Tensors> {
    const { kvHeads, headDim, hiddenSize, convCache } = this.#text
    const rows = attentionNames(this.#text).map((name, at) => [
      `past_key_values.${name}`,
      new this.#ort.Tensor('float32', this.#rows[at] ?? new Float32Array(0), [1, kvHeads, this.#length, headDim]),
    ])
    const states = this.#checkpoints.at(-1)?.states ?? []
    const convolutions = this.#text.convLayers.map((layer, at) => [
      `past_conv.${layer}`,
      new this.#ort.Tensor('float32', states[at] ?? this.#emptyState(), [1, hiddenSize, convCache]),
    ])
    return Object.fromEntries([...rows, ...convolutions])
  }

  /** Takes what a run of `added` positions gave in place of what was here; the outputs may be disposed of afterwards. */
  take(outputs: Outputs, added: number): void {
    const data = (name: string) => Float32Array.from(outputs[name]?.data as Float32Array)
    this.#rows = attentionNames(this.#text).map((name) => data(`present.${name}`))
    this.#length += added
    const states = this.#text.convLayers.map((layer) => data(`present_conv.${layer}`))
    const before = this.#checkpoints.at(-1)?.passing ? this.#checkpoints.slice(0, -1) : this.#checkpoints
    this.#checkpoints = [...before, { length: this.#length, states, passing: added === 1 }]
  }

  /** Throws RangeError where a convolution has no state of that place; see `reusable`. */
  truncate(length: number): void {
    if (length >= this.#length) return
    if (this.reusable(length) !== length) throw new RangeError(`no state of ${length} positions is held`)
    this.#cut(length)
    this.#checkpoints = this.#checkpoints.filter((checkpoint) => checkpoint.length <= length)
  }

  /** Copies of the first `length` positions' keys and values, and of the states there. */
  save(length: number): Float32Array<ArrayBuffer>[] {
    if (this.reusable(length) !== length) throw new RangeError(`no state of ${length} positions is held`)
    const states = this.#checkpoints.find((checkpoint) => checkpoint.length === length)?.states ?? []
    return [...this.#rows.map((rows) => this.#first(rows, length)), ...states.map((state) => state.slice())]
  }

  /** Holds what `save` gave for `length` positions, and nothing else. Throws RangeError where that does not fit. */
  restore(tensors: readonly Float32Array<ArrayBuffer>[], length: number): void {
    const { kvHeads, headDim, convLayers } = this.#text
    const count = this.#rows.length
    const fits =
      tensors.length === count + convLayers.length &&
      tensors.slice(0, count).every((rows) => rows.length === kvHeads * length * headDim)
    if (!fits) throw new RangeError('the kept positions are of another decoder')
    this.#rows = tensors.slice(0, count).map((rows) => rows.slice())
    this.#length = length
    this.#checkpoints = [{ length, states: tensors.slice(count).map((state) => state.slice()), passing: false }]
  }

  #cut(length: number): void {
    this.#rows = this.#rows.map((rows) => this.#first(rows, length))
    this.#length = length
  }

  /** The first `length` positions of [kvHeads, P, headDim]. */
  #first(rows: Float32Array, length: number): Float32Array<ArrayBuffer> {
    const { kvHeads, headDim } = this.#text
    const kept = new Float32Array(kvHeads * length * headDim)
    for (let head = 0; head < kvHeads; head++) {
      const from = head * this.#length * headDim
      kept.set(rows.subarray(from, from + length * headDim), head * length * headDim)
    }
    return kept
  }

  #emptyState(): Float32Array<ArrayBuffer> {
    return new Float32Array(this.#text.hiddenSize * this.#text.convCache)
  }
}

const attentionNames = ({ attentionLayers }: HubText): string[] =>
  attentionLayers.flatMap((layer) => [`${layer}.key`, `${layer}.value`])
