// What the rows of drivers convert: valid data of every call of Dusk's stake driver, which Dusk's own types wrote.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { casesProgram, driverModule } from '../paths.mjs'
import { implementations } from './implementations.mjs'
import { V8Driver } from '../contestants/v8-driver.mjs'

/** The same data in every run. */
const seed = 7

export const threads = availableParallelism()
export const stakeModule = () => readFileSync(driverModule('stake'))

const methodOf = { decodeInputFn: 'decodeInputFnJson', decodeOutputFn: 'decodeOutputFnJson', decodeEvent: 'decodeEventJson' }

/** Calls one case on a driver, ours or V8's: both have the same methods. */
export function callOf({ operation, name, data, text }) {
  const method = methodOf[operation]
  return method === undefined ? (driver) => driver.encodeInputFn(name, text) : (driver) => driver[method](name, data)
}

/** What the program writes: kept beside it, for many rounds take it seconds. */
function written(rounds) {
  const kept = `${casesProgram}-${seed}-${rounds}.tsv`
  if (existsSync(kept) && statSync(kept).mtimeMs > statSync(casesProgram).mtimeMs) return readFileSync(kept, 'utf8')
  const lines = execFileSync(casesProgram, [String(seed), String(rounds)], { encoding: 'utf8', maxBuffer: 1 << 29 })
  // Whole or not at all: this process may be ended at any time.
  writeFileSync(`${kept}.new`, lines)
  renameSync(`${kept}.new`, kept)
  return lines
}

/** Valid cases that the driver answers, `rounds` of each call at most, of one operation or of all: `{ operation, name, data, text }`. */
export function stakeCases(driver, rounds, only = null) {
  return written(rounds).trim().split('\n').flatMap((line) => {
    const [of, operation, name, hex] = line.split('\t')
    if (of !== 'stake' || (only !== null && operation !== only)) return []
    const one = { operation, name, data: Buffer.from(hex, 'hex') }
    try {
      return [{ ...one, text: callOf(one)(driver) }]
    } catch {
      // A call without this direction.
      return []
    }
  })
}

/** From one event of a batch to the next, so that neighbours are of different kinds. */
const stride = 7919
/** The native reference decodes no more: an item costs it the same in a longer batch. */
const nativeMost = 20_000

/** A batch of so many events of the stake driver: `items`, and `native`, the reference decoding such a batch. */
export function stakeBatch(driver, count) {
  const events = stakeCases(driver, 200, 'decodeEvent')
  const items = Array.from({ length: count }, (_, index) => events[(index * stride) % events.length])
  const batch = { count: Math.min(count, nativeMost), stride }
  /** The contestants of a row, none where the reference was not built. */
  const native = (program, on, ids) => {
    const note = `Rust: the published driver crate decoding ${batch.count} such events, called without a sandbox on as many threads; texts, not parsed`
    return program === null ? [] : [{ name: 'native', ...ids, note, threads: on, run: async () => [await program.timeBatch(events, { ...batch, threads: on })] }]
  }
  return { items, native }
}

/** Ours and V8's, loaded with the same module; ours compiled as well as it ever is. */
export async function stakeDrivers(options = {}) {
  const [{ implementation }] = await implementations()
  const wasm = stakeModule()
  const ours = await implementation.Driver.load(wasm, { optimization: 'full', ...options })
  return { Driver: implementation.Driver, wasm, ours, v8: V8Driver.load(wasm) }
}
