// How connecting blocks of a thousand transfers goes with more and more accounts.
import { committingLimit, connecting, peering, pipelining } from './chain-contestants.mjs'
import { label } from './index.mjs'
import { settle, World } from './world.mjs'

const txs = 1000

/** Microseconds a block as transactions a second. */
const perSecond = (contestant) => ({ ...contestant, run: async () => (await contestant.run()).map((micros) => (txs / micros) * 1e6) })

export async function run(order) {
  const { accounts, measure } = order
  const world = new World(order)
  try {
    await world.open()
    const { payload, record } = await world.sizes(txs)
    const contestants = [
      ...world.subjects.flatMap((subject) => [
        connecting(world, subject, txs, 'connectBlockSync, with the tx root, each block durable', 'root', 'connectSync'),
        pipelining(world, subject, txs, 'connectBlock for all blocks at once', 'pipelined'),
      ]),
      committingLimit(world, txs, record),
      ...world.peers.map((peer) => peering(world, peer, txs, payload, 'connect')),
    ]
    await measure({ id: `scale.${label(accounts)}`, unit: 'transactions a second', better: 'higher', settle, contestants: contestants.map(perSecond) })
    await world.agree()
  } finally {
    await world.close()
  }
}
