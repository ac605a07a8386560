// Reads native blocks from an ndjson file: one JSON object a line, checked field by field, of any
// size, because only one line is held at a time.
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { MetaTransaction } from 'libmetachain'

/** One line may hold this many bytes; a file may hold any number of lines. */
const LINE_BYTES_MAX = 256 * 1024 * 1024

const INT64_MAX = (1n << 63n) - 1n

/** What is wrong with a line, or with the file; the message begins with where. */
export class InputError extends Error {}

/** A native block as a line gives it, before anything is minted. */
export interface InputBlock {
  readonly nativeHeight: number
  readonly nativeHash: Uint8Array
  readonly nativeParentHash: Uint8Array
  readonly time: number
  readonly txs: readonly MetaTransaction[]
}

interface Line {
  readonly number: number
  readonly text: string
  /** Bytes of the file up to the line's end. */
  readonly end: number
}

/** The lines of a file, without their ends. Blank lines are skipped but counted. */
async function* lines(path: string): AsyncGenerator<Line> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let parts: Uint8Array[] = []
  let held = 0
  let number = 0
  let end = 0
  const finish = (): Line | null => {
    number += 1
    const bytes = Buffer.concat(parts)
    parts = []
    held = 0
    let text
    try {
      text = decoder.decode(bytes).trim()
    } catch {
      throw new InputError(`${path}:${number}: not UTF-8 text`)
    }
    return text === '' ? null : { number, text, end }
  }
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
    let start = 0
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, start)) {
      parts.push(chunk.subarray(start, at))
      end += at + 1 - start
      start = at + 1
      const line = finish()
      if (line) yield line
    }
    parts.push(chunk.subarray(start))
    end += chunk.length - start
    held += chunk.length - start
    if (held > LINE_BYTES_MAX) throw new InputError(`${path}:${number + 1}: the line is longer than ${LINE_BYTES_MAX} bytes`)
  }
  if (held > 0) {
    const line = finish()
    if (line) yield line
  }
}

/** Reads one object, refusing fields that are missing or unknown: a misspelt one must not pass unseen. */
function record(value: unknown, where: string, required: readonly string[], optional: readonly string[] = []): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new InputError(`${where || 'the line'} must be a JSON object`)
  const fields = value as Record<string, unknown>
  const prefix = where && `${where}.`
  for (const name of required) if (!Object.hasOwn(fields, name)) throw new InputError(`${prefix}${name} is missing`)
  for (const name of Object.keys(fields))
    if (!required.includes(name) && !optional.includes(name)) throw new InputError(`${prefix}${name} is not a known field`)
  return fields
}

function wholeNumber(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new InputError(`${name} must be a whole number from 0 to 2^53 - 1`)
  return value
}

function hash(value: unknown, name: string): Uint8Array {
  if (typeof value !== 'string' || !/^[0-9a-fA-F]{64}$/.test(value)) throw new InputError(`${name} must be 64 hex digits`)
  return Buffer.from(value, 'hex')
}

function text(value: unknown, name: string): string {
  if (typeof value !== 'string') throw new InputError(`${name} must be a string`)
  return value
}

/** An amount of base units. Zero and negative ones are well-formed: the metachain rejects them. */
function amount(value: unknown, name: string): bigint {
  if (typeof value !== 'string' || !/^-?[0-9]{1,19}$/.test(value)) throw new InputError(`${name} must be a string of decimal digits, in base units`)
  const number = BigInt(value)
  if (number > INT64_MAX || number < -INT64_MAX - 1n) throw new InputError(`${name} does not fit in 64 bits`)
  return number
}

function transaction(value: unknown, where: string): MetaTransaction {
  const fields = record(value, where, ['from', 'to', 'amount'], ['txid'])
  const parsed = { from: text(fields.from, `${where}.from`), to: text(fields.to, `${where}.to`), amount: amount(fields.amount, `${where}.amount`) }
  return fields.txid === undefined ? parsed : { ...parsed, txid: hash(fields.txid, `${where}.txid`) }
}

/** Reads one line. Throws `InputError` that names the field. */
export function parseBlock(line: string): InputBlock {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    throw new InputError(`not valid JSON: ${(error as Error).message}`)
  }
  const fields = record(value, '', ['nativeHeight', 'nativeHash', 'nativeParentHash', 'time', 'txs'])
  if (!Array.isArray(fields.txs)) throw new InputError('txs must be an array')
  return {
    nativeHeight: wholeNumber(fields.nativeHeight, 'nativeHeight'),
    nativeHash: hash(fields.nativeHash, 'nativeHash'),
    nativeParentHash: hash(fields.nativeParentHash, 'nativeParentHash'),
    time: wholeNumber(fields.time, 'time'),
    txs: fields.txs.map((item, index) => transaction(item, `txs[${index}]`)),
  }
}

/** The size of the input in bytes. Throws `InputError` where it is no readable file. */
export async function inputBytes(path: string): Promise<number> {
  try {
    const found = await stat(path)
    if (found.isDirectory()) throw new InputError(`${path} is a directory, not a file`)
    return found.size
  } catch (error) {
    if (error instanceof InputError) throw error
    throw new InputError(`${path} cannot be read: ${(error as Error).message}`)
  }
}

/** The native blocks of a file, in order, each with the number of its line and the bytes read so far. */
export async function* readBlocks(path: string): AsyncGenerator<{ line: number; end: number; block: InputBlock }> {
  for await (const { number, text, end } of lines(path)) {
    let block
    try {
      block = parseBlock(text)
    } catch (error) {
      if (error instanceof InputError) throw new InputError(`${path}:${number}: ${error.message}`)
      throw error
    }
    yield { line: number, end, block }
  }
}
