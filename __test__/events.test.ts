// Events: nothing missed across a restart, disconnects told, and a reader that waits is woken or let go.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { type ChainEvent, Metachain } from 'libmetachain'
import { carol, deposit, genesis, hex, mine, openInMemory } from './support/native.js'
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
