// A store among processes: who owns it, when it is free again, and what happens when its disk fails.
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import test, { type ExecutionContext } from 'ava'
import { Metachain, MetachainError, type NativeBlock } from 'libmetachain'
import { carol, deposit, genesis as ordinary, mine, openInMemory } from './support/native.js'
import { refused } from './support/throws.js'

const genesis = { chainId: 'processes', network: 'opaque', balances: {} } as const
const childFile = fileURLToPath(new URL('support/store-child.mjs', import.meta.url))

async function directory(t: ExecutionContext): Promise<string> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'libmetachain-')))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

interface Found {
  code: string
  message?: string
  height?: number
  [more: string]: unknown
}

/** What another process makes of a store. */
async function elsewhere(t: ExecutionContext, deed: string, path: string, cwd = '.'): Promise<Found> {
  const child = spawn(process.execPath, [childFile, deed, path], { stdio: ['ignore', 'pipe', 'inherit'], cwd, timeout: 60_000 })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (more: string) => (text += more))
  const end = await new Promise<unknown[]>((resolve) => child.on('close', (...how) => resolve(how)))
  t.deepEqual(end, [0, null], text)
  return JSON.parse(text) as Found
}

test('another process is refused by every name of the directory, until the last handle is closed', async (t) => {
  const folder = await directory(t)
  const path = join(folder, 'store')
  const other = join(folder, 'link')
  const deeper = join(folder, 'a')
  await mkdir(path)
  await symlink(path, other)
  await mkdir(deeper)
  await symlink('../link', join(deeper, 'link of a link'))
  const names = [path, other, join(deeper, 'link of a link'), join(folder, 'a', '..', 'store')]
  const first = await Metachain.open({ path: other, genesis })
  // All names are one chain in this process.
  const second = await Metachain.open({ path: names[2] as string })
  const block = await mine(first)
  t.deepEqual(second.tip, first.tip)
  for (const name of names) {
    const found = await elsewhere(t, 'open', name)
    t.like(found, { code: 'STORE_LOCKED', retryable: true })
    t.regex(found.message ?? '', /open in another process/)
  }
  t.is((await elsewhere(t, 'open', 'store', folder)).code, 'STORE_LOCKED')
  await first.close()
  t.is((await second.connectBlock(block)).status, 'known')
  t.is((await elsewhere(t, 'open', path)).code, 'STORE_LOCKED')
  await second.close()
  t.deepEqual(await elsewhere(t, 'open', other), { code: 'done', height: 1 })
})

test('a process that ends without closing leaves the store free and whole', async (t) => {
  const path = await directory(t)
  t.deepEqual(await elsewhere(t, 'leave', path), { code: 'done', height: 3 })
  t.deepEqual(await elsewhere(t, 'forget', path), { code: 'done', height: 4 })
  await using chain = await Metachain.open({ path })
  t.is(chain.tip.height, 4)
  await chain.verify({ full: true })
})

test('a reader of events keeps a process alive while it waits, and not when it was left', async (t) => {
  t.deepEqual(await elsewhere(t, 'wait', await directory(t)), { code: 'done', height: 1 })
  t.deepEqual(await elsewhere(t, 'abandon', await directory(t)), { code: 'done', height: 1 })
})

test('closing waits for the calls before it, refuses those behind it, and is the same every time', async (t) => {
  const path = await directory(t)
  const source = await openInMemory()
  const blocks: NativeBlock[] = []
  for (let count = 0; count < 30; count += 1) blocks.push(await mine(source, [deposit(BigInt(count + 1), carol)]))
  await source.close()
  const chain = await Metachain.open({ path, genesis: ordinary })
  const before = blocks.map((block) => chain.connectBlock(block))
  const verified = chain.verify()
  const waiting = chain.events({ from: (await chain.events().next()).value.cursor })
  const closings = [chain.close(), chain.close()]
  const behind = chain.connectBlock(blocks[0] as NativeBlock)
  await refused(t, 'CLOSED', () => behind)
  await refused(t, 'CLOSED', () => chain.tip)
  // Both end when the store is free, whichever is looked at first.
  await closings[1]
  t.deepEqual((await elsewhere(t, 'open', path)).code, 'GENESIS_MISMATCH')
  await closings[0]
  await chain.close()
  t.deepEqual((await Promise.all(before)).map(({ height }) => height), blocks.map((_, index) => index + 1))
  const outcome = await verified.then(() => 'whole', (error: MetachainError) => error.code)
  t.true(['whole', 'CLOSED', 'ABORTED'].includes(outcome), outcome)
  await refused(t, 'CLOSED', () => waiting.next())
  await using again = await Metachain.open({ path })
  t.is(again.tip.height, 30)
})

test('a handle that nobody closed is given back with its worker', async (t) => {
  const path = await directory(t)
  for (let count = 0; count < 3; count += 1) {
    const worker = new Worker(new URL('support/forget-worker.mjs', import.meta.url), { workerData: { path, genesis }, execArgv: [] })
    t.is(await new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject)), 0)
  }
  // It is given back behind the worker's end: a few more openings may come too early.
  let found = await elsewhere(t, 'open', path)
  for (let tries = 0; found.code === 'STORE_LOCKED' && tries < 20; tries += 1) found = await elsewhere(t, 'open', path)
  t.deepEqual(found, { code: 'done', height: 0 })
})

test('a disk that fails is told once, ends all use, and opening again goes on from what was acknowledged', async (t) => {
  const path = await directory(t)
  const found = await elsewhere(t, 'fail', path)
  if (found.code === 'no prlimit') {
    t.pass('this system has no prlimit: nothing here can make a disk fail')
    return
  }
  t.deepEqual(found, {
    code: 'INTERNAL_IO',
    told: ['INTERNAL_IO'],
    height: 1,
    durableHeight: 1,
    connect: 'INTERNAL_IO',
    account: 'INTERNAL_IO',
    flush: 'INTERNAL_IO',
    events: 'INTERNAL_IO',
    close: 'INTERNAL_IO',
    closeAgain: 'INTERNAL_IO',
    closed: 'CLOSED',
    // What failed may have been written or not; it was never acknowledged.
    reopened: found['reopened'],
    goesOn: 'done',
  })
  t.true([1, 2].includes(found['reopened'] as number))
})

test('a snapshot goes into no directory that is open here', async (t) => {
  const folder = await directory(t)
  const [path, file] = [join(folder, 'store'), join(folder, 'state')]
  const chain = await Metachain.open({ path, genesis })
  await mine(chain)
  await chain.exportSnapshot(file)
  for (const options of [{ path, genesis }, { path: join(folder, '.', 'store') }]) {
    const error = await refused(t, 'STORE_LOCKED', () => Metachain.importSnapshot(file, options))
    t.regex(error.message, /this process has .* open: close its handles first/)
    t.true(error.retryable)
  }
  await chain.close()
  await refused(t, 'BAD_ARGUMENT', () => Metachain.importSnapshot(file, { path, genesis }))
  // The directory that it was refused for is as it was.
  const again = await Metachain.open({ path })
  t.is(again.tip.height, 1)
  await again.close()
})
