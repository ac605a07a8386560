// The table of failures, row by row, as a user meets it: what is told, and what holds afterwards.
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, open, readdir, readFile, rm, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { blake3 } from '@noble/hashes/blake3.js'
import test, { type ExecutionContext } from 'ava'
import { Metachain, type NativeBlock, TxBatch } from 'libmetachain'
import { carol, carry, deposit, genesis, hash, mine, nativeWitness, next, transfer, withdrawal } from './support/native.js'
import { refused } from './support/throws.js'

const run = promisify(execFile)

async function directory(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'libmetachain-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

/** A closed store with some blocks. */
async function lived(t: ExecutionContext): Promise<{ path: string; blocks: NativeBlock[] }> {
  const path = join(await directory(t), 'store')
  const chain = await Metachain.open({ path, genesis })
  const blocks = []
  for (let count = 0; count < 6; count += 1) blocks.push(await mine(chain, [deposit(7n, carol), { ...withdrawal(2n), txid: hash(`${count}`) }]))
  await chain.close()
  return { path, blocks }
}

/** Changes bytes of a file where they lie. */
async function change(file: string, at: number, make: (bytes: Uint8Array) => Uint8Array, length = 1): Promise<void> {
  const handle = await open(file, 'r+')
  try {
    const bytes = new Uint8Array(length)
    await handle.read(bytes, 0, length, at)
    await handle.write(make(bytes), 0, length, at)
  } finally {
    await handle.close()
  }
}

test('a damaged block is named with file and offset, and the rest still answers', async (t) => {
  const { path, blocks } = await lived(t)
  // Within the first block's record, behind the genesis record; both lie before the snapshot that closing wrote.
  const file = join(path, 'blk00000.dat')
  const log = (await readFile(file)).subarray(0, 64 << 10)
  const at = log.indexOf(Buffer.from((blocks[0] as NativeBlock).payload)) + 20
  t.true(at > 4096)
  await change(file, at, ([byte]) => Uint8Array.of((byte as number) ^ 4))
  const chain = await Metachain.open({ path })
  t.is(chain.tip.height, 6)
  for (const call of [() => chain.block(1), () => chain.payload(1), () => chain.verify(), () => chain.verify({ full: true })]) {
    const { details } = await refused(t, 'STORE_CORRUPT', call)
    t.is(details['file'], 'blk00000.dat')
    t.true((details['offset'] as number) <= at && at - (details['offset'] as number) < 400)
  }
  t.is(chain.block(2)?.height, 2)
  const seventh = await mine(chain, [transfer(1n)])
  t.deepEqual(chain.tip.nativeHash, seventh.nativeHash)
  await chain.close()
  // Without a snapshot the log is needed from its start, and there is no guess.
  for (const name of await readdir(path)) if (name.endsWith('.snap')) await unlink(join(path, name))
  await refused(t, 'STORE_CORRUPT', () => Metachain.open({ path }))
  // Refusing left the store free, and as it was.
  await refused(t, 'STORE_CORRUPT', () => Metachain.open({ path }))
  await change(file, at, ([byte]) => Uint8Array.of((byte as number) ^ 4))
  const healed = await Metachain.open({ path })
  t.is(healed.tip.height, 7)
  await healed.verify({ full: true })
  await healed.close()
})

test('what is derived may be damaged or lost: it is made anew', async (t) => {
  const { path } = await lived(t)
  for (const name of await readdir(path)) {
    if (name.startsWith('blk') || name === 'LOCK') continue
    await change(join(path, name), 100, (bytes) => bytes.map((byte) => byte ^ 0xff), 64)
    await using chain = await Metachain.open({ path })
    t.is(chain.tip.height, 6, name)
    t.is(chain.transaction(hash('3'))?.block, 4, name)
    t.is(chain.balance(carol), 42n, name)
  }
  for (const name of await readdir(path)) if (!name.startsWith('blk')) await unlink(join(path, name))
  await using chain = await Metachain.open({ path })
  t.is(chain.transaction(hash('3'))?.block, 4)
  await chain.verify({ full: true })
})

test('a store of another version is told from a damaged one, and not touched', async (t) => {
  const { path } = await lived(t)
  const file = join(path, 'blk00000.dat')
  const before = (await readFile(file)).subarray(0, 8192)
  const page = async (make: (page: Uint8Array) => void): Promise<void> =>
    change(file, 0, (bytes) => (make(bytes), bytes.set(blake3(bytes.slice(0, 96)), 96), bytes), 4096)
  await page((bytes) => bytes.set([2], 8))
  const { details } = await refused(t, 'STORE_VERSION', () => Metachain.open({ path }))
  t.is(details['version'], 2)
  const after = (await readFile(file)).subarray(0, 8192)
  t.deepEqual(after.subarray(128), before.subarray(128))
  await page((bytes) => bytes.set([1], 8))
  await using chain = await Metachain.open({ path })
  t.is(chain.tip.height, 6)
})

test('a full disk refuses a block and keeps the store; with space the same call succeeds', async (t) => {
  t.timeout(180_000)
  const folder = await directory(t)
  try {
    // Room for one file of blocks and for half of another.
    await run('mount', ['-t', 'tmpfs', '-o', 'size=200m', 'tmpfs', folder])
  } catch {
    t.pass('only root can mount a small disk: the simulated disk has to do')
    return
  }
  t.teardown(() => run('umount', ['-l', folder]))
  const path = join(folder, 'store')
  const opaque = { ...genesis, network: 'opaque', balances: {} } as const
  const chain = await Metachain.open({ path, genesis: opaque })
  const txs = TxBatch.from(Array.from({ length: 60_000 }, () => deposit(1n, carol, `${nativeWitness}${'.'.repeat(80)}`)))
  let full: Awaited<ReturnType<typeof refused>> | null = null
  let block = carry(chain, chain.mintBlock(next(chain), txs), txs)
  for (let count = 0; count < 16 && full === null; count += 1) {
    const height = chain.tip.height
    try {
      await chain.connectBlock(block)
    } catch {
      // Again: refused as before, and nothing has changed.
      full = await refused(t, 'STORE_FULL', () => chain.connectBlock(block))
      t.is(chain.tip.height, height)
      t.is(chain.block(height)?.height, height)
      break
    }
    block = carry(chain, chain.mintBlock(next(chain), txs), txs)
  }
  t.true(full?.retryable)
  const { height } = chain.tip
  t.true(height > 5)
  await run('mount', ['-o', 'remount,size=600m', folder])
  t.is((await chain.connectBlock(block)).height, height + 1)
  await chain.close()
  await using again = await Metachain.open({ path })
  t.is(again.tip.height, height + 1)
  await again.verify()
})

test('a store that is copied while it is closed is the same chain', async (t) => {
  const { path, blocks } = await lived(t)
  const copy = `${path} copied`
  await mkdir(copy)
  for (const name of await readdir(path)) await copyFile(join(path, name), join(copy, name))
  const [one, other] = [await Metachain.open({ path }), await Metachain.open({ path: copy })]
  t.deepEqual(one.tip, other.tip)
  t.is((await other.connectBlock(blocks[5] as NativeBlock)).status, 'known')
  await one.close()
  await other.close()
})
