// What calls and loads leave behind in memory: its slope after a warm-up, over many of them.
import { setTimeout as wait } from 'node:timers/promises'
import { loadCalls, noCalls } from '../contestants/calls.mjs'
import { V8Driver } from '../contestants/v8-driver.mjs'
import { callOf, stakeCases, stakeDrivers } from './driver-cases.mjs'

const mebibyte = 1 << 20
/** Parts of a run, at whose ends memory is looked at. */
const parts = 10

export async function run({ calls, loads, rows, progress }) {
  const { Driver, wasm, ours, v8 } = await stakeDrivers()
  const quickly = stakeCases(v8, 1).filter(({ data, operation }) => operation !== 'encodeInputFn' && data.length < 100)
  const data = Buffer.alloc(8)
  const one = (driver, index) => {
    if (index % 8 !== 0) return callOf(quickly[index % quickly.length])(driver)
    try {
      return driver.decodeEventJson('no such event', data)
    } catch (error) {
      return error
    }
  }
  const calling = (driver) => (index) => void one(driver, index)
  const loading = async () => (await Driver.load(wasm)).close()
  const addon = loadCalls()
  const zero = 'the bound is 0, so there is no ratio'
  await rows([
    await slope('driver.memory.calls', 'ours', `${calls} small calls, one in eight rejected; after a warm-up`, calls, 1e6, calling(ours), progress),
    await slope('driver.memory.calls', 'v8', 'the same by V8', calls, 1e6, calling(v8), progress),
    await slope('driver.memory.loads', 'ours', `${loads} times Driver.load and close of the same module; after a warm-up`, loads, 1e4, loading, progress),
    await slope('driver.memory.loads', 'v8', 'a new instance of a compiled module', loads, 1e4, ((module) => () => void new V8Driver(module))(new WebAssembly.Module(wasm)), progress),
    ...(addon === null
      ? []
      : [
          await slope('driver.memory.calls', 'limit', `C: as many calls of an addon that takes a name and bytes, returns a text and keeps nothing: ${zero}`, calls, 1e6, () => void addon.convert('no such event', data), progress),
          await slope('driver.memory.loads', 'limit', `C: such calls, as many as loads, each awaited: ${zero}`, loads, 1e4, async () => addon.convert('no such event', data), progress),
        ]),
  ], { unlimited: addon === null ? noCalls : undefined })
}

/** The line of least squares through resident memory, MiB for so many. */
async function slope(id, contestant, note, count, per, work, progress) {
  const points = []
  for (let part = -2; part <= parts; part += 1) {
    progress(`${id}: ${contestant}, ${Math.max(0, part)} of ${parts} parts`)
    for (let index = 0; index < count / parts; index += 1) {
      const running = work(index)
      if (running !== undefined) await running
    }
    const resident = await rested()
    if (part >= 0) points.push([(part * count) / parts, resident / mebibyte])
  }
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [x, y] = [0, 1].map((axis) => mean(points.map((point) => point[axis])))
  const rise = points.reduce((sum, [at, resident]) => sum + (at - x) * (resident - y), 0) / points.reduce((sum, [at]) => sum + (at - x) ** 2, 0)
  const value = rise * per
  return { id, contestant, note, unit: `MiB per ${per.toLocaleString('en-US')}`, better: 'lower', median: value, low: value, high: value, rounds: 1, ratio_to: {} }
}

/** Resident memory once garbage is collected and finalizers have run. */
async function rested() {
  for (let turn = 0; turn < 3; turn += 1) {
    globalThis.gc?.()
    await wait(10)
  }
  return process.memoryUsage.rss()
}
