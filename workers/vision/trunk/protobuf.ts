/**
 * Protocol buffers on the wire, as far as ONNX needs them: https://protobuf.dev/programming-guides/encoding/
 * protobufjs calls eval, which the page's policy refuses.
 */

export type Field = {
  readonly number: number
  /** Of a varint. */
  readonly value: number | undefined
  /** What a length-delimited field holds; else nothing. A view. */
  readonly body: Uint8Array<ArrayBuffer>
  /** The field with its tag. A view. */
  readonly whole: Uint8Array<ArrayBuffer>
}

const nothing = new Uint8Array()

/** Errors: RangeError where a field goes beyond the end or is of no known kind. */
export function* fieldsOf(message: Uint8Array): Generator<Field, void, undefined> {
  const bytes = new Uint8Array(message.buffer as ArrayBuffer, message.byteOffset, message.byteLength)
  let at = 0
  /** 64 bits; what does not fit into 53 is a negative number, of which nothing here knows. */
  const next = (): number => {
    let [value, factor] = [0, 1]
    for (;;) {
      const byte = bytes[at++]
      if (byte === undefined) throw new RangeError('a protobuf field ends too late')
      value += (byte & 127) * factor
      if (byte < 128) return value
      factor *= 128
    }
  }
  while (at < bytes.length) {
    const start = at
    const tag = next()
    const kind = tag & 7
    let value: number | undefined
    let body = nothing
    if (kind === 0) value = next()
    else if (kind === 2) {
      const length = next()
      body = bytes.subarray(at, at + length)
      at += length
    } else if (kind === 1 || kind === 5) at += kind === 1 ? 8 : 4
    else throw new RangeError(`a protobuf field of kind ${kind}`)
    if (at > bytes.length) throw new RangeError('a protobuf field ends too late')
    yield { number: Math.floor(tag / 8), value, body, whole: bytes.subarray(start, at) }
  }
}

/** The integers of a repeated field, packed or not. */
export function numbersOf(message: Uint8Array, number: number): number[] {
  const values: number[] = []
  for (const field of fieldsOf(message)) {
    if (field.number !== number) continue
    if (field.value !== undefined) values.push(field.value)
    else for (let at = 0; at < field.body.length; ) at = readVarint(field.body, at, values)
  }
  return values
}

function readVarint(bytes: Uint8Array, start: number, into: number[]): number {
  let [value, factor, at] = [0, 1, start]
  for (;;) {
    const byte = bytes[at++] ?? 0
    value += (byte & 127) * factor
    factor *= 128
    if (byte < 128) break
  }
  into.push(value)
  return at
}

const decoder = new TextDecoder()
export const textOf = (bytes: Uint8Array): string => decoder.decode(bytes)

export function varint(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest]
    bytes.push((rest % 128) | 128)
  }
}

export const lengthDelimited = (number: number, body: Uint8Array): Uint8Array<ArrayBuffer> =>
  join([new Uint8Array([...varint(number * 8 + 2), ...varint(body.length)]), body])

export function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}
