// A data driver: a contract's own wasm module, turning its rkyv bytes into JSON and back, inside a sandbox.
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { driverCalls, loadDriver, type NativeDriver, type NativeDriverOptions } from '#binding'
import { Checks } from './arguments.js'
import { type BatchOptions, type BatchResult, type Operation, runBatch } from './driver-batch.js'
import { badDriverArgument, call, callAsync, DriverError, fromFailure } from './errors.js'
import { type Integers, type Json, parseJson, stringifyJson } from './json.js'

/** How a driver is loaded, and what each of its calls may use. */
export interface DriverOptions {
  /** Longest time of one call, milliseconds (default 1000). Never ends early; see `Driver` for its resolution. */
  deadlineMs?: number
  /** Most linear memory of one instance, bytes (default 64 MiB). */
  memoryBytesMax?: number
  /** Longest name or data given to one call, bytes (default 16 MiB). */
  inputBytesMax?: number
  /** Longest answer of one call, bytes (default 16 MiB). */
  outputBytesMax?: number
  /** `reuse` (default) keeps instances between calls; `fresh` makes a new one for every call. */
  isolation?: 'reuse' | 'fresh'
  /**
   * `tiered` (default) compiles quickly, and well in the background once calls spend time in that code;
   * `quick` leaves it at the first; `full` compiles well before loading ends. Calls answer the same.
   */
  optimization?: 'tiered' | 'quick' | 'full'
  /** `lossless`: integers beyond 2^53 - 1 in decoded JSON come back as bigint (default `number`). */
  integers?: 'number' | 'lossless'
  /** Directory, private to this user, that keeps compiled code between processes (default: none). */
  cacheDir?: string
  /** SHA-256 of the module, hex: any other module is refused with `DRIVER_HASH_MISMATCH`. */
  expectedHash?: string
}

/** One item of a decoding batch: the function's or event's name, and its rkyv bytes. */
export interface DriverItem {
  name: string
  data: Uint8Array
}

const checks: Checks = new Checks(badDriverArgument)
const mebibyte = 1 << 20

/**
 * The synchronous calls, which take a driver by its number: reading a class instance costs them more than a small
 * conversion does. Made with the first driver.
 */
let calls: ReturnType<typeof driverCalls>
/** Where encodings leave their answers, which are copied from here: a small array is made faster in JavaScript. */
const room = new Uint8Array(64 * 1024)

/** Hands a loaded native driver to the class below; set by it, as its constructor is private. @internal */
export let wrapDriver: (native: NativeDriver, integers: Integers) => Driver

/**
 * A loaded data driver.
 *
 * Nothing a driver does can harm the process: it has no imports, its memory, stack, time, input and output
 * are capped, and an instance that trapped or ran out of time is thrown away, so that the next call works.
 * The single calls are synchronous: they hold the event loop for as long as the driver runs, at most its
 * deadline. For many items use the batch calls, which run on native threads and hand their results out in
 * slices.
 *
 * All calls throw `DriverError`. Arguments of the wrong type are `BAD_ARGUMENT`.
 */
export class Driver {
  readonly #native: NativeDriver
  readonly #number: number
  readonly #integers: Integers
  /** SHA-256 of the module, hex. */
  readonly hash: string

  private constructor(native: NativeDriver, integers: Integers) {
    if (!native) throw new DriverError('BAD_ARGUMENT', 'a driver is made by Driver.load or DriverRegistry.get')
    this.#native = native
    this.#integers = integers
    this.hash = call(() => native.hash)
    this.#number = call(() => native.number)
    calls ??= call(() => driverCalls())
  }

  static {
    wrapDriver = (native, integers) => new Driver(native, integers)
  }

  /**
   * Checks, compiles and initialises a module, off the event loop. Compiled code is kept in memory, so that
   * loading the same module again is cheap.
   *
   * @param source the module's bytes, or the path or `file:` URL of a file that holds them.
   * @throws DriverError `DRIVER_REJECTED` (every fault of the module at once), `DRIVER_HASH_MISMATCH`, or
   *   the failure of the module's own `init`; `BAD_ARGUMENT` where there is no such file.
   */
  static async load(source: Uint8Array | string | URL, options: DriverOptions = {}): Promise<Driver> {
    const native = nativeOptions(options)
    const wasm = source instanceof Uint8Array ? source : await readModule(source)
    return new Driver(await callAsync(() => loadDriver(wasm, native)), options.integers ?? 'number')
  }

  /**
   * Encodes the arguments of a contract function, given as a value or as JSON text, to rkyv. A `bigint`
   * is written as a bare integer.
   */
  encodeInputFn(fnName: string, json: string | Json): Uint8Array {
    checks.text(fnName, 'fnName')
    const answer = calls.encodeInputFn(this.#number, fnName, jsonText(json, 'json'), room)
    if (typeof answer === 'number') return room.slice(0, answer)
    if (answer !== undefined) return answer
    throw fromFailure(calls.failure(), this.hash)
  }

  /** Decodes the arguments of a contract function from rkyv. */
  decodeInputFn(fnName: string, rkyv: Uint8Array): Json {
    return this.#parse(this.decodeInputFnJson(fnName, rkyv), 'decode_input_fn')
  }

  /** Decodes what a contract function returned from rkyv. */
  decodeOutputFn(fnName: string, rkyv: Uint8Array): Json {
    return this.#parse(this.decodeOutputFnJson(fnName, rkyv), 'decode_output_fn')
  }

  /** Decodes an event's data from rkyv. */
  decodeEvent(eventName: string, rkyv: Uint8Array): Json {
    return this.#parse(this.decodeEventJson(eventName, rkyv), 'decode_event')
  }

  /** As `decodeInputFn`, but the driver's own JSON text, untouched. */
  decodeInputFnJson(fnName: string, rkyv: Uint8Array): string {
    checks.text(fnName, 'fnName')
    checks.bytes(rkyv, 'rkyv')
    const answer = calls.decodeInputFn(this.#number, fnName, rkyv)
    if (answer !== undefined) return answer
    throw fromFailure(calls.failure(), this.hash)
  }

  /** As `decodeOutputFn`, but the driver's own JSON text, untouched. */
  decodeOutputFnJson(fnName: string, rkyv: Uint8Array): string {
    checks.text(fnName, 'fnName')
    checks.bytes(rkyv, 'rkyv')
    const answer = calls.decodeOutputFn(this.#number, fnName, rkyv)
    if (answer !== undefined) return answer
    throw fromFailure(calls.failure(), this.hash)
  }

  /** As `decodeEvent`, but the driver's own JSON text, untouched. */
  decodeEventJson(eventName: string, rkyv: Uint8Array): string {
    checks.text(eventName, 'eventName')
    checks.bytes(rkyv, 'rkyv')
    const answer = calls.decodeEvent(this.#number, eventName, rkyv)
    if (answer !== undefined) return answer
    throw fromFailure(calls.failure(), this.hash)
  }

  /**
   * Decodes the arguments of many calls, spread over the cores. Results are in the order of the items, an
   * error stands with the item it belongs to, also where the driver is closed (`DRIVER_CLOSED` for each item that
   * has not run); the promise rejects only for a wrong argument (`BAD_ARGUMENT`, naming the item), an abort, or
   * where there is no batch at all (`INTERNAL_IO`). Do not change the items until it settles.
   */
  decodeInputs(items: readonly DriverItem[], options: BatchOptions = {}): Promise<BatchResult<Json>[]> {
    return this.#decode('decode_input_fn', items, options)
  }

  /** As `decodeInputs`, for what functions returned. */
  decodeOutputs(items: readonly DriverItem[], options: BatchOptions = {}): Promise<BatchResult<Json>[]> {
    return this.#decode('decode_output_fn', items, options)
  }

  /** As `decodeInputs`, for events. */
  decodeEvents(items: readonly DriverItem[], options: BatchOptions = {}): Promise<BatchResult<Json>[]> {
    return this.#decode('decode_event', items, options)
  }

  /** As `decodeEvents`, but the driver's own JSON text, untouched. */
  decodeEventsJson(items: readonly DriverItem[], options: BatchOptions = {}): Promise<BatchResult<string>[]> {
    return runBatch(this.#native, items, options, {
      operation: 'decode_event',
      checks,
      read: readItem,
      value: (answers, index) => answers.text(index),
    })
  }

  /** As `decodeInputs`, the other way: encodes the arguments of many calls to rkyv. */
  encodeInputs(
    items: readonly { name: string; json: string | Json }[],
    options: BatchOptions = {},
  ): Promise<BatchResult<Uint8Array>[]> {
    return runBatch(this.#native, items, options, {
      operation: 'encode_input_fn',
      checks,
      read: (item, index) => {
        checks.object(item, `items[${index}]`)
        return { name: checks.text(item.name, `items[${index}].name`), data: jsonText(item.json, `items[${index}].json`) }
      },
      value: (answers, index) => answers.bytes(index),
    })
  }

  /** The contract's schema, or null where the driver has none. */
  getSchema(): Json | null {
    const text = call(() => this.#native.getSchema())
    return text === null ? null : this.#parse(text, 'get_schema')
  }

  /** The driver's version. */
  getVersion(): string {
    const answer = calls.getVersion(this.#number)
    if (answer !== undefined) return answer
    throw fromFailure(calls.failure(), this.hash)
  }

  /** Counters of this driver since it was loaded; names end in their unit where they have one. */
  metrics(): Record<string, number> {
    return call(() => this.#native.metrics())
  }

  /** Lets go of the driver's instances. Later calls throw `DRIVER_CLOSED`; closing again does nothing. */
  close(): void {
    call(() => this.#native.close())
  }

  /** `using driver = …` closes it. */
  [Symbol.dispose](): void {
    this.close()
  }

  #decode(
    operation: Operation,
    items: readonly DriverItem[],
    options: BatchOptions,
  ): Promise<BatchResult<Json>[]> {
    return runBatch(this.#native, items, options, {
      operation,
      checks,
      read: readItem,
      value: (answers, index) => this.#parse(answers.text(index), operation),
    })
  }

  #parse(text: string, phase: string): Json {
    try {
      return parseJson(text, this.#integers)
    } catch (cause) {
      throw new DriverError('DRIVER_ABI', `the driver answered text that is not JSON: ${(cause as Error).message}`, {
        phase,
        driverHash: this.hash,
        cause,
      })
    }
  }
}

function readItem(item: DriverItem, index: number): { name: string; data: Uint8Array } {
  checks.object(item, `items[${index}]`)
  checks.text(item.name, `items[${index}].name`)
  checks.bytes(item.data, `items[${index}].data`)
  return item
}

/** JSON text as it is; any other value written as JSON. */
function jsonText(json: string | Json, field: string): string {
  if (typeof json === 'string') return json
  try {
    return stringifyJson(json)
  } catch (cause) {
    throw new DriverError('BAD_ARGUMENT', `${field} cannot be written as JSON: ${(cause as Error).message}`, { cause })
  }
}

/** Judges options and gives them the form in which they cross. @internal */
export function nativeOptions(options: DriverOptions): NativeDriverOptions {
  checks.object(options, 'options')
  const { deadlineMs, memoryBytesMax, inputBytesMax, outputBytesMax, isolation, optimization, integers, cacheDir, expectedHash } = options
  checks.optional(integers, (value) => checks.word(value, 'integers', ['number', 'lossless']))
  const native: NativeDriverOptions = {}
  if (deadlineMs !== undefined) native.deadlineMs = checks.whole(deadlineMs, 'deadlineMs', 1, 2 ** 31)
  if (memoryBytesMax !== undefined) native.memoryBytesMax = checks.whole(memoryBytesMax, 'memoryBytesMax', 1, 4096 * mebibyte)
  if (inputBytesMax !== undefined) native.inputBytesMax = checks.whole(inputBytesMax, 'inputBytesMax', 1, 1024 * mebibyte)
  if (outputBytesMax !== undefined) native.outputBytesMax = checks.whole(outputBytesMax, 'outputBytesMax', 1, 1024 * mebibyte)
  if (isolation !== undefined) native.fresh = checks.word(isolation, 'isolation', ['reuse', 'fresh']) === 'fresh'
  if (optimization !== undefined) native.optimization = checks.word(optimization, 'optimization', ['tiered', 'quick', 'full'])
  if (cacheDir !== undefined) native.cacheDir = checks.text(cacheDir, 'cacheDir')
  if (expectedHash !== undefined) native.expectedHash = moduleHash(expectedHash, 'expectedHash')
  return native
}

/** The 32 bytes of a module's hash given as hex. @internal */
export function moduleHash(hex: unknown, field: string): Uint8Array {
  const text = checks.text(hex, field)
  if (!/^[0-9a-fA-F]{64}$/.test(text)) checks.fail(field, 'a SHA-256 as 64 hex digits', hex)
  return Buffer.from(text, 'hex')
}

async function readModule(source: unknown): Promise<Uint8Array> {
  if (typeof source !== 'string' && !(source instanceof URL)) checks.fail('source', 'a Uint8Array, a path or a URL', source)
  try {
    return await readFile(source instanceof URL ? fileURLToPath(source) : source)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    // A name that leads nowhere is the caller's mistake; a disk that fails is not.
    const misuse = ['ENOENT', 'ENOTDIR', 'EISDIR', 'ERR_INVALID_URL_SCHEME', 'ERR_INVALID_ARG_VALUE'].includes(code ?? '')
    const options = { phase: 'read', retryable: !misuse, cause }
    throw new DriverError(misuse ? 'BAD_ARGUMENT' : 'INTERNAL_IO', `the driver cannot be read: ${message}`, options)
  }
}
