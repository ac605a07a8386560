// The shape of the ecosystem's JavaScript loader, so that a program switches by changing one import.
import { Checks } from './arguments.js'
import { Driver, type DriverOptions } from './driver.js'
import { badDriverArgument } from './errors.js'
import { type Json } from './json.js'

/** What the ecosystem's loader returns: a plain object of functions, which need no receiver. */
export interface WasmDataDriver {
  /** Already done at load; kept for programs that call it. Returns 0. */
  init(): number
  /** Encodes a function's arguments, given as JSON text (a value is accepted too), to rkyv. */
  encodeInputFn(fnName: string, json: string | Json): Uint8Array
  /** Decodes a function's arguments. */
  decodeInputFn(fnName: string, rkyv: Uint8Array): any
  /** Decodes what a function returned. */
  decodeOutputFn(fnName: string, rkyv: Uint8Array): any
  /** Decodes an event. */
  decodeEvent(eventName: string, rkyv: Uint8Array): any
  /** The contract's schema, or null where the driver has none. */
  getSchema(): any
  /** The driver's version. */
  getVersion(): string
}

const checks: Checks = new Checks(badDriverArgument)

/**
 * Loads a data driver with the ecosystem loader's signature and result. New programs use `Driver.load`,
 * which also offers batches and raw text.
 *
 * @param bytes the module.
 * @throws DriverError as `Driver.load` does.
 */
export async function loadWasmDataDriver(
  bytes: Uint8Array | ArrayBuffer,
  options?: DriverOptions,
): Promise<WasmDataDriver> {
  if (!(bytes instanceof Uint8Array || bytes instanceof ArrayBuffer))
    checks.fail('bytes', 'a Uint8Array or an ArrayBuffer', bytes)
  const driver = await Driver.load(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes), options)
  return {
    init: () => 0,
    encodeInputFn: (fnName, json) => driver.encodeInputFn(fnName, json),
    decodeInputFn: (fnName, rkyv) => driver.decodeInputFn(fnName, rkyv),
    decodeOutputFn: (fnName, rkyv) => driver.decodeOutputFn(fnName, rkyv),
    decodeEvent: (eventName, rkyv) => driver.decodeEvent(eventName, rkyv),
    getSchema: () => driver.getSchema(),
    getVersion: () => driver.getVersion(),
  }
}
