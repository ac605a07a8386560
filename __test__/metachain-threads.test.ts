// One chain and many threads: the same bytes from each of them, and every answer of one tip.
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import test from 'ava'
import { Metachain, type MetaTransaction, type NativeBlock } from 'libmetachain'
import { metaText } from './support/addresses.js'
import { alice, bob, carol, carry, deposit, firstNative, genesis, hash, hex, mine, next, openInMemory, transfer, withdrawal } from './support/native.js'
import { blockHash, read, txRoot, withdrawalsRoot } from './support/payload-layout.js'
import { Random, seedOf } from './support/random.js'
import { ReferenceLedger } from './support/reference-ledger.js'

const worker = (workerData: object): Worker => new Worker(new URL('support/mint-worker.mjs', import.meta.url), { workerData, execArgv: [] })

function given(random: Random, count: number): MetaTransaction[] {
  const accounts = [alice, bob, carol]
  return Array.from({ length: count }, () => {
    const [from, to, amount] = [random.pick(accounts), random.pick(accounts), BigInt(1 + random.below(900))]
    const made = random.pick([deposit(amount, to), transfer(amount, from, to), withdrawal(amount, from)])
    return random.chance(2) ? { ...made, txid: hash(`${random.below(4 * count)}`) } : made
  })
}

test('every thread mints the same bytes, as often as it is asked', async (t) => {
  const random = new Random(seedOf(t))
  const cases = [0, 1, 2, 7, 64, 500, 3_000].map((count) => given(random, count))
  const workers = Array.from({ length: 4 }, () => worker({ genesis, cases, rounds: 5 }))
  const found = await Promise.all(workers.map(async (each) => (await once(each, 'message'))[0] as string[][]))
  for (const all of found) {
    t.deepEqual(all, found[0])
    // Five times minted, and one answer.
    t.true(all.every((answers) => answers.length === 1))
  }
  t.is(new Set(found[0]?.flat()).size, cases.length)
  await Promise.all(workers.map((each) => each.terminate()))
})

test('hashing many at once gives what hashing one by one gives, at every width', async (t) => {
  // The second implementation of BLAKE3 is plain JavaScript: no vector instructions, no table of our own.
  const random = new Random(seedOf(t))
  const chain = await openInMemory()
  const ledger = new ReferenceLedger(genesis.balances as Record<string, bigint>)
  for (const count of [1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1_000]) {
    // As many accounts, so that the tree of the state is as wide.
    const txs = Array.from({ length: count }, (_, at) => (at % 3 === 2 ? withdrawal(1n) : deposit(1n, metaText(random.bytes(20)))))
    const minted = chain.mintBlock(next(chain), txs)
    t.is(minted.accepted, count)
    const block = read(minted.payload)
    for (const transaction of block.transactions) ledger.execute(transaction)
    t.deepEqual(
      [block.header.txRoot, block.header.withdrawalsRoot, block.header.stateRoot, minted.hash].map(hex),
      [txRoot(block.transactions), withdrawalsRoot(block.transactions), ledger.root(), blockHash(block.header)].map(hex),
      `${count} transactions`,
    )
    await chain.connectBlock(carry(chain, minted, txs))
  }
  await chain.close()
})

test('threads that read and mint beside one that connects and disconnects see one tip at a time', async (t) => {
  t.timeout(120_000)
  const path = await mkdtemp(join(tmpdir(), 'libmetachain-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  const chain = await Metachain.open({ path, genesis: { ...genesis, nativeStart: firstNative } })
  const workers = Array.from({ length: 3 }, () => worker({ path, watched: bob, cases: [[deposit(3n, carol)]] }))
  await Promise.all(workers.map((each) => once(each, 'message')))
  const states = new Map([[hex(chain.tip.hash), hex(chain.tip.stateRoot)]])
  const blocks: NativeBlock[] = []
  for (let round = 0; round < 120; round += 1) {
    if (round % 5 === 4) await chain.disconnectBlock((blocks.pop() as NativeBlock).nativeHash)
    else blocks.push(await mine(chain, [deposit(BigInt(round + 1), carol), transfer(1n, alice, bob)], `${round}`))
    states.set(hex(chain.tip.hash), hex(chain.tip.stateRoot))
  }
  const answers = await Promise.all(
    workers.map(async (each) => {
      const answer = once(each, 'message')
      each.postMessage('stop')
      const [found] = (await answer) as [{ faults: string[]; minted: number; states: [string, string][] }]
      await each.terminate()
      return found
    }),
  )
  for (const { faults, minted, states: seen } of answers) {
    t.deepEqual(faults, [])
    t.true(minted > 0)
    for (const [name, root] of seen) t.is(states.get(name), root)
  }
  t.true(new Set(answers.flatMap(({ states: seen }) => seen.map(([name]) => name))).size > 3)
  await chain.close()
})

test('threads that connect the same blocks move one chain: each block once', async (t) => {
  const path = await mkdtemp(join(tmpdir(), 'libmetachain-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  const source = await openInMemory()
  const blocks: NativeBlock[] = []
  for (let count = 0; count < 60; count += 1) blocks.push(await mine(source, [deposit(BigInt(count + 1), carol)]))
  const chain = await Metachain.open({ path, genesis })
  const workers = Array.from({ length: 4 }, () => worker({ path, blocks }))
  const found = await Promise.all(workers.map(async (each) => (await once(each, 'message'))[0] as string[]))
  for (const [at] of blocks.entries()) {
    const statuses = found.map((all) => all[at]).sort()
    t.deepEqual(statuses, ['connected', 'known', 'known', 'known'], `block ${at + 1}`)
  }
  t.deepEqual(chain.tip, source.tip)
  await Promise.all(workers.map((each) => each.terminate()))
  await source.close()
  await chain.close()
})
