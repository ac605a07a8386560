// Rows of a batch on one core, on two, and so on to all of them.
import { NativeStake, noNative } from '../contestants/native-stake.mjs'
import { V8Workers } from '../contestants/v8-workers.mjs'
import { stakeBatch, stakeDrivers, threads as most } from './driver-cases.mjs'
import { implementations } from './implementations.mjs'

/** 1, 2, 4 … and all. */
const counts = [...new Set([...Array.from({ length: 10 }, (_, power) => 2 ** power).filter((count) => count < most), most])]

export async function run({ items: count, measure }) {
  const [{ implementation }] = await implementations()
  const { ours, v8, wasm } = await stakeDrivers()
  const { items, native } = stakeBatch(v8, count)
  const program = NativeStake.start()
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
    ...native(program, threads, { ids: [`driver.batch.cores.${threads}`] }),
  ])
  await measure({ id: 'driver.batch.cores', unit: 'µs an item', unlimited: program === null ? noNative : undefined, contestants })
  program?.close()
  for (const those of workers.values()) await those.close()
}

async function perItem(count, work) {
  const start = performance.now()
  await work()
  return [((performance.now() - start) * 1000) / count]
}
