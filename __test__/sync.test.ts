// Handshake and sync: every way in which a chain and its native node can stand to each other.
import test, { type ExecutionContext } from 'ava'
import { Metachain, type NativeBlock, type NativeSource } from 'libmetachain'
import { carol, deposit, firstNative, genesis, hash, mine, openInMemory } from './support/native.js'
import { refused } from './support/throws.js'

/** A native node with these blocks, the first at `firstNative`. */
function nodeOf(blocks: NativeBlock[], locked?: bigint): NativeSource & { asked: number } {
  const tip = blocks.at(-1)
  return {
    asked: 0,
    tip: async () => ({
      nativeHeight: tip?.nativeHeight ?? firstNative - 1,
      nativeHash: tip?.nativeHash ?? hash(`native ${firstNative - 1}`),
      ...(locked !== undefined && { locked }),
    }),
    async block(nativeHeight) {
      this.asked += 1
      return blocks[nativeHeight - firstNative] ?? null
    },
  }
}

/** Blocks of two branches that part after `common` of them. */
async function branches(t: ExecutionContext, common: number, ours: number, theirs: number): Promise<[NativeBlock[], NativeBlock[]]> {
  const grow = async (suffix: string, count: number): Promise<NativeBlock[]> => {
    const chain = await openInMemory()
    const blocks = []
    for (let index = 0; index < common + count; index += 1)
      blocks.push(await mine(chain, [deposit(BigInt(index + 1), carol)], index < common ? '' : suffix))
    await chain.close()
    return blocks
  }
  t.timeout(60_000)
  return [await grow('a', ours), await grow('b', theirs)]
}

async function chainOf(blocks: NativeBlock[], undoDepth?: number): Promise<Metachain> {
  const chain = await Metachain.open({ genesis: { ...genesis, nativeStart: firstNative }, ...(undoDepth !== undefined && { undoDepth }) })
  await chain.connectBlocks(await rebuilt(blocks))
  return chain
}

/** The same blocks for the genesis of `chainOf`: a payload names its genesis. */
async function rebuilt(blocks: NativeBlock[]): Promise<NativeBlock[]> {
  const chain = await Metachain.open({ genesis: { ...genesis, nativeStart: firstNative } })
  const made = []
  for (const block of blocks) {
    const { payload } = chain.mintBlock(block, block.transactions as [])
    const carried = { ...block, payload }
    await chain.connectBlock(carried)
    made.push(carried)
  }
  await chain.close()
  return made
}

test('each answer of the handshake, and what sync makes of it', async (t) => {
  const [ours, theirs] = await branches(t, 5, 3, 6)
  const [a, b] = [await rebuilt(ours), await rebuilt(theirs)]
  const cases: [string, NativeBlock[], NativeBlock[], object][] = [
    ['in sync', a, a, { status: 'in-sync' }],
    ['behind', a.slice(0, 2), a, { status: 'replay', fromNativeHeight: firstNative + 2 }],
    ['empty', [], a, { status: 'replay', fromNativeHeight: firstNative }],
    ['ahead', a, a.slice(0, 5), { status: 'unwind', toNativeHeight: firstNative + 4 }],
    ['on another branch', a, b, { status: 'unwind', toNativeHeight: firstNative + 4 }],
    ['on another branch, longer', b, a, { status: 'unwind', toNativeHeight: firstNative + 4 }],
  ]
  for (const [title, had, native, expected] of cases) {
    const chain = await chainOf(had)
    const node = nodeOf(native)
    t.deepEqual(await chain.handshake(node) as object, expected, title)
    const steps: [number, number][] = []
    const tip = await chain.sync(node, { onProgress: (done, total) => steps.push([done, total]) })
    t.is(tip.height, native.length, title)
    t.deepEqual(tip.nativeHash, native.at(-1)?.nativeHash ?? null, title)
    t.true(steps.every(([done, total]) => done <= total), title)
    t.deepEqual(await chain.handshake(nodeOf(native, chain.supply)), { status: 'in-sync' }, title)
    await chain.close()
  }
})

test('what undo does not reach is told, not followed', async (t) => {
  const [ours, theirs] = await branches(t, 5, 4, 5)
  const [a, b] = [await rebuilt(ours), await rebuilt(theirs)]
  const chain = await chainOf(a, 2)
  t.deepEqual(await chain.handshake(nodeOf(a.slice(0, 3))), { status: 'ahead', commonNativeHeight: firstNative + 2 })
  t.is((await chain.sync(nodeOf(a.slice(0, 3)))).height, a.length)
  t.deepEqual(await chain.handshake(nodeOf(b)), { status: 'diverged', nativeHeight: firstNative + 5 })
  const error = await refused(t, 'UNDO_TOO_DEEP', () => chain.sync(nodeOf(b)))
  t.is(error.details['nativeHeight'], firstNative + 5)
  t.is(chain.tip.height, a.length)
})

test('long chains take few questions', async (t) => {
  const [ours, theirs] = await branches(t, 150, 40, 45)
  const [a, b] = [await rebuilt(ours), await rebuilt(theirs)]
  const chain = await chainOf(a)
  const node = nodeOf(b)
  t.deepEqual(await chain.handshake(node), { status: 'unwind', toNativeHeight: firstNative + 149 })
  t.true(node.asked <= 16, `${node.asked} questions`)
  t.is((await chain.sync(node)).height, b.length)
})

test('a host that lies or fails is told so, and sync goes on later', async (t) => {
  const [ours] = await branches(t, 0, 6, 0)
  const a = await rebuilt(ours)
  const chain = await chainOf(a.slice(0, 3))
  await refused(t, 'LOCKED_MISMATCH', () => chain.handshake(nodeOf(a.slice(0, 3), 1n)))
  await refused(t, 'BAD_ARGUMENT', () => chain.sync(nodeOf(a.map((block, index) => (index === 4 ? null : block)) as NativeBlock[])))
  const failing = { ...nodeOf(a), block: async () => { throw new RangeError('the node is away') } }
  await t.throwsAsync(() => chain.sync(failing), { instanceOf: RangeError })
  await refused(t, 'ABORTED', () => chain.sync(nodeOf(a), { signal: AbortSignal.abort() }))
  const lying = nodeOf(a.map((block, index) => (index === 4 ? { ...block, transactions: [] } : block)))
  await refused(t, 'INVALID_TRANSACTIONS', () => chain.sync(lying))
  t.is(chain.tip.height, 4)
  t.is((await chain.sync(nodeOf(a))).height, 6)
})

test('a mistake in the options is found before anything is undone', async (t) => {
  // One that came to light when progress was first told left the chain a block shorter.
  const [ours, theirs] = await branches(t, 2, 2, 3)
  const [a, b] = [await rebuilt(ours), await rebuilt(theirs)]
  const chain = await chainOf(a)
  await refused(t, 'BAD_ARGUMENT', () => chain.sync(nodeOf(b), { onProgress: 'x' as never }))
  await refused(t, 'BAD_ARGUMENT', () => chain.sync(nodeOf(b), { signal: new AbortController() as never }))
  await refused(t, 'BAD_ARGUMENT', () => chain.sync({ ...nodeOf(b), hash: 'x' as never }))
  t.deepEqual(chain.tip.nativeHash, a.at(-1)?.nativeHash)
  t.is(chain.tip.height, a.length)
})

test('an abort ends sync between two runs of blocks, and the next one goes on from there', async (t) => {
  const [ours, theirs] = await branches(t, 20, 90, 160)
  const [a, b] = [await rebuilt(ours), await rebuilt(theirs)]
  const chain = await chainOf(a)
  const steps: [number, number][] = []
  const stopped: number[] = []
  for (const until of [30, 1, 100]) {
    const aborter = new AbortController()
    let heard = 0
    const onProgress = (done: number, total: number): void => {
      steps.push([done, total])
      if ((heard += 1) >= until || (until === 100 && total === 160)) aborter.abort(new Error('enough'))
    }
    const error = await refused(t, 'ABORTED', () => chain.sync(nodeOf(b), { signal: aborter.signal, onProgress }))
    t.is((error.cause as Error | undefined)?.message ?? 'enough', 'enough')
    stopped.push(chain.tip.height)
  }
  // Thirty taken back, one more, the rest of them and the first run of the other branch.
  t.deepEqual(stopped, [80, 79, 84])
  t.true(steps.every(([done, total]) => done >= 1 && done <= total))
  t.is((await chain.sync(nodeOf(b))).height, b.length)
  t.deepEqual(chain.tip.nativeHash, b.at(-1)?.nativeHash)
})
