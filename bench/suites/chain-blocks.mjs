// Rows of blocks on a chain of many accounts: mint, connect, disconnect, each beside its limits and its peers.
import { batching, batchingLimit, callingLimit, committingLimit, connecting, copyingLimit, disconnecting, executingLimit, inputs, minting, mintingLimit, peering, pipelining, revertingLimit, syncingLimit } from './chain-contestants.mjs'
import { settle, World } from './world.mjs'

/** Blocks of this many transactions are also taken back. */
const disconnected = 1000

export async function run(order) {
  const world = new World(order)
  try {
    await world.open()
    for (const txs of order.sizes) {
      await mintRows(world, txs, order)
      await connectRows(world, txs, order)
      if (txs === disconnected) await disconnectRow(world, txs, order)
    }
  } finally {
    await world.close()
  }
}

/**
 * Rounds of a row, as far as the time allows: single turns differ by a lot, those that wait for the disk most of all,
 * and nine contestants need eighteen rounds to come equally often after each other.
 */
const many = { rounds: 18, seconds: 60 }

/** Measures, and makes sure that everybody did the same. */
async function measured(world, order, id, contestants) {
  const rounds = order.quick ? {} : many
  await order.measure({ id, unit: 'µs a block', settle, contestants: contestants.filter((contestant) => contestant !== null), ...rounds })
  await world.agree()
}

/** The rows of a base and its variants: all are measured turn by turn. */
const variants = (base, ...names) => [base, ...names.map((name) => `${base}.${name}`)]

async function mintRows(world, txs, order) {
  const { payload } = await world.sizes(txs)
  const [packed, packedEip55] = variants(`mint.packed.${txs}`, 'eip55')
  const [objects, objectsEip55] = variants(`mint.objects.${txs}`, 'eip55')
  const of = (ids, note, input, way) => world.subjects.map((subject) => ({ ...minting(world, subject, txs, note, input, way), ids }))
  await measured(world, order, packed, [
    ...of([packed], 'a TxBatch new to the library; lower-case addresses', inputs.packed),
    ...of([packed], 'a TxBatch minted before, as when a template is refreshed', inputs.packed, 'again'),
    ...of([packedEip55], 'a new TxBatch of EIP-55 addresses: a keccak hash to check each', inputs.packedEip55),
    ...of([objects], 'an array of objects; lower-case addresses', inputs.objects),
    ...of([objectsEip55], 'an array of objects with EIP-55 addresses', inputs.objectsEip55),
    { ...mintingLimit(world, txs), ids: [packed, packedEip55, objects, objectsEip55] },
    { ...copyingLimit(world, txs, payload), ids: [packed] },
    txs === 1 ? { ...(await callingLimit(order)), ids: [packed, objects] } : null,
  ])
}

async function connectRows(world, txs, order) {
  const { payload, record } = await world.sizes(txs)
  const [block, batch, objects] = variants(`connect.block.${txs}`, 'txbatch', 'objects')
  const of = (ids, note, carried, method, way) => world.subjects.map((subject) => ({ ...connecting(world, subject, txs, note, carried, method, way), ids }))
  const peers = (method) => world.peers.map((peer) => peering(world, peer, txs, payload, method))
  await measured(world, order, block, [
    ...of([block], 'connectBlockSync, with the tx root; blocks minted elsewhere, each durable', 'root', 'connectSync'),
    ...of([block], 'await connectBlock, with the tx root', 'root', 'connect', 'async'),
    ...of([batch], 'connectBlockSync, with a TxBatch new to the library', 'batch', 'connectSync'),
    ...of([objects], 'connectBlockSync, with an array of objects', 'objects', 'connectSync'),
    { ...committingLimit(world, txs, record), ids: [block, batch, objects] },
    executingLimit(world, txs),
    syncingLimit(world, txs, record),
    ...peers('connect'),
  ])
  await measured(world, order, `connect.pipelined.${txs}`, [
    ...world.subjects.map((subject) => pipelining(world, subject, txs, 'connectBlock for all blocks at once, each durable when acknowledged')),
    committingLimit(world, txs, record),
  ])
  await measured(world, order, `connect.batch.${txs}`, [
    ...world.subjects.map((subject) => batching(world, subject, txs)),
    batchingLimit(world, txs, record),
    ...peers('connectRun'),
  ])
}

async function disconnectRow(world, txs, order) {
  const bytes = await world.disconnectBytes(txs)
  await measured(world, order, `disconnect.${txs}`, [
    ...world.subjects.map((subject) => disconnecting(world, subject, txs)),
    ...world.subjects.map((subject) => connecting(world, subject, txs, 'await connectBlock, for comparison', 'root', 'connect', 'connect')),
    revertingLimit(world, txs, bytes),
  ])
}
