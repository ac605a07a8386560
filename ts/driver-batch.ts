// Many driver calls at once: packed into columns, run on native threads, handed out in slices.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { AbortFlag, batchThreads, type NativeDriver, setBatchThreads } from '#binding'
import { Checks } from './arguments.js'
import { badDriverArgument, call, DriverError, fromNative, fromReport } from './errors.js'

/** What became of one item of a batch: its value, or the error that this item alone met. */
export type BatchResult<T> = { value: T } | { error: DriverError }

/** Options of the batch calls. */
export interface BatchOptions {
  /** Ends the batch with `ABORTED`: what has not begun is not run. */
  signal?: AbortSignal
  /**
   * Bytes that the driver's answers and the texts of errors may take together, since all are held at once: default
   * 256 MiB, at least 1. When they are reached, items that have not begun are not run, and fail with
   * `DRIVER_OUTPUT_TOO_LARGE`.
   */
  outputBytesMax?: number
}

/** One item as it crosses: the name of a function or event, and text or bytes. @internal */
export interface PackedItem {
  name: string
  data: Uint8Array | string
}

/** A chunk is packed at one go, so it stays small enough that the event loop hardly notices. */
const chunkItemsMax = 1024
const chunkBytesMax = 256 * 1024
/** Chunks under way at once: enough to keep the threads busy while the next is packed. */
const chunksInFlight = 4
/** Answers of a chunk that are held natively at once, but for the last of each thread; what is left is sent again. */
const chunkAnswersBytesMax = 64 * 1024 * 1024
/** Answers beyond this are not made one text, of which only so many characters can be. */
const textBytesMax = 256 * 1024 * 1024
const outputBytesDefault = 256 * 1024 * 1024
/** Longest time of handing out results without letting the event loop turn. */
const sliceMs = 1
/** How many results are handed out between two looks at the clock. */
const clockEvery = 16

/** Bytes one after the other, and where each piece ends. */
class Column {
  readonly ends: number[] = []
  #bytes = Buffer.allocUnsafe(16 * 1024)
  #size = 0

  get size(): number {
    return this.#size
  }

  get filled(): Uint8Array {
    return this.#bytes.subarray(0, this.#size)
  }

  piece(index: number): Uint8Array {
    return this.#bytes.subarray(index === 0 ? 0 : this.ends[index - 1], this.ends[index])
  }

  push(data: Uint8Array | string): void {
    // A UTF-16 unit takes at most three bytes of UTF-8.
    this.#reserve(typeof data === 'string' ? data.length * 3 : data.length)
    if (typeof data === 'string') this.#size += this.#bytes.write(data, this.#size)
    else {
      this.#bytes.set(data, this.#size)
      this.#size += data.length
    }
    this.ends.push(this.#size)
  }

  #reserve(more: number): void {
    if (this.#size + more <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#size + more))
    grown.set(this.filled)
    this.#bytes = grown
  }
}

/** Items of one chunk: the names are few, so each crosses once. */
class Chunk {
  readonly column = new Column()
  readonly names: string[] = []
  readonly nameOf: number[] = []
  /** Where each item stands in the batch. */
  readonly places: number[] = []
  readonly #known = new Map<string, number>()

  get full(): boolean {
    return this.nameOf.length >= chunkItemsMax || this.column.size >= chunkBytesMax
  }

  push({ name, data }: PackedItem, place: number): void {
    let id = this.#known.get(name)
    if (id === undefined) {
      id = this.names.push(name) - 1
      this.#known.set(name, id)
    }
    this.nameOf.push(id)
    this.places.push(place)
    this.column.push(data)
  }

  name(index: number): string {
    return this.names[this.nameOf[index] as number] as string
  }

  /** The items of these positions here, as a chunk of their own. */
  only(indexes: Iterable<number>): Chunk {
    const chunk = new Chunk()
    for (const index of indexes) chunk.push({ name: this.name(index), data: this.column.piece(index) }, this.places[index] as number)
    return chunk
  }
}

/** Pieces of a packed answer, as bytes or as text. */
class Answers {
  readonly #bytes: Buffer
  readonly #ends: Uint32Array
  #text: string | null = null
  #ascii = false

  constructor(bytes: Uint8Array, ends: Uint32Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#ends = ends
  }

  bytes(index: number): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(this.#start(index), this.#ends[index]))
  }

  text(index: number): string {
    if (this.#text === null && this.#bytes.length <= textBytesMax) {
      this.#text = this.#bytes.toString('utf8')
      // Only where every character is one byte are the ends places in the text too.
      this.#ascii = this.#text.length === this.#bytes.length
    }
    const from = this.#start(index)
    const to = this.#ends[index]
    return this.#text !== null && this.#ascii ? this.#text.slice(from, to) : this.#bytes.toString('utf8', from, to)
  }

  #start(index: number): number {
    return index === 0 ? 0 : (this.#ends[index - 1] as number)
  }
}

/** Lets the event loop turn when a slice of work has taken its time. */
class Slices {
  #since = performance.now()
  #steps = 0
  #waiting: Promise<void> = Promise.resolve()

  due(): boolean {
    this.#steps += 1
    return this.#steps % clockEvery === 0 && performance.now() - this.#since > sliceMs
  }

  /** One of those that wait goes on in each turn: together they would hold the loop for as many slices. */
  async turn(): Promise<void> {
    this.#waiting = this.#waiting.then(() => nextTurn())
    await this.#waiting
    this.#since = performance.now()
  }
}

/** A conversion that drivers offer, by the name of its export. @internal */
export type Operation = 'encode_input_fn' | 'decode_input_fn' | 'decode_output_fn' | 'decode_event'

/** How one kind of batch reads its items and makes its values. @internal */
export interface BatchPlan<I, T> {
  operation: Operation
  checks: Checks
  read(item: I, index: number): PackedItem
  value(answers: { bytes(index: number): Uint8Array; text(index: number): string }, index: number, name: string): T
}

/** Runs a batch: results in the order of the items, an error for each item that failed. @internal */
export async function runBatch<I, T>(
  driver: NativeDriver,
  items: readonly I[],
  options: BatchOptions,
  plan: BatchPlan<I, T>,
): Promise<BatchResult<T>[]> {
  const { checks } = plan
  if (!Array.isArray(items)) checks.fail('items', 'an array', items)
  checks.object(options, 'options')
  const signal = checks.optional(options.signal, (value) => checks.signal(value, 'options.signal'))
  const { outputBytesMax = outputBytesDefault } = options
  let room = checks.whole(outputBytesMax, 'options.outputBytesMax', 1)
  const results = new Array<BatchResult<T>>(items.length)
  const underWay: Promise<void>[] = []
  const slices = new Slices()
  const flag = call(() => new AbortFlag())
  const send = async (chunk: Chunk): Promise<void> => {
    for (let rest: Chunk | null = chunk; rest !== null; ) {
      throwIfAborted(signal)
      if (room <= 0) {
        for (const place of rest.places) results[place] = { error: withoutStack(() => tooMuch(outputBytesMax)) }
        return
      }
      const { column, names, nameOf, places } = rest
      const bytesMax = Math.min(room, chunkAnswersBytesMax)
      const crossing = { names, nameOf: Uint32Array.from(nameOf), data: column.filled, ends: Uint32Array.from(column.ends) }
      const packed = await driver.batch(plan.operation, crossing, bytesMax, flag)
      room -= packed.data.length + (packed.failures?.length ?? 0)
      const answers = new Answers(packed.data, packed.ends)
      const failures = new Map(JSON.parse(packed.failures ?? '[]') as [number, string][])
      const left = new Set(packed.left)
      for (const [index, place] of places.entries()) {
        if (left.has(index)) continue
        if (slices.due()) await slices.turn()
        results[place] = settle(failures.get(index), () => plan.value(answers, index, (rest as Chunk).name(index)))
      }
      rest = left.size > 0 ? rest.only(left) : null
    }
  }
  const abort = (): void => call(() => flag.abort())
  signal?.addEventListener('abort', abort)
  try {
    let chunk = new Chunk()
    for (let index = 0; index < items.length; index += 1) {
      if (slices.due()) await slices.turn()
      throwIfAborted(signal)
      chunk.push(plan.read(items[index] as I, index), index)
      if (!chunk.full) continue
      if (underWay.length >= chunksInFlight) await underWay.shift()
      underWay.push(quiet(send(chunk)))
      chunk = new Chunk()
    }
    if (chunk.nameOf.length > 0) underWay.push(send(chunk))
    await Promise.all(underWay)
    throwIfAborted(signal)
    return results
  } catch (error) {
    // Nobody hears of the others any more.
    abort()
    await Promise.allSettled(underWay)
    throw fromNative(error)
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}

/** How many native threads the batches of this process use: as many as there are processors, unless set. */
export function driverThreads(): number {
  return call(() => batchThreads())
}

/** Sets how many native threads the batches of this process use from now on, 1 to 1024. */
export function setDriverThreads(threads: number): void {
  new Checks(badDriverArgument).whole(threads, 'threads', 1, 1024)
  call(() => setBatchThreads(threads))
}

/** Marks a promise as awaited later, so that its failure meanwhile is not reported as unhandled. */
function quiet(promise: Promise<void>): Promise<void> {
  promise.catch(() => {})
  return promise
}

function settle<T>(failure: string | undefined, value: () => T): BatchResult<T> {
  if (failure !== undefined) return { error: withoutStack(() => fromReport(failure) as DriverError) }
  try {
    return { value: value() }
  } catch (error) {
    return { error: error instanceof DriverError ? error : withoutStack(() => unreadable(error as Error)) }
  }
}

function tooMuch(outputBytesMax: number): DriverError {
  const message = `not run: the answers before it took the ${outputBytesMax} bytes that the batch may have`
  return new DriverError('DRIVER_OUTPUT_TOO_LARGE', message, { phase: 'batch' })
}

/** An answer that JavaScript cannot hold: a text may have about 2^29 characters. */
function unreadable(cause: Error): DriverError {
  return new DriverError('DRIVER_OUTPUT_TOO_LARGE', `the answer cannot be read: ${cause.message}`, { phase: 'batch', cause })
}

/** An item's error is no throw: a stack would lead into this file, and cost more than the item. */
function withoutStack<E extends Error>(make: () => E): E {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    return make()
  } finally {
    Error.stackTraceLimit = limit
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new DriverError('ABORTED', 'the batch was aborted', { phase: 'batch', cause: signal.reason })
}
