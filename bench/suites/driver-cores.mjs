// Rows of a batch on one core, on two, and so on to all of them.
import { V8Workers } from '../contestants/v8-workers.mjs'
import { stakeCases, stakeDrivers, threads as most } from './driver-cases.mjs'
import { implementations } from './implementations.mjs'

/** 1, 2, 4 … and all. */
const counts = [...new Set([...Array.from({ length: 10 }, (_, power) => 2 ** power).filter((count) => count < most), most])]

export async function run({ items: count, measure }) {
  const [{ implementation }] = await implementations()
  const { ours, v8, wasm } = await stakeDrivers()
  const events = stakeCases(v8, 200).filter(({ operation }) => operation === 'decodeEvent')
  const items = Array.from({ length: count }, (_, index) => events[(index * 7919) % events.length])
  const module = new WebAssembly.Module(wasm)
  const workers = new Map()
  for (const threads of counts) workers.set(threads, await V8Workers.start(module, threads))
  const contestants = counts.flatMap((threads) => [
    {
      name: 'ours',
      ids: [`driver.batch.cores.${threads}`],
      note: `decodeEvents of ${count} events of the stake driver, parsed`,
      threads,
      prepare: () => implementation.setDriverThreads(threads),
      run: () => perItem(count, () => ours.decodeEvents(items)),
    },
    {
      name: 'v8-workers',
      ids: [`driver.batch.cores.${threads}`],
      note: 'as many workers; packed columns there and back, parsed on the main thread',
      threads,
      run: () => perItem(count, () => workers.get(threads).decodeEvents(items)),
    },
  ])
  await measure({ id: 'driver.batch.cores', unit: 'µs an item', contestants })
  for (const those of workers.values()) await those.close()
}

async function perItem(count, work) {
  const start = performance.now()
  await work()
  return [((performance.now() - start) * 1000) / count]
}
