// A native node that is killed: follows a tree of blocks at random, and writes what it begins and what was acknowledged.
import { readFileSync, writeSync } from 'node:fs'
import { Metachain } from 'libmetachain'

const { file, path, seed, durability, stepsMax, lies } = JSON.parse(process.argv[2])
const bytes = (text) => new Uint8Array(Buffer.from(text, 'hex'))
const tree = JSON.parse(readFileSync(file, 'utf8')).map(({ parent, nativeHeight, time, ...texts }) => ({
  parent,
  native: {
    nativeHeight,
    time,
    nativeHash: bytes(texts.nativeHash),
    nativeParentHash: bytes(texts.nativeParentHash),
    payload: bytes(texts.payload),
    transactions: bytes(texts.txRoot),
  },
}))
const ids = new Map(tree.map(({ native }, id) => [Buffer.from(native.nativeHash).toString('hex'), id]))
const idOf = (hash) => (hash === null ? -1 : ids.get(Buffer.from(hash).toString('hex')))

// The same numbers as those of random.ts, which needs a loader that a child should not wait for.
let state = seed >>> 0
function below(bound) {
  state = (state + 0x6d2b79f5) >>> 0
  let z = state
  z = Math.imul(z ^ (z >>> 15), z | 1)
  z ^= z + Math.imul(z ^ (z >>> 7), z | 61)
  return ((z ^ (z >>> 14)) >>> 0) % bound
}

// Straight into the pipe: what is written here was written before whatever comes next.
const say = (line) => writeSync(1, `${line}\n`)

say('opening')
const chain = await Metachain.open({ path, durability, snapshotEvery: 16 })
const genesisParent = tree[0].native.nativeParentHash
let at = idOf(chain.tip.nativeHash)
say(`opened ${at} ${Buffer.from(chain.tip.stateRoot).toString('hex')}`)

/** States that were begun, in order; `acknowledged` of them were answered. */
const begun = []
let acknowledged = 0
function begin(...states) {
  if (states.length === 0) return
  begun.push(...states)
  writeSync(1, states.map((id) => `begin ${id}\n`).join(''))
  at = states.at(-1)
  if (lies) acknowledge(begun.length)
}
function acknowledge(count) {
  if (count <= acknowledged) return
  acknowledged = count
  say(`done ${count}`)
}
/** An answer that promises durability: with `batch` only a flush does. */
const answered = (count) => durability === 'block' && acknowledge(count)

/** Some blocks on top of the present one. */
function ahead(count) {
  const found = []
  for (let tip = at; found.length < count; ) {
    const next = tree.flatMap(({ parent }, id) => (parent === tip ? [id] : []))
    if (next.length === 0) break
    found.push((tip = next[below(next.length)]))
  }
  return found
}

async function connectEach(run) {
  const first = begun.length + 1
  begin(...run)
  if (lies) for (const id of run) await chain.connectBlock(tree[id].native)
  else await Promise.all(run.map((id, index) => chain.connectBlock(tree[id].native).then(() => answered(first + index))))
}

async function connectRun(run) {
  begin(...run)
  await chain.connectBlocks(run.map((id) => tree[id].native))
  answered(begun.length)
}

function connectSync([id]) {
  if (id === undefined) return
  begin(id)
  chain.connectBlockSync(tree[id].native)
  answered(begun.length)
}

async function disconnect(count) {
  for (; count > 0 && at !== -1; count -= 1) {
    const { native, parent } = tree[at]
    begin(parent)
    await chain.disconnectBlock(native.nativeHash)
    answered(begun.length)
  }
}

/** From genesis up to a block. */
function line(id) {
  const found = []
  for (; id !== -1; id = tree[id].parent) found.unshift(id)
  return found
}

async function sync(target) {
  const [ours, theirs] = [line(at), line(target)]
  let common = 0
  while (common < ours.length && ours[common] === theirs[common]) common += 1
  const undone = ours.slice(common).map((id) => tree[id].parent).reverse()
  const states = [...undone, ...theirs.slice(common)]
  if (states.length === 0) return
  const first = begun.length
  begin(...states)
  const heights = new Map(theirs.map((id) => [tree[id].native.nativeHeight, tree[id].native]))
  let reached = 0
  await chain.sync(
    {
      tip: async () => tree[target].native,
      block: async (height) => heights.get(height) ?? null,
      hash: async (height) => heights.get(height)?.nativeHash ?? (height < tree[0].native.nativeHeight ? genesisParent : null),
    },
    {
      onProgress: () => {
        const id = idOf(chain.tip.nativeHash)
        reached = states.indexOf(id, reached)
        answered(first + reached + 1)
      },
    },
  )
  answered(begun.length)
}

for (let step = 0; step < stepsMax; step += 1) {
  const kind = lies ? 0 : below(20)
  if (kind < 9) await connectEach(ahead(lies ? 40 : 1 + below(8)))
  else if (kind < 12) await connectRun(ahead(1 + below(12)))
  else if (kind < 13) connectSync(ahead(1))
  else if (kind < 16) await disconnect(1 + below(5))
  else await sync(Math.max(0, Math.min(tree.length - 1, at + below(60) - 30)))
  if (ahead(1).length === 0) await disconnect(1 + below(60))
  if (durability === 'batch' && below(3) === 0) {
    await chain.flush()
    acknowledge(begun.length)
  }
}
say('closing')
await chain.close()
acknowledge(begun.length)
