// Rows of batches: many events decoded on all cores, and how long they keep the event loop from turning.
import { setTimeout as wait } from 'node:timers/promises'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { NativeStake, noNative } from '../contestants/native-stake.mjs'
import { V8Workers } from '../contestants/v8-workers.mjs'
import { median, spread } from '../harness/statistics.mjs'
import { stakeBatch, stakeDrivers, threads } from './driver-cases.mjs'

export async function run({ quick, items: count, measure, rows, progress }) {
  const { ours, v8, wasm } = await stakeDrivers()
  const { items, native } = stakeBatch(v8, count)
  const program = NativeStake.start()
  const workers = await V8Workers.start(new WebAssembly.Module(wasm), threads)
  await agree(items.slice(0, 3000), ours, v8, workers)
  await measure({
    id: 'driver.batch.decode',
    unit: 'µs an item',
    unlimited: program === null ? noNative : undefined,
    contestants: [
      { name: 'ours', note: `decodeEvents of ${count} events of the stake driver, parsed`, threads, run: () => each(items, () => ours.decodeEvents(items)) },
      { name: 'ours-json', note: 'decodeEventsJson: the driver’s own text', threads, run: () => each(items, () => ours.decodeEventsJson(items)) },
      { name: 'v8', note: 'one after the other on the main thread, which does nothing else meanwhile', threads: 1, run: () => each(items, () => decodeAll(v8, items)) },
      { name: 'v8-workers', note: 'a worker for each core; packed columns there and back, parsed on the main thread', threads, run: () => each(items, () => workers.decodeEvents(items)) },
      ...native(program, threads),
    ],
  })
  program?.close()
  await rows(await delays(items, ours, quick ? 3 : 7, progress))
  await workers.close()
}

async function each(items, work) {
  const start = performance.now()
  await work()
  return [((performance.now() - start) * 1000) / items.length]
}

function decodeAll(driver, items) {
  return items.map(({ name, data }) => {
    try {
      return { value: driver.decodeEvent(name, data) }
    } catch (error) {
      return { error }
    }
  })
}

async function agree(items, ours, v8, workers) {
  const [first, ...others] = [await ours.decodeEvents(items), decodeAll(v8, items), await workers.decodeEvents(items)].map((results) => JSON.stringify(results))
  if (others.some((other) => other !== first)) throw new Error('ours and V8 decode events differently')
}

/** The longest time between two turns of the event loop, during a batch and when as long nothing happens. */
async function delays(items, driver, rounds, progress) {
  const worst = { ours: [], idle: [] }
  for (let round = 0; round < rounds; round += 1) {
    progress(`driver.batch.delay: round ${round + 1} of ${rounds}`)
    globalThis.gc?.()
    const start = performance.now()
    worst.ours.push(await worstDelay(() => driver.decodeEvents(items)))
    const length = performance.now() - start
    globalThis.gc?.()
    worst.idle.push(await worstDelay(() => wait(length)))
  }
  const notes = { ours: `longest time between two turns of the event loop during a batch of ${items.length}`, idle: 'the same when nothing happens for as long' }
  return Object.entries(worst).map(([contestant, values]) => ({
    id: 'driver.batch.delay', contestant, note: notes[contestant], unit: 'ms', better: 'lower', ...spread(values), p50: median(values), rounds,
    ratio_to: Object.fromEntries(Object.entries(worst).filter(([other]) => other !== contestant).map(([other, others]) => [other, spread(values.map((value, round) => others[round] / value))])),
  }))
}

async function worstDelay(work) {
  const histogram = monitorEventLoopDelay({ resolution: 1 })
  histogram.enable()
  await work()
  histogram.disable()
  return histogram.max / 1e6
}
