// A metachain from outside: mint, connect, disconnect, queries, verdicts, and what reopening finds.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { buildInfo, Metachain, type MetaTransaction, type NativeBlock, TxBatch, verifyAccountProof, verifyWithdrawalProof } from 'libmetachain'
import {
  alice, bob, carol, carry, deposit, firstNative, genesis, hash, hex, mine, nativeP2pkh, nativeP2sh, nativeWitness, next,
  openInMemory, transfer, withdrawal,
} from './support/native.js'
import { refused } from './support/throws.js'

async function directory(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'libmetachain-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

test('the addon says what it was built from', (t) => {
  const info = buildInfo()
  t.deepEqual(Object.keys(info), ['version', 'commit', 'profile', 'simd', 'wasmtime'])
  t.regex(info.version, /^\d+\.\d+\.\d+/)
  t.is(info.profile, 'release')
  t.regex(info.wasmtime, /^\d+\.\d+\.\d+$/)
})

test('a fresh chain stands at its genesis', async (t) => {
  const chain = await openInMemory()
  t.like(chain.tip, { height: 0, nativeHeight: null, nativeHash: null, durableHeight: 0 })
  t.deepEqual(chain.tip.hash, chain.genesisHash)
  t.is(chain.network, 'defichain-mainnet')
  t.is(chain.chainId, 'tests')
  t.is(chain.supply, 1_000_500n)
  t.is(chain.locked, chain.supply)
  t.deepEqual(chain.account(alice), { address: alice, balance: 1_000_000n, sequence: 0n })
  t.deepEqual(chain.account(alice.toLowerCase()), chain.account(alice))
  t.is(chain.account(carol), null)
  t.is(chain.balance(carol), 0n)
  t.is(chain.block(0), null)
  t.is(chain.block(1), null)
  t.is(chain.payload({ hash: hash('nothing') }), null)
})

test('minting is pure, and a block does what its transactions say', async (t) => {
  const chain = await openInMemory()
  const txid = hash('txid')
  const txs: MetaTransaction[] = [
    deposit(700n, carol, nativeP2sh),
    { ...withdrawal(300n), txid },
    transfer(200n, bob, carol),
    transfer(1n, carol, carol),
  ]
  const before = chain.tip
  const minted = chain.mintBlock(next(chain), txs)
  t.deepEqual(chain.mintBlock(next(chain), txs), minted)
  t.deepEqual(chain.mintBlock(next(chain), TxBatch.from(txs)), minted)
  t.deepEqual(chain.tip, before)
  t.like(minted, { height: 1, accepted: 4, rejected: [], supply: 1_000_900n })

  const block = carry(chain, minted, txs)
  const checked = chain.checkBlock(block)
  t.deepEqual(chain.tip, before)
  t.is(checked.nativeHash, null)
  const result = await chain.connectBlock(block)
  t.deepEqual(result, { status: 'connected', hash: minted.hash, height: 1 })
  t.deepEqual(await chain.connectBlock(block), { ...result, status: 'known' })
  t.deepEqual(chain.connectBlockSync(block), { ...result, status: 'known' })
  t.like(chain.tip, { height: 1, nativeHeight: firstNative, durableHeight: 1, time: block.time })
  t.deepEqual(chain.tip.stateRoot, minted.stateRoot)
  t.deepEqual(chain.tip.nativeHash, block.nativeHash)
  t.is(chain.supply, minted.supply)
  t.deepEqual(chain.account(carol), { address: carol, balance: 900n, sequence: 1n })
  t.deepEqual(chain.account(alice), { address: alice, balance: 999_700n, sequence: 1n })

  const found = chain.block(1)
  t.deepEqual(found?.transactions, txs)
  t.deepEqual({ ...found }, { ...checked, nativeHash: block.nativeHash })
  t.deepEqual({ ...chain.block({ hash: minted.hash }) }, { ...found })
  t.deepEqual({ ...chain.block({ nativeHash: block.nativeHash }) }, { ...found })
  t.deepEqual(found?.parentHash, chain.genesisHash)
  t.deepEqual(chain.payload(1), minted.payload)
  t.deepEqual(chain.withdrawals(1), [{ index: 0, from: alice, to: nativeWitness, amount: 300n, txid }])
  t.deepEqual(chain.transaction(txid), { block: 1, index: 1, transaction: txs[1] })
  t.is(chain.transaction(hash('unknown')), null)
  t.like(chain.metrics(), { height: 1, blocksConnected: 1, blocksKnown: 2, transactionsConnected: 4 })
})

test('what cannot be executed is left out, with the reason', async (t) => {
  const chain = await openInMemory({ transactionsMax: 4 })
  const txid = hash('once')
  const spoilt = bob.replace('5aAeb', '5AAeb')
  const txs: MetaTransaction[] = [
    { ...deposit(1n), txid },
    deposit(1n, spoilt),
    { from: nativeP2pkh, to: nativeP2sh, amount: 1n },
    deposit(0n),
    deposit(-1n),
    deposit(2n ** 63n),
    deposit(2n ** 200n),
    { ...deposit(1n), txid },
    transfer(501n, bob),
    transfer(1n, carol, bob),
    deposit(2n ** 63n - 1n),
    deposit(1n, alice, 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'),
    deposit(1n, alice, 'x\ud800\u{1f600}é'),
    deposit(1n, alice, ''),
    deposit(1n, alice, '1'.repeat(100_000)),
    deposit(1n, alice, '0X52908400098527886E0F7030069857D2E4169EE7'),
    transfer(500n, bob),
    transfer(1n),
    transfer(1n),
    transfer(1n),
  ]
  const minted = chain.mintBlock(next(chain), txs)
  const expected: [number, string][] = [
    [1, 'INVALID_ADDRESS'],
    [2, 'INVALID_KIND'],
    [3, 'INVALID_AMOUNT'],
    [4, 'INVALID_AMOUNT'],
    [5, 'INVALID_AMOUNT'],
    [6, 'INVALID_AMOUNT'],
    [7, 'DUPLICATE_TXID'],
    [8, 'INSUFFICIENT_BALANCE'],
    [9, 'INSUFFICIENT_BALANCE'],
    [10, 'SUPPLY_OVERFLOW'],
    [11, 'INVALID_ADDRESS'],
    [12, 'INVALID_ADDRESS'],
    [13, 'INVALID_ADDRESS'],
    [14, 'INVALID_ADDRESS'],
    [15, 'INVALID_ADDRESS'],
    [19, 'BLOCK_FULL'],
  ]
  const judged = minted.rejected.map(({ index, code }): [number, string] => [index, code])
  t.deepEqual(judged, expected)
  t.is(minted.rejected.find(({ index }) => index === 8)?.balance, 500n)
  t.is(minted.accepted, 4)
  t.deepEqual(chain.mintBlock(next(chain), TxBatch.from(txs)).rejected, minted.rejected)
})

test('a payload must hold exactly what its native block carries', async (t) => {
  const chain = await openInMemory()
  const txs = [deposit(5n), withdrawal(3n)]
  const minted = chain.mintBlock(next(chain), txs)
  const batch = TxBatch.from(txs, { network: 'defichain-mainnet' })
  for (const carried of [[deposit(5n)], [...txs].reverse(), [deposit(5n), withdrawal(4n)], [], [...txs, deposit(0n)], hash('other root')])
    await refused(t, 'INVALID_TRANSACTIONS', () => chain.checkBlock(carry(chain, minted, carried)))
  for (const carried of [txs, batch, batch.root, 'unchecked'] as const)
    t.deepEqual(chain.checkBlock(carry(chain, minted, carried)).hash, minted.hash)
  t.deepEqual(chain.checkBlock(carry(chain, minted)).txRoot, batch.root)
  t.is(chain.tip.height, 0)
})

test('a batch is a list that changes', async (t) => {
  const chain = await openInMemory()
  const batch = new TxBatch()
  await refused(t, 'BAD_ARGUMENT', () => batch.root)
  for (let index = 1; index <= 3_000; index += 1)
    batch.add(nativeP2pkh, carol, BigInt(index), index % 3 === 0 ? hash(`${index}`) : undefined)
  t.is(batch.length, 3_000)
  const minted = chain.mintBlock(next(chain), batch)
  t.is(minted.accepted, 3_000)
  const { root } = batch
  t.deepEqual(chain.checkBlock(carry(chain, minted, root)).txRoot, root)
  t.is(chain.checkBlock(carry(chain, minted, batch)).transactions[2_999]?.amount, 3_000n)
  batch.add(nativeP2pkh, 'not an address', 1n)
  const error = await refused(t, 'BAD_ARGUMENT', () => batch.root)
  t.like(error.details, { index: 3_000, receipt: 'INVALID_ADDRESS' })
  t.is(chain.mintBlock(next(chain), batch).rejected.length, 1)
  t.is(batch.clear().length, 0)
  t.is(chain.mintBlock(next(chain), batch).accepted, 0)
  const other = await openInMemory({ network: 'bitcoin-mainnet' })
  batch.add(nativeP2pkh, carol, 1n)
  t.is(chain.mintBlock(next(chain), batch).accepted, 1)
  t.is(other.mintBlock(next(other), batch).accepted, 0)
})

test('disconnecting restores the state, and the same block connects again', async (t) => {
  const chain = await openInMemory()
  const first = await mine(chain, [deposit(10n, carol)])
  const tip = chain.tip
  const second = await mine(chain, [transfer(5n, carol, bob), withdrawal(1n)])
  await refused(t, 'NOT_TIP', () => chain.disconnectBlock(first.nativeHash))
  t.deepEqual(await chain.disconnectBlock(second.nativeHash), tip)
  t.deepEqual(chain.tip, tip)
  t.is(chain.balance(carol), 10n)
  t.is(chain.block(2), null)
  t.is((await chain.connectBlock(second)).status, 'connected')
  await chain.disconnectBlock(second.nativeHash)
  await chain.finalize(first.nativeHash)
  await refused(t, 'FINALIZED', () => chain.disconnectBlock(first.nativeHash))
  await refused(t, 'BAD_ARGUMENT', () => chain.finalize(hash('unknown')))
})

test('blocks out of order and in conflict say nothing about the block', async (t) => {
  const chain = await openInMemory()
  const block = await mine(chain, [deposit(1n)])
  const minted = chain.mintBlock(next(chain), [])
  const candidate = carry(chain, minted)
  const stray = { ...candidate, nativeParentHash: hash('elsewhere') }
  t.true((await refused(t, 'UNKNOWN_PARENT', () => chain.connectBlock(stray))).retryable)
  await refused(t, 'UNKNOWN_PARENT', () => chain.mintBlock({ ...next(chain), nativeParentHash: hash('elsewhere') }, []))
  await refused(t, 'BAD_ARGUMENT', () => chain.connectBlock({ ...candidate, nativeHeight: candidate.nativeHeight + 1 }))
  await refused(t, 'BAD_ARGUMENT', () => chain.mintBlock({ ...next(chain), nativeHeight: 7 }, []))
  await refused(t, 'CONFLICT', () => chain.connectBlock({ ...block, payload: minted.payload }))
  t.is(chain.tip.height, 1)
})

test('runs of blocks connect with one wait and stop at the first bad one', async (t) => {
  const source = await openInMemory()
  const blocks: NativeBlock[] = []
  for (let count = 0; count < 20; count += 1) blocks.push(await mine(source, [deposit(BigInt(count + 1))]))
  const chain = await openInMemory()
  t.deepEqual((await chain.connectBlocks(blocks.slice(0, 10))).map(({ height }) => height), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  const lying = blocks.slice(8).map((block, index) => (index === 5 ? { ...block, transactions: [] } : block))
  const error = await refused(t, 'INVALID_TRANSACTIONS', () => chain.connectBlocks(lying))
  t.is(error.details['index'], 5)
  t.is(chain.tip.height, 13)
  const aborted = await refused(t, 'ABORTED', () => chain.connectBlocks(blocks.slice(13), { signal: AbortSignal.abort() }))
  t.is(aborted.details['index'], 0)
  await chain.connectBlocks(blocks.slice(13))
  t.deepEqual(chain.tip, source.tip)
  const heights = []
  for await (const block of chain.blocks({ from: 0, to: 18 })) heights.push(block.height)
  t.deepEqual(heights, Array.from({ length: 18 }, (_, index) => index + 1))
})

test('calls made together run in the order in which they were made', async (t) => {
  const source = await openInMemory()
  const blocks: NativeBlock[] = []
  for (let count = 0; count < 50; count += 1) blocks.push(await mine(source, [deposit(1n, carol)]))
  const chain = await openInMemory()
  const results = await Promise.all(blocks.map((block) => chain.connectBlock(block)))
  t.deepEqual(results.map(({ height }) => height), blocks.map((_, index) => index + 1))
  t.is(chain.balance(carol), 50n)
})

test('proofs hold without a store', async (t) => {
  const chain = await openInMemory()
  await mine(chain, [deposit(40n, carol), withdrawal(7n), withdrawal(8n, bob, nativeP2sh), { ...withdrawal(9n), txid: hash('id') }])
  for (const address of [alice, bob, carol]) {
    const { proof, stateRoot, height } = chain.proveAccount(address)
    t.is(height, 1)
    t.deepEqual(stateRoot, chain.tip.stateRoot)
    t.deepEqual(verifyAccountProof(stateRoot, address, proof), chain.account(address))
  }
  const absent = `0x${'12'.repeat(20)}`
  const nobody = chain.proveAccount(absent)
  t.is(verifyAccountProof(nobody.stateRoot, absent, nobody.proof), null)
  await refused(t, 'INVALID_PROOF', () => verifyAccountProof(nobody.stateRoot, alice, nobody.proof))
  await refused(t, 'INVALID_PROOF', () => verifyAccountProof(hash('root'), absent, nobody.proof))

  for (const withdrawal of chain.withdrawals(1)) {
    const { proof, withdrawalsRoot, height } = chain.proveWithdrawal(1, withdrawal.index)
    t.is(height, 1)
    t.deepEqual(verifyWithdrawalProof(withdrawalsRoot, proof), withdrawal)
    await refused(t, 'INVALID_PROOF', () => verifyWithdrawalProof(hash('root'), proof))
    for (let length = 0; length < proof.length; length += 1)
      await refused(t, 'INVALID_PROOF', () => verifyWithdrawalProof(withdrawalsRoot, proof.slice(0, length)))
  }
  await refused(t, 'BAD_ARGUMENT', () => chain.proveWithdrawal(1, 3))
  await refused(t, 'BAD_ARGUMENT', () => chain.withdrawals(2))
})

test('a store is found again as it was left', async (t) => {
  const path = await directory(t)
  const chain = await Metachain.open({ path, genesis })
  const blocks = [await mine(chain, [deposit(1n, carol)]), await mine(chain, [transfer(2n)]), await mine(chain, [withdrawal(3n)])]
  await chain.disconnectBlock((blocks[2] as (typeof blocks)[0]).nativeHash)
  const again = await Metachain.open({ path, genesis })
  t.deepEqual(again.tip, chain.tip)
  await again.close()
  const { tip, supply } = chain
  await chain.close()
  await chain.close()
  await refused(t, 'CLOSED', () => chain.tip)
  await refused(t, 'CLOSED', () => chain.mintBlock({ nativeHeight: 1, nativeParentHash: hash(''), time: 0 }, []))
  await refused(t, 'CLOSED', () => chain.connectBlock(blocks[0] as (typeof blocks)[0]))

  await using reopened = await Metachain.open({ path })
  t.deepEqual(reopened.tip, tip)
  const steps: [number, number][] = []
  await reopened.verify({ full: true, onProgress: (done, total) => steps.push([done, total]) })
  t.true(steps.every(([done, total]) => done <= total))
  t.is(reopened.supply, supply)
  t.is(reopened.balance(carol), 3n)
  t.is((await reopened.connectBlock(blocks[1] as (typeof blocks)[0])).status, 'known')
  t.is((await reopened.connectBlock(blocks[2] as (typeof blocks)[0])).status, 'connected')
})

test('a store belongs to its genesis', async (t) => {
  const path = await directory(t)
  await refused(t, 'BAD_ARGUMENT', () => Metachain.open({ path: join(path, 'new') }))
  const chain = await Metachain.open({ path, genesis, durability: 'batch' })
  await mine(chain, [deposit(1n)])
  await chain.flush()
  t.is(chain.tip.durableHeight, 1)
  await refused(t, 'GENESIS_MISMATCH', () => Metachain.open({ path, genesis: { ...genesis, chainId: 'other' }, durability: 'batch' }))
  await refused(t, 'BAD_ARGUMENT', () => Metachain.open({ path, genesis, durability: 'block' }))
  await chain.close()
  await refused(t, 'GENESIS_MISMATCH', () => Metachain.open({ path, genesis: { ...genesis, balances: { [alice]: 1n } } }))
})

test('a store begins from the snapshot of another', async (t) => {
  const path = await directory(t)
  const file = join(path, 'state.snapshot')
  const chain = await Metachain.open({ path: join(path, 'first'), genesis })
  await refused(t, 'BAD_ARGUMENT', () => chain.exportSnapshot(file))
  await mine(chain, [deposit(1n, carol)])
  await mine(chain, [deposit(4n, carol)])
  await chain.exportSnapshot(file)
  const options = { path: join(path, 'second'), genesis }
  await refused(t, 'SNAPSHOT_INVALID', () => Metachain.importSnapshot(file, { ...options, trusted: hash('another block') }))
  const imported = await Metachain.importSnapshot(file, { ...options, trusted: chain.tip.hash })
  t.deepEqual(imported.tip, chain.tip)
  t.deepEqual(imported.account(carol), chain.account(carol))
  const block = await mine(chain, [transfer(1n)])
  t.is((await imported.connectBlock(block)).status, 'connected')
  t.deepEqual(imported.tip, chain.tip)
  const heights = async (from: number): Promise<number[]> => {
    const list = []
    for await (const { height } of imported.blocks({ from })) list.push(height)
    return list
  }
  t.deepEqual(await heights(2), [2, 3])
  t.deepEqual(await heights(4), [])
  // The block before the snapshot is not there, and nothing would say so.
  t.is((await refused(t, 'BAD_ARGUMENT', () => heights(0))).details['firstHeight'], 2)
  await refused(t, 'STORE_LOCKED', () => Metachain.importSnapshot(file, options))
  await imported.close()
  await refused(t, 'BAD_ARGUMENT', () => Metachain.importSnapshot(file, options))
  const copy = await readFile(file)
  copy[copy.length >> 1] = (copy[copy.length >> 1] as number) ^ 1
  await writeFile(file, copy)
  await refused(t, 'SNAPSHOT_INVALID', () => Metachain.importSnapshot(file, { ...options, path: join(path, 'third') }))
  await chain.close()
})

test('genesis hashes are those of the golden vectors, whatever form the balances have', async (t) => {
  const { genesis: vectors } = await vectorFile()
  for (const { hash: expected, chainId, network, nativeStart, ...vector } of vectors) {
    const balances = Object.entries(vector.balances).map(([address, units]) => [address, BigInt(units)] as const)
    const { time, replayWindow, transactionsMax, payloadBytesMax } = vector
    const given = { chainId, network, time, replayWindow, transactionsMax, payloadBytesMax, ...(nativeStart !== null && { nativeStart }) }
    for (const form of [balances, new Map(balances), Object.fromEntries(balances)]) {
      const chain = await Metachain.open({ genesis: { ...given, balances: form } })
      t.is(hex(chain.genesisHash), expected)
      await chain.close()
    }
  }
})

interface GenesisVector {
  hash: string
  chainId: string
  network: 'opaque'
  nativeStart: number | null
  balances: Record<string, string>
  time: number
  replayWindow: number
  transactionsMax: number
  payloadBytesMax: number
}

async function vectorFile(): Promise<{ genesis: GenesisVector[] }> {
  return JSON.parse(await readFile(new URL('../spec/vectors/encodings.json', import.meta.url), 'utf8')) as { genesis: GenesisVector[] }
}
