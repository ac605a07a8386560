// A worker that mints on a chain of its own, reads one that others move, or moves it with them; it says what it got.
import { createHash } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { Metachain, verifyAccountProof } from 'libmetachain'

const { genesis, path, cases, rounds, watched, blocks } = workerData
const digest = (bytes) => createHash('sha256').update(bytes).digest('hex')

/** Each list of transactions, minted again and again on a chain that stands at genesis. */
async function mint() {
  const chain = await Metachain.open({ genesis })
  const context = { nativeHeight: 5, nativeParentHash: new Uint8Array(32), time: 9 }
  const found = cases.map((given) => {
    const all = Array.from({ length: rounds }, () => chain.mintBlock(context, given))
    return [...new Set(all.map(({ payload, hash, rejected }) => digest(payload) + digest(hash) + JSON.stringify(rejected, (_, value) => (typeof value === 'bigint' ? `${value}` : value))))]
  })
  await chain.close()
  return found
}

/** Reads and mints on a shared chain until told to stop: whatever one call answers is of one tip. */
async function watch() {
  const chain = await Metachain.open({ path })
  const states = new Map()
  const faults = []
  let minted = 0
  let stopped = false
  parentPort.on('message', () => (stopped = true))
  parentPort.postMessage('ready')
  while (!stopped) {
    for (let turn = 0; turn < 50; turn += 1) {
      const { height, hash, stateRoot, nativeHeight, nativeHash } = chain.tip
      const root = Buffer.from(stateRoot).toString('hex')
      const name = Buffer.from(hash).toString('hex')
      if (states.get(name) && states.get(name) !== root) faults.push(`two states of block ${height}`)
      states.set(name, root)
      const proven = chain.proveAccount(watched)
      if (verifyAccountProof(proven.stateRoot, watched, proven.proof)?.address !== watched) faults.push('a proof of another account')
      const known = chain.block(proven.height)
      if (known && Buffer.compare(known.hash, hash) === 0 && root !== Buffer.from(known.stateRoot).toString('hex')) faults.push('a tip unlike its block')
      try {
        const next = chain.mintBlock({ nativeHeight: (nativeHeight ?? 99) + 1, nativeParentHash: nativeHash ?? new Uint8Array(32), time: 0 }, cases[0])
        if (next.height !== height + 1) faults.push(`minted ${next.height} on ${height}`)
        minted += 1
      } catch (error) {
        // The tip moved between the two calls.
        if (!['UNKNOWN_PARENT', 'BAD_ARGUMENT'].includes(error.code)) faults.push(`${error.code}: ${error.message}`)
      }
    }
    await new Promise(setImmediate)
  }
  await chain.close()
  return { faults: [...new Set(faults)], minted, states: [...states] }
}

/** Connects the same blocks as the others do, in order. */
async function connect() {
  const chain = await Metachain.open({ path })
  const found = []
  for (const block of blocks) found.push((await chain.connectBlock(block)).status)
  await chain.close()
  return found
}

const deed = path === undefined ? mint : blocks === undefined ? watch : connect
parentPort.postMessage(await deed())
parentPort.close()
