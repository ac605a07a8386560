// The two errors that this library throws, and how they are made from what the addon reports.
import { parseJson } from './json.js'

/** What an error may carry beside its message. */
export interface MetachainErrorOptions {
  /** The data is bad, and stays bad. */
  verdict?: boolean
  /** The same call may succeed later. */
  retryable?: boolean
  /** Facts for programs. */
  details?: Record<string, unknown>
  /** What led to this error. */
  cause?: unknown
}

/**
 * A refusal or failure of the metachain. Branch on `code`, never on the message.
 *
 * - Verdicts on a block (`verdict` is true: the block is bad and stays bad): `INVALID_ENCODING`,
 *   `INVALID_VERSION`, `INVALID_SIZE`, `INVALID_GENESIS`, `INVALID_PARENT`, `INVALID_HEIGHT`, `INVALID_TIME`,
 *   `INVALID_TRANSACTIONS`, `INVALID_TX_ROOT`, `INVALID_WITHDRAWALS_ROOT`, `INVALID_STATE_ROOT`,
 *   `INVALID_SUPPLY`, `INVALID_TRANSACTION` (details: `index`, `receipt`; of `connectBlocks`
 *   `transaction` instead, and `index` is the block's).
 * - Order and use: `UNKNOWN_PARENT` (retryable: called out of order), `CONFLICT`, `NOT_TIP`, `FINALIZED`,
 *   `UNDO_TOO_DEEP`, `BAD_ARGUMENT` (details of a wrong type: `field`; in a transaction also `index`, its place among
 *   those given: of `connectBlocks` `transaction`, and `index` is the block's), `CLOSED`, `ABORTED`, `CURSOR_UNKNOWN`, `CURSOR_PRUNED`, `INVALID_PROOF`,
 *   `INVALID_ADDRESS`.
 * - Store: `GENESIS_MISMATCH`, `STORE_LOCKED` (retryable), `STORE_VERSION`, `STORE_CORRUPT`, `STORE_FULL`
 *   (retryable), `SNAPSHOT_INVALID`, `LOCKED_MISMATCH`.
 * - Failures of this process: `INTERNAL_IO` (retryable unless the handle must be reopened), `INTERNAL_PANIC`.
 * - Of `RpcClient` alone: `RPC_UNAUTHORIZED`, `RPC_TOO_LARGE`, `RPC_TIMEOUT` (retryable), `RPC_UNAVAILABLE`
 *   (retryable), `RPC_PROTOCOL`.
 *
 * Only a verdict is a reason to ban a peer.
 */
export class MetachainError extends Error {
  /** The stable code. */
  readonly code: string
  /** The data is bad, whoever looks at it and whenever. */
  readonly verdict: boolean
  /** The same call, unchanged, may succeed later. */
  readonly retryable: boolean
  /** Facts for programs; hashes are `Uint8Array`, numbers beyond 2^53 - 1 `bigint`. */
  readonly details: Record<string, unknown>

  constructor(code: string, message: string, options: MetachainErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.verdict = options.verdict ?? false
    this.retryable = options.retryable ?? false
    this.details = options.details ?? {}
  }

  static {
    nameClass(this, 'MetachainError')
  }
}

/**
 * A failure of a data driver, of a call to it, or of the registry. Branch on `code`, never on the message.
 *
 * - The module: `DRIVER_REJECTED` (the message lists every fault), `DRIVER_HASH_MISMATCH`, `DRIVER_SIGNATURE`.
 * - The call: `DRIVER_INVALID_INPUT` and `DRIVER_OPERATION` (the message is the driver's own text),
 *   `DRIVER_TRAP`, `DRIVER_TIMEOUT`, `DRIVER_MEMORY`, `DRIVER_STACK`, `DRIVER_INPUT_TOO_LARGE`,
 *   `DRIVER_OUTPUT_TOO_LARGE`, `DRIVER_ABI` (the driver broke the calling convention, or answered text that
 *   is not JSON).
 * - Use and surroundings: `DRIVER_CLOSED`, `BAD_ARGUMENT`, `ABORTED`, `STORE_CORRUPT` (a registry file),
 *   `INTERNAL_IO`, `INTERNAL_PANIC`.
 */
export class DriverError extends Error {
  /** The stable code. */
  readonly code: string
  /**
   * Where it happened: `argument`, `options`, `read` (the module's file), `check`, `cache`, `compile`, `start` (the
   * host's own thread and engine), `instantiate`, `batch`, `registry`, `signature`, or the driver's export that was
   * running: `init`, `alloc`, `dealloc`, `get_last_error`, `get_schema`, `get_version`, `encode_input_fn`,
   * `decode_input_fn`, `decode_output_fn`, `decode_event`.
   */
  readonly phase: string
  /** SHA-256 of the module, hex, where one was known. */
  readonly driverHash?: string
  /** Always false: a driver says nothing about a block. */
  readonly verdict: boolean = false
  /** The same call, unchanged, may succeed later. */
  readonly retryable: boolean

  constructor(
    code: string,
    message: string,
    options: { phase?: string; driverHash?: string; retryable?: boolean; cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.phase = options.phase ?? 'argument'
    if (options.driverHash !== undefined) this.driverHash = options.driverHash
    this.retryable = options.retryable ?? false
  }

  static {
    nameClass(this, 'DriverError')
  }
}

/** The class's name where Node and tools look for it, without one property an error. */
function nameClass(type: { prototype: Error }, name: string): void {
  Object.defineProperty(type.prototype, 'name', { value: name, writable: true, configurable: true })
}

/** Makes the error that a wrong argument is answered with. @internal */
export type Complain = (message: string, details: Record<string, unknown>) => Error

/** @internal */
export const badChainArgument: Complain = (message, details) =>
  new MetachainError('BAD_ARGUMENT', message, { details })

/** @internal */
export const badDriverArgument: Complain = (message) => new DriverError('BAD_ARGUMENT', message)

/** What the addon reports, as text, because errors cross threads as plain data. */
interface Report {
  code: string
  message: string
  verdict?: boolean
  retryable?: boolean
  details?: Record<string, unknown>
  phase?: string
  driverHash?: string
}

/** The error for what the addon threw or rejected with; anything else is a defect of this library. @internal */
export function fromNative(thrown: unknown): Error {
  if (thrown instanceof MetachainError || thrown instanceof DriverError) return thrown
  if (!(thrown instanceof Error)) return new MetachainError('INTERNAL_PANIC', String(thrown))
  // Every report of ours, and nothing that napi reports itself, begins like this.
  if (thrown.message.startsWith('{"code":')) return fromReport(thrown.message)
  return new MetachainError('INTERNAL_PANIC', thrown.message, { cause: thrown })
}

/** The error that a report of the addon describes. @internal */
export function fromReport(text: string): Error {
  const report = parseJson(text) as unknown as Report
  const { code, message, retryable = false } = report
  if (report.phase !== undefined) {
    const { phase, driverHash } = report
    return new DriverError(code, message, { phase, retryable, ...(driverHash !== undefined && { driverHash }) })
  }
  const details: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(report.details ?? {})) details[key] = detail(value)
  return new MetachainError(code, message, { verdict: report.verdict ?? false, retryable, details })
}

/**
 * The error of a driver's call: code, phase and message, a line each, or a whole report. One that was thrown by the
 * addon would be made twice, and its stack is most of what an error costs.
 *
 * @internal
 */
export function fromFailure(text: string | undefined, driverHash: string): Error {
  if (text === undefined) return new MetachainError('INTERNAL_PANIC', 'the addon did not understand the call')
  if (text.startsWith('{')) return fromReport(text)
  const first = text.indexOf('\n')
  const second = text.indexOf('\n', first + 1)
  const code = text.slice(0, first)
  return new DriverError(code, text.slice(second + 1), { phase: text.slice(first + 1, second), driverHash, retryable: code === 'INTERNAL_IO' })
}

/** Bytes are reported as `{ bytes: hex }`. */
function detail(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('bytes' in value)) return value
  return new Uint8Array(Buffer.from(String(value.bytes), 'hex'))
}

/** Runs a call into the addon. @internal */
export function call<T>(body: () => T): T {
  try {
    return body()
  } catch (error) {
    throw fromNative(error)
  }
}

/** Awaits a call into the addon. @internal */
export async function callAsync<T>(body: () => Promise<T>): Promise<T> {
  try {
    return await body()
  } catch (error) {
    throw fromNative(error)
  }
}
