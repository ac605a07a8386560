// Who takes part in the rows of blocks, and in which ways.
import { loadCalls, noCalls, timesOf } from '../contestants/calls.mjs'
import { checksummed } from '../contestants/checksum.mjs'
import { mean } from '../harness/statistics.mjs'
import { settle } from './world.mjs'

/** A chain's name with the way it is used: `ours`, `ours-objects`. */
const named = (subject, way) => (way === '' ? subject.name : `${subject.name}-${way}`)

/** Ways to hand over transactions; each is made before the time runs. */
export const inputs = {
  packed: (subject, work, block) => subject.batch(work, block),
  packedEip55: (subject, work, block) => subject.batch(work, block, checksummed),
  objects: (subject, work, block) => work.objects(block),
  objectsEip55: (subject, work, block) => work.objects(block, checksummed),
}

/** A chain that mints; `again`: it is the second mint of the same batch that is timed. */
export function minting(world, subject, txs, note, input, way = '') {
  let work
  let made
  return {
    name: named(subject, way),
    note,
    prepare: () => {
      work = world.next(subject, txs)
      made = Array.from({ length: work.blocks }, (_, block) => input(subject, work, block))
    },
    run: () => subject.mint(work, (_, block) => made[block], way === 'again' ? 2 : 1),
  }
}

export const mintingNote = 'Rust, one thread: execution in place, state root, transaction root, payload, block hash; reads no address texts, leaves nothing as it was'

/** The reference building blocks in memory. */
export function mintingLimit(world, txs) {
  let work
  return {
    name: 'limit',
    note: mintingNote,
    prepare: async () => {
      await world.follow()
      work = world.nextOfLimit(txs)
      await world.ours.mint(work, (_, block) => world.ours.batch(work, block))
    },
    run: () => world.limit.times('mint', work.counter, txs, work.blocks),
  }
}

/** A chain that connects blocks minted elsewhere, by one of its methods. */
export function connecting(world, subject, txs, note, carried, method, way = '') {
  let blocks
  return {
    name: named(subject, way),
    note,
    prepare: async () => (blocks = await subject.produce(world.next(subject, txs), carried)),
    run: () => subject[method](blocks),
  }
}

/** A chain that connects blocks all at once. It gives one number: the blocks that do not count are left out here. */
export function pipelining(world, subject, txs, note, way = '') {
  let blocks
  return {
    name: named(subject, way),
    note,
    prepare: async () => (blocks = await subject.produce(world.next(subject, txs))),
    run: () => subject.connectPipelined(blocks, blocks.length > settle * 2 ? settle : 0),
  }
}

/** A chain that connects all blocks by one call. */
export const batching = (world, subject, txs) => connecting(world, subject, txs, 'connectBlocks: one wait for the disk', 'root', 'connectRun')

/** The reference taking a piece of work that ours does too. */
function following(world, txs, name, note, times) {
  let work
  return {
    name,
    note,
    prepare: async () => {
      await world.follow()
      work = world.nextOfLimit(txs)
      await world.ours.connectRun(await world.ours.produce(work))
    },
    run: () => times(work),
  }
}

/** The reference with its write and sync. */
export function committingLimit(world, txs, bytes) {
  const note = `Rust, one thread: execution in place, state root, one write of ${bytes} bytes, one fdatasync; reads no payload, checks nothing, cannot undo`
  return following(world, txs, 'limit', note, (work) => world.limit.times('commit', work.counter, txs, work.blocks, bytes))
}

/** The reference without a disk. */
export function executingLimit(world, txs) {
  const note = 'Rust, one thread: the same execution and state root, in memory only'
  return following(world, txs, 'limit-memory', note, (work) => world.limit.times('execute', work.counter, txs, work.blocks))
}

/** The reference with one write and one sync for all blocks. */
export function batchingLimit(world, txs, bytes) {
  const note = `Rust, one thread: execution in place and state root of each block, then one write of all their bytes (${bytes} a block) and one fdatasync`
  return following(world, txs, 'limit', note, async (work) => {
    const executed = await world.limit.times('execute', work.counter, txs, work.blocks)
    const [written] = await world.limit.times('append', bytes * work.blocks, 1)
    return [mean(executed) + written / work.blocks]
  })
}

/** What the disk alone allows. */
export function syncingLimit(world, txs, bytes) {
  return {
    name: 'limit-disk',
    note: `Rust: one write of ${bytes} bytes, one fdatasync, nothing else`,
    run: () => world.limit.times('append', bytes, world.blocks(txs)),
  }
}

/** What moving the payload once costs. */
export function copyingLimit(world, txs, bytes) {
  return {
    name: 'limit-copy',
    note: `Rust: one copy of the payload's ${bytes} bytes`,
    run: () => world.limit.times('copy', bytes, world.blocks(txs)),
  }
}

/** What going into native code and back costs; null where there is no such addon. */
export async function callingLimit({ note }) {
  const calls = loadCalls()
  if (calls !== null) return { name: 'limit-call', note: 'C: one Node-API call that does nothing', run: () => timesOf(calls.nothing) }
  await note(`limit-call is missing: ${noCalls}`)
  return null
}

/** A peer that commits as many transfers. */
export function peering(world, peer, txs, payloadBytes, method) {
  let blocks
  return {
    name: peer.name,
    note: peer.note,
    settings: peer.settings,
    prepare: () => (blocks = peer.prepare(world.nextOfPeers(txs), payloadBytes)),
    run: () => peer[method](blocks),
  }
}

/** The reference taking back blocks that it has just executed. */
export function revertingLimit(world, txs, bytes) {
  const note = `Rust: the transfers moved back in place, state root, one write of ${bytes} bytes, one fdatasync; what was moved is in memory`
  return following(world, txs, 'limit', note, async (work) => {
    await world.limit.ask('execute', work.counter, txs, work.blocks)
    return world.limit.times('revert', work.counter, txs, work.blocks, bytes)
  })
}

/** Takes blocks back that it has just connected. */
export function disconnecting(world, subject, txs) {
  let blocks
  return {
    name: subject.name,
    note: 'await disconnectBlock, each durable',
    prepare: async () => subject.connectRun((blocks = await subject.produce(world.next(subject, txs)))),
    run: () => subject.disconnect(blocks),
  }
}
