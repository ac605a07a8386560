// A directory of drivers: each module stored once, named for every contract that uses it.
import { type NativeEntry, type NativeRegistry, openRegistry } from '#binding'
import { Checks } from './arguments.js'
import { type Driver, type DriverOptions, moduleHash, nativeOptions, wrapDriver } from './driver.js'
import { badDriverArgument, call, callAsync, DriverError } from './errors.js'
import { type Integers } from './json.js'

/** How a registry is opened. */
export interface DriverRegistryOptions {
  /** The directory; made if it is missing. Several processes may share one. */
  path: string
  /** For each contract id whose drivers must be signed, its owner's BLS public key: base58, as Dusk shows it, or hex. */
  ownerKeys?: Record<string, string>
  /**
   * Accept only signatures that also cover contract id and version. Dusk's own cover the bytecode alone, so that a
   * module signed for one contract can be passed off as another's, or an old version as a new one (default false).
   */
  boundSignaturesOnly?: boolean
  /** Options of the drivers that `get` returns; all but `expectedHash`, which is the registry's own affair. */
  defaults?: DriverOptions
}

/** A driver of a contract. */
export interface DriverRegistryEntry {
  contractId: string
  /** SHA-256 of the module, hex. */
  hash: string
  version: string
  /** The contract stays at this module, whatever is put later. */
  pinned: boolean
  /** The owner's key, base58, where one is configured and its signature was verified. */
  signedBy?: string
  /** What that signature covers: the bytecode alone, or bound to contract id and version. */
  signatureForm?: 'bytecode' | 'bound'
}

const checks: Checks = new Checks(badDriverArgument)

/**
 * A directory of drivers. Every change is durable when its promise resolves, and whole after a crash at any
 * instant. Everything throws `DriverError`: `STORE_CORRUPT` names a damaged file, `DRIVER_SIGNATURE` a driver that
 * the contract's owner has not signed; after `close()` all but `close()` throws `DRIVER_CLOSED`.
 */
export class DriverRegistry {
  readonly #native: NativeRegistry
  readonly #integers: Integers
  #closed = false

  private constructor(native: NativeRegistry, integers: Integers) {
    if (!native) throw new DriverError('BAD_ARGUMENT', 'a registry is opened by DriverRegistry.open')
    this.#native = native
    this.#integers = integers
  }

  /** Opens a directory, and clears up what an interrupted process left in it. */
  static async open(options: DriverRegistryOptions): Promise<DriverRegistry> {
    checks.object(options, 'options')
    const { path, ownerKeys = {}, boundSignaturesOnly = false, defaults = {} } = options
    checks.text(path, 'path')
    checks.object(ownerKeys, 'ownerKeys')
    const keys = Object.entries(ownerKeys).map(([contract, key]): [string, string] => [contract, checks.text(key, `the owner's key of ${contract}`)])
    if (typeof boundSignaturesOnly !== 'boolean') checks.fail('boundSignaturesOnly', 'a boolean', boundSignaturesOnly)
    const native = { path, ownerKeys: keys, boundSignaturesOnly, defaults: nativeOptions(defaults) }
    if (native.defaults.expectedHash) checks.fail('defaults.expectedHash', 'left out', defaults.expectedHash)
    return new DriverRegistry(await callAsync(() => openRegistry(native)), defaults.integers ?? 'number')
  }

  /**
   * Stores a driver for a contract, which uses it from now on unless it is pinned to another. What cannot be loaded
   * is not stored.
   *
   * @param entry `version`: the driver's own word where left out. `signature`: the owner's, 48 bytes.
   * @throws DriverError all of `Driver.load`; `DRIVER_SIGNATURE`; `BAD_ARGUMENT`.
   */
  async put(
    contractId: string,
    wasm: Uint8Array,
    entry: { version?: string; signature?: Uint8Array } = {},
  ): Promise<{ hash: string }> {
    const native = this.#open()
    checks.text(contractId, 'contractId')
    checks.bytes(wasm, 'wasm')
    checks.object(entry, 'entry')
    const version = checks.optional(entry.version, (value) => checks.text(value, 'entry.version'))
    const signature = checks.optional(entry.signature, (value) => checks.bytes(value, 'entry.signature'))
    return { hash: await callAsync(() => native.put(contractId, wasm, version, signature)) }
  }

  /** Keeps a contract at one of the modules that were put for it, whatever is put later. */
  async pin(contractId: string, hash: string): Promise<void> {
    const native = this.#open()
    checks.text(contractId, 'contractId')
    const bytes = moduleHash(hash, 'hash')
    await callAsync(() => native.pin(contractId, bytes))
  }

  /** Lets a contract use what was put last again. */
  async unpin(contractId: string): Promise<void> {
    const native = this.#open()
    checks.text(contractId, 'contractId')
    await callAsync(() => native.pin(contractId))
  }

  /** The driver in use for a contract, or null. Handles of the same module share what is loaded. */
  async get(contractId: string): Promise<Driver | null> {
    const native = this.#open()
    checks.text(contractId, 'contractId')
    const driver = await callAsync(() => native.get(contractId))
    return driver === null ? null : wrapDriver(driver, this.#integers)
  }

  /** The driver in use of every contract, by contract id. */
  list(): DriverRegistryEntry[] {
    const native = this.#open()
    return call(() => native.list()).map(entryOf)
  }

  /** All drivers of one contract, oldest first. */
  versions(contractId: string): DriverRegistryEntry[] {
    const native = this.#open()
    checks.text(contractId, 'contractId')
    return call(() => native.list(contractId)).map(entryOf)
  }

  /** Forgets a contract, and every module that no other contract uses. */
  async remove(contractId: string): Promise<void> {
    const native = this.#open()
    checks.text(contractId, 'contractId')
    await callAsync(() => native.remove(contractId))
  }

  /** Forgets all drivers of a contract but the one in use. */
  async prune(contractId: string): Promise<void> {
    const native = this.#open()
    checks.text(contractId, 'contractId')
    await callAsync(() => native.prune(contractId))
  }

  /** Closes every driver that `get` gave out, also one that its contract no longer uses. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    call(() => this.#native.close())
  }

  /** `await using registry = …` closes it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #open(): NativeRegistry {
    if (this.#closed) throw new DriverError('DRIVER_CLOSED', 'the registry was closed', { phase: 'registry' })
    return this.#native
  }
}

function entryOf({ contractId, hash, version, pinned, signedBy, signatureForm }: NativeEntry): DriverRegistryEntry {
  return {
    contractId,
    hash,
    version,
    pinned,
    ...(signedBy !== undefined && { signedBy, signatureForm: signatureForm as 'bytecode' | 'bound' }),
  }
}
