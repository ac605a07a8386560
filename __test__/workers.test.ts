// Threads: V8's and the driver host's fault handlers side by side, and workers that come and go.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import test from 'ava'
import { Driver, Metachain } from 'libmetachain'
import { deposit, genesis, mine } from './support/native.js'
import { driverRefused } from './support/throws.js'
import { deed, obedientDriver, trappingModule } from './support/wasm.js'

const driverBytes = obedientDriver()
const moduleBytes = trappingModule()
const driverDeeds = [deed.outOfBounds, deed.unreachable, deed.divideByZero]

/** Runs a worker to its end: what it said, and its exit code. */
function work(file: string, workerData: object): Promise<{ said: unknown[]; code: number }> {
  return new Promise((resolve, reject) => {
    // Without the loader that these tests run under: the worker is plain JavaScript.
    const worker = new Worker(new URL(`support/${file}`, import.meta.url), { workerData, execArgv: [] })
    const said: unknown[] = []
    worker.on('message', (message) => said.push(message))
    worker.on('error', reject)
    worker.on('exit', (code) => resolve({ said, code }))
  })
}

test.serial("traps of V8's wasm and of drivers interleave in the main thread and in workers", async (t) => {
  const rounds = 200
  const workers = Array.from({ length: 3 }, () => work('trap-worker.mjs', { rounds, driverBytes, moduleBytes, driverDeeds }))
  const own = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes)).exports as Record<string, () => void>
  const driver = await Driver.load(driverBytes)
  let trapped = 0
  for (let round = 0; round < rounds; round += 1) {
    // Give the workers' messages a turn: the three threads trap at the same time.
    if (round % 20 === 0) await new Promise(setImmediate)
    for (const trap of Object.keys(own).filter((name) => name !== 'memory')) {
      t.throws(() => own[trap]?.(), { instanceOf: WebAssembly.RuntimeError })
      await driverRefused(t, 'DRIVER_TRAP', () => driver.decodeEvent('e', Uint8Array.of(driverDeeds[round % 3] as number)))
      trapped += 2
    }
  }
  t.is(trapped, rounds * 6)
  for (const { said, code } of await Promise.all(workers)) {
    t.deepEqual(said, [rounds * 6])
    t.is(code, 0)
  }
  // The handlers still stand after the workers have gone.
  for (const trap of ['outOfBounds', 'divideByZero']) t.throws(() => own[trap]?.(), { instanceOf: WebAssembly.RuntimeError })
  await driverRefused(t, 'DRIVER_TRAP', () => driver.decodeEvent('e', Uint8Array.of(deed.outOfBounds)))
})

test.serial('twenty workers load, use and leave', async (t) => {
  const path = await mkdtemp(join(tmpdir(), 'libmetachain-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  const chain = await Metachain.open({ path, genesis })
  await mine(chain, [deposit(1n)])
  const ways = ['close', 'forget', 'cut off']
  for (let begun = 0; begun < 20; begun += 5) {
    const some = Array.from({ length: 5 }, (_, index) => ways[(begun + index) % 3] as string)
    const ended = await Promise.all(some.map((leave) => work('chain-worker.mjs', { path, driverBytes, leave })))
    for (const [index, { said, code }] of ended.entries()) {
      t.is(code, 0, some[index])
      t.deepEqual(said, [some[index] === 'close' ? 2_000 : chain.tip.height], some[index])
    }
    // The chain that they shared goes on.
    await mine(chain, [deposit(1n)])
  }
  t.is(chain.tip.height, 5)
  await chain.close()
  const reopened = await Metachain.open({ path })
  t.is(reopened.tip.height, 5)
  await reopened.close()
})

test.serial('a process whose only thread with the addon was a worker ends well', async (t) => {
  const path = await mkdtemp(join(tmpdir(), 'libmetachain-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  const chain = await Metachain.open({ path, genesis })
  await chain.close()
  const { spawn } = await import('node:child_process')
  const script = `
    import { Worker } from 'node:worker_threads'
    const file = new URL(${JSON.stringify(new URL('support/chain-worker.mjs', import.meta.url).href)})
    for (const leave of ['close', 'cut off', 'forget', 'close']) {
      const worker = new Worker(file, { execArgv: [], workerData: { path: ${JSON.stringify(path)}, driverBytes: new Uint8Array([${driverBytes}]), leave } })
      await new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject))
    }
    console.log('ended')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => child.on('close', (...end) => resolve(end)))
  t.deepEqual([code, signal, out.trim()], [0, null, 'ended'])
})
