// Payloads: golden vectors through the final addon, and damaged ones, which must be named and change nothing.
import { readFile } from 'node:fs/promises'
import test from 'ava'
import fc from 'fast-check'
import { decodePayload, type MetaTransaction, type Network, TxBatch, verifyWithdrawalProof } from 'libmetachain'
import { carol, carry, deposit, hash, hex, next, openInMemory, withdrawal } from './support/native.js'
import { refused } from './support/throws.js'

interface TransactionVector {
  from: string
  to: string
  amount: string
  txid: string | null
}

interface BlockVector {
  network: Network
  payload: string
  hash: string
  txRoot: string
  withdrawalsRoot: string
  transactions: TransactionVector[]
  withdrawalProofs: string[]
}

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))

const transactionOf = ({ from, to, amount, txid }: TransactionVector): MetaTransaction => ({
  from,
  to,
  amount: BigInt(amount),
  ...(txid !== null && { txid: bytes(txid) }),
})

const vectors = JSON.parse(await readFile(new URL('../spec/vectors/encodings.json', import.meta.url), 'utf8')) as { blocks: BlockVector[] }

test('the golden payloads read as what they were written from', (t) => {
  t.true(vectors.blocks.length >= 3)
  for (const vector of vectors.blocks) {
    const block = decodePayload(bytes(vector.payload), vector.network)
    t.is(hex(block.hash), vector.hash)
    t.is(hex(block.txRoot), vector.txRoot)
    t.is(hex(block.withdrawalsRoot), vector.withdrawalsRoot)
    t.deepEqual(block.transactions, vector.transactions.map(transactionOf))
    t.is(hex(TxBatch.from(block.transactions, { network: vector.network }).root), vector.txRoot)
    for (const [index, proof] of vector.withdrawalProofs.entries())
      t.is(verifyWithdrawalProof(block.withdrawalsRoot, bytes(proof), vector.network).index, index)
  }
})

test('the network decides how native addresses are printed', async (t) => {
  const [, mainnet, opaque] = vectors.blocks as [BlockVector, BlockVector, BlockVector]
  t.deepEqual(decodePayload(bytes(mainnet.payload)).transactions, decodePayload(bytes(mainnet.payload), mainnet.network).transactions)
  t.deepEqual(decodePayload(bytes(opaque.payload)).transactions, opaque.transactions.map(transactionOf))
  await refused(t, 'BAD_ARGUMENT', () => decodePayload(bytes(opaque.payload), 'bitcoin-mainnet'))
  await refused(t, 'BAD_ARGUMENT', () => decodePayload(bytes(mainnet.payload), 'dogecoin' as Network))
})

const readable = ['INVALID_ENCODING', 'INVALID_SIZE', 'INVALID_VERSION']

test('every truncated payload is refused', async (t) => {
  for (const { payload, network } of vectors.blocks) {
    const whole = bytes(payload)
    for (let length = 0; length < whole.length; length += 1)
      await refused(t, 'INVALID_ENCODING', () => decodePayload(whole.slice(0, length), network))
    await refused(t, 'INVALID_ENCODING', () => decodePayload(Uint8Array.from([0, ...whole]), network))
    await refused(t, 'INVALID_ENCODING', () => decodePayload(Uint8Array.from([...whole, 0]), network))
  }
  await refused(t, 'INVALID_SIZE', () => decodePayload(new Uint8Array(17 << 20)))
})

test('no damaged payload connects, and nothing changes', async (t) => {
  const chain = await openInMemory()
  const txs = [deposit(5n, carol), withdrawal(3n), { ...deposit(9n), txid: hash('id') }]
  const minted = chain.mintBlock(next(chain), txs)
  const before = chain.tip
  const damaged = fc.oneof(
    fc.nat(minted.payload.length * 8 - 1).map((bit) => {
      const copy = minted.payload.slice()
      copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7))
      return copy
    }),
    fc.nat(minted.payload.length - 1).map((length) => minted.payload.slice(0, length)),
    fc.uint8Array({ maxLength: 600 }),
  )
  const codes = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(damaged, async (payload) => {
      const block = { ...carry(chain, minted, txs), payload }
      const error = await t.throwsAsync(() => chain.connectBlock(block))
      const code = (error as { code?: string }).code ?? ''
      codes.set(code, (codes.get(code) ?? 0) + 1)
      t.true((error as { verdict?: boolean }).verdict, code)
      t.throws(() => chain.checkBlock(block), { code })
    }),
    { seed: Number(process.env['LIBMETACHAIN_SEED'] ?? 7), numRuns: 1_500 },
  )
  t.true(readable.some((code) => codes.has(code)))
  t.true(codes.size >= 5, JSON.stringify([...codes]))
  t.deepEqual(chain.tip, before)
  t.is((await chain.connectBlock(carry(chain, minted, txs))).status, 'connected')
})
