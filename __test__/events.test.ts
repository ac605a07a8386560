// Events: nothing missed across a restart, disconnects told, and a reader that waits is woken or let go.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import test from 'ava'
import { type Block, type ChainEvent, Metachain, TxBatch } from 'libmetachain'
import { alice, bob, carol, carry, deposit, genesis, hash, hex, mine, next, openInMemory, withdrawal } from './support/native.js'
import { refused } from './support/throws.js'

/** What an indexer keeps of an event. */
const brief = ({ type, block }: ChainEvent): string => `${type} ${block.height} ${hex(block.nativeHash ?? new Uint8Array())}`

async function take(events: AsyncIterableIterator<ChainEvent>, count: number): Promise<ChainEvent[]> {
  const taken: ChainEvent[] = []
  while (taken.length < count) taken.push((await events.next()).value as ChainEvent)
  return taken
}

test('an indexer that restarts with its last cursor misses nothing', async (t) => {
  const path = await mkdtemp(join(tmpdir(), 'libmetachain-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  let chain = await Metachain.open({ path, genesis })
  const told: string[] = []
  for (let round = 0; round < 3; round += 1) {
    await mine(chain, [deposit(1n, carol)], `a${round}`)
    const undone = await mine(chain, [deposit(2n, carol)], `b${round}`)
    await chain.disconnectBlock(undone.nativeHash)
    told.push(`connected ${round + 1}`, `connected ${round + 2}`, `disconnected ${round + 2}`)
  }
  const events = chain.events()
  const all = await take(events, 9)
  await events.return?.()
  t.deepEqual(all.map((event) => brief(event).split(' ').slice(0, 2).join(' ')), told)
  t.deepEqual(all[0]?.block.transactions, [deposit(1n, carol)])
  await chain.close()

  chain = await Metachain.open({ path })
  for (const [index, { cursor }] of all.entries()) {
    const rest = chain.events({ from: cursor })
    t.deepEqual((await take(rest, all.length - index - 1)).map(brief), all.slice(index + 1).map(brief))
    await rest.return?.()
  }
  await refused(t, 'CURSOR_UNKNOWN', () => chain.events({ from: 'nonsense' }).next())
  await chain.close()
})

test('what was undone is found no more, and its events tell of it', async (t) => {
  const chain = await openInMemory()
  const kept = await mine(chain, [{ ...deposit(5n, carol), txid: hash('kept') }])
  const undone = await mine(chain, [{ ...deposit(6n, carol), txid: hash('undone') }, withdrawal(2n)])
  const block = chain.block(2) as Block
  const names = [2, { hash: block.hash }, { nativeHash: undone.nativeHash }]
  t.is(chain.transaction(hash('undone'))?.block, 2)
  await chain.disconnectBlock(undone.nativeHash)
  for (const name of names) {
    t.is(chain.block(name), null)
    t.is(chain.payload(name), null)
    await refused(t, 'BAD_ARGUMENT', () => chain.withdrawals(name))
    await refused(t, 'BAD_ARGUMENT', () => chain.proveWithdrawal(name, 0))
  }
  t.is(chain.transaction(hash('undone')), null)
  t.deepEqual(chain.transaction(hash('kept')), { block: 1, index: 0, transaction: { ...deposit(5n, carol), txid: hash('kept') } })
  const events = chain.events()
  const [, connected, disconnected] = await take(events, 3)
  await events.return?.()
  t.deepEqual([connected?.type, disconnected?.type], ['connected', 'disconnected'])
  for (const event of [connected, disconnected])
    t.deepEqual([event?.block.hash, event?.block.transactions, event?.block.nativeHash], [block.hash, block.transactions, undone.nativeHash])
  // An id that was taken back may come again, one that stayed may not.
  const again = chain.mintBlock(next(chain), [{ ...deposit(1n), txid: hash('undone') }, { ...deposit(1n), txid: hash('kept') }])
  t.deepEqual(again.rejected.map(({ index, code }) => [index, code]), [[1, 'DUPLICATE_TXID']])
  const metrics = chain.metrics()
  t.like(metrics, { height: 1, blocksConnected: 2, blocksDisconnected: 1 })
  t.true(Object.values(metrics).every((value) => Number.isFinite(value) && value >= 0))
  t.is((await chain.disconnectBlock(kept.nativeHash)).nativeHash, null)
  await chain.close()
})

test('cursors of other stores are unknown, also where one began from the other', async (t) => {
  const path = await mkdtemp(join(tmpdir(), 'libmetachain-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  const chain = await Metachain.open({ path: join(path, 'one'), genesis })
  await mine(chain, [deposit(1n)])
  const [{ cursor }] = (await take(chain.events(), 1)) as [ChainEvent]
  await chain.exportSnapshot(join(path, 'state'))
  const other = await Metachain.importSnapshot(join(path, 'state'), { path: join(path, 'other'), genesis })
  await refused(t, 'CURSOR_UNKNOWN', () => other.events({ from: cursor }).next())
  for (const from of ['', cursor.slice(1), `${cursor}0`, cursor.replace(/.$/, (last) => (last === '0' ? '1' : '0'))])
    await refused(t, 'CURSOR_UNKNOWN', () => chain.events({ from }).next())
  const [first] = (await take(other.events(), 1)) as [ChainEvent]
  t.deepEqual([first.type, first.block.hash], ['connected', chain.tip.hash])
  await other.close()
  await chain.close()
})

test('a cursor among blocks that are gone says so, and the chain itself is told from the start', async (t) => {
  const path = await mkdtemp(join(tmpdir(), 'libmetachain-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  const chain = await Metachain.open({ path, genesis, snapshotEvery: 10, undoDepth: 5, eventRetention: 5 })
  const undone = await mine(chain, [deposit(2n, carol)], 'undone')
  await chain.disconnectBlock(undone.nativeHash)
  const [before] = (await take(chain.events(), 1)) as [ChainEvent]
  // There and back again, so that every block can be the same; some megabytes each, to fill a file of the log.
  const batch = new TxBatch()
  for (let pair = 0; pair < 20_000; pair += 1) batch.add(alice, bob, 1_000n).add(bob, alice, 1_000n)
  while (chain.metrics().segmentsPruned === 0 && chain.tip.height < 500) {
    const minted = chain.mintBlock(next(chain), batch)
    await chain.connectBlock(carry(chain, minted))
  }
  t.true((chain.metrics().segmentsPruned as number) > 0, `height ${chain.tip.height}`)
  t.is(chain.metrics().pruningsFailed, 0)
  await refused(t, 'CURSOR_PRUNED', () => chain.events({ from: before.cursor }).next())
  const [first, second] = (await take(chain.events(), 2)) as [ChainEvent, ChainEvent]
  t.deepEqual([first.type, first.block.height, second.block.height], ['connected', 1, 2])
  t.not(hex(first.block.nativeHash as Uint8Array), hex(undone.nativeHash))
  await chain.close()
})

test('a reader that waits is woken by what happens, by an abort and by the end', async (t) => {
  const chain = await openInMemory()
  const events = chain.events()
  const first = events.next()
  const block = await mine(chain)
  t.is(brief((await first).value as ChainEvent), `connected 1 ${hex(block.nativeHash)}`)

  const aborter = new AbortController()
  const aborted = chain.events({ signal: aborter.signal })
  await aborted.next()
  const waiting = aborted.next()
  aborter.abort()
  await refused(t, 'ABORTED', () => waiting)

  const second = events.next()
  const ended = refused(t, 'CLOSED', () => second)
  await chain.close()
  await ended
})

test('a reader whose signal fails leaves no listener behind', async (t) => {
  // The chain had been given its listener by then, and kept it.
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const chain = await openInMemory()
  let listener: WeakRef<object> | undefined
  const failing = {
    aborted: false,
    addEventListener(_: string, given: object) {
      listener = new WeakRef(given)
      throw new RangeError('no room')
    },
    removeEventListener() {},
  }
  await t.throwsAsync(() => chain.events({ signal: failing as never }).next(), { instanceOf: RangeError })
  // What nobody holds goes within a few turns; what the chain holds stays as long as the chain.
  for (let turns = 0; turns < 100 && listener?.deref() !== undefined; turns += 1) {
    await turn()
    collect()
  }
  t.not(listener, undefined)
  t.is(listener?.deref(), undefined)
  await chain.close()
})
