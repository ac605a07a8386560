// Rows of loading: a module never seen, one that was compiled before, and a new instance for every call.
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Limit } from '../contestants/limit.mjs'
import { V8Driver } from '../contestants/v8-driver.mjs'
import { timed, timedAsync } from '../harness/measure.mjs'
import { driverLimitsProgram, driverModule, packageEntry } from '../paths.mjs'
import { stakeDrivers } from './driver-cases.mjs'

const child = new URL('./driver-load-child.mjs', import.meta.url).pathname
/** Things done in a round, so that the clock sees them. */
const loadsOf = 20
const instancesOf = 200

/** Microseconds, once they are there, as milliseconds. */
const milliseconds = async (times) => (await times).map((micros) => micros / 1000)

const common = { unit: 'ms', warmup: 1 }

export async function run(order) {
  mkdirSync(order.directory, { recursive: true })
  const { Driver, wasm } = await stakeDrivers({ optimization: 'quick' })
  const limit = new Limit(driverLimitsProgram)
  await limit.ask('module', driverModule('stake'))
  for (const row of [coldRow, cachedRow, freshRow]) await row(order, { Driver, wasm, limit })
  limit.close()
}

let counter = 0
/** The same code as a module that nobody has seen: a custom section changes the bytes alone. */
const unseen = (wasm) => Uint8Array.from([...wasm, 0, 6, 1, 0x78, ...Buffer.from(Uint32Array.of((counter += 1)).buffer)])

const loading = (Driver, wasm, options) => async () => {
  const bytes = unseen(wasm)
  const time = await timedAsync(async () => (await Driver.load(bytes, options)).close())
  return [time / 1000]
}

const loadingV8 = (wasm) => () => {
  const bytes = unseen(wasm)
  return [timed(() => V8Driver.load(bytes)) / 1000]
}

async function coldRow({ quick, measure }, { Driver, wasm, limit }) {
  await measure({
    id: 'driver.load.cold',
    ...common,
    rounds: quick ? 7 : 11,
    contestants: [
      { name: 'ours', note: 'Driver.load of a module never seen: checked, compiled quickly, started', run: loading(Driver, wasm, {}) },
      ...(quick ? [] : [{ name: 'ours-full', note: 'with optimization: full', run: loading(Driver, wasm, { optimization: 'full' }) }]),
      { name: 'v8', note: 'WebAssembly.Module, an instance, init; V8 compiles functions when they are first called', run: loadingV8(wasm) },
      { name: 'limit', note: "Rust: wasmtime's compiler alone, set as for the first code; nothing checked, loaded or started", run: () => milliseconds(limit.times('compile', 1)) },
    ],
  })
}

async function cachedRow({ directory, measure }, { Driver, wasm, limit }) {
  const cacheDir = join(directory, 'code')
  const module = join(directory, 'stake.wasm')
  writeFileSync(module, wasm)
  execFileSync(process.execPath, ['--no-warnings', child, packageEntry, module, cacheDir])
  await measure({
    id: 'driver.load.cached',
    ...common,
    contestants: [
      {
        name: 'ours',
        note: 'Driver.load of a module that this process has compiled; compared, started',
        run: async () => {
          const times = []
          for (let load = 0; load < loadsOf; load += 1) times.push(await timedAsync(async () => (await Driver.load(wasm)).close()))
          return times.map((micros) => micros / 1000)
        },
      },
      {
        name: 'ours-disk',
        note: 'the first Driver.load of a new process, with the code in its cacheDir; the engine starts too',
        run: () => [Number(execFileSync(process.execPath, ['--no-warnings', child, packageEntry, module, cacheDir], { encoding: 'utf8' }))],
      },
      { name: 'v8', note: 'WebAssembly.Module, an instance, init: V8 keeps no code that a program could load again', run: loadingV8(wasm) },
      {
        name: 'v8-alive',
        note: 'the same while the process still has a module of these bytes, whose code V8 shares',
        prepare: () => V8Driver.load(wasm),
        run: () => {
          const alive = V8Driver.load(wasm)
          const times = Array.from({ length: loadsOf }, () => timed(() => V8Driver.load(wasm)) / 1000)
          alive.getVersion()
          return times
        },
      },
      {
        name: 'limit',
        note: 'Rust: one hash of the module, by which its code is found, and an instance of wasmtime with its init; no handle, no buffers, no JavaScript',
        run: () => milliseconds(limit.times('find', loadsOf)),
      },
    ],
  })
}

async function freshRow({ measure }, { Driver, wasm, limit }) {
  const fresh = await Driver.load(wasm, { isolation: 'fresh', optimization: 'full' })
  const compiled = new WebAssembly.Module(wasm)
  await measure({
    id: 'driver.instance.fresh',
    unit: 'µs a call',
    contestants: [
      { name: 'ours', note: "getVersion with isolation: 'fresh': a new instance, its init, the call", run: () => Array.from({ length: instancesOf }, () => timed(() => fresh.getVersion())) },
      { name: 'v8', note: 'a new WebAssembly.Instance of a compiled module, its init, the call', run: () => Array.from({ length: instancesOf }, () => timed(() => new V8Driver(compiled).getVersion())) },
      { name: 'limit', note: 'Rust: an instance of wasmtime, its init, room for the answer, the call; no limits of memory, no other exports, no JavaScript', run: () => limit.times('version', instancesOf) },
    ],
  })
}
