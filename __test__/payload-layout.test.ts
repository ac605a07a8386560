// A second decoder of payloads, written from their documented layout, agrees with what mint returned.
import { deepStrictEqual as same } from 'node:assert/strict'
import test from 'ava'
import { decodePayload, Metachain, type MetaTransaction, type Network } from 'libmetachain'
import { metaText, type NativeAddress, nativeText, networks } from './support/addresses.js'
import { carry, genesis, hex, next } from './support/native.js'
import { blockHash, type LaidOutBlock, type LaidOutTransaction, read, spelt, txRoot, withdrawalsRoot, write } from './support/payload-layout.js'
import { Random, seedOf } from './support/random.js'
import { ReferenceLedger } from './support/reference-ledger.js'

const vectors = Number(process.env['METACHAIN_CASES'] ?? 10_000)

function nativeAddress(random: Random, network: Network): NativeAddress {
  if (network === 'opaque')
    // Printable, and never beginning as a metachain address does.
    return { kind: 'opaque', text: Uint8Array.from({ length: 1 + random.below(128) }, (_, at) => (at === 0 ? 65 : 32) + random.below(at === 0 ? 26 : 95)) }
  const version = 1 + random.below(16)
  switch (random.below(5)) {
    case 0:
      return { kind: 'pubkeyHash', hash: random.bytes(20) }
    case 1:
      return { kind: 'scriptHash', hash: random.bytes(20) }
    case 2:
      return { kind: 'witness', version: 0, program: random.bytes(20) }
    case 3:
      return { kind: 'witness', version: 0, program: random.bytes(32) }
    default:
      return { kind: 'witness', version, program: random.bytes(2 + random.below(39)) }
  }
}

function transaction(random: Random, network: Network, accounts: Uint8Array[]): LaidOutTransaction {
  const kind = random.pick(['deposit', 'withdrawal', 'transfer'] as const)
  return {
    kind,
    from: kind === 'deposit' ? nativeAddress(random, network) : random.pick(accounts),
    to: kind === 'withdrawal' ? nativeAddress(random, network) : random.pick(accounts),
    amount: BigInt(1 + random.below(1_000)) * (random.chance(50) ? 2n ** 40n : 1n),
    txid: random.chance(2) ? random.bytes(32) : null,
  }
}

/** What mint leaves out: nothing here can be refused but for its amount. */
function accepted(ledger: ReferenceLedger, given: LaidOutTransaction[]): LaidOutTransaction[] {
  return given.filter((transaction) => {
    try {
      ledger.execute(transaction)
      return true
    } catch {
      return false
    }
  })
}

test(`${vectors} payloads of all networks read as what was minted, and are written again byte for byte`, async (t) => {
  t.timeout(120_000 + vectors * 20)
  const random = new Random(seedOf(t))
  let transactions = 0
  for (const [index, network] of networks.entries()) {
    const accounts = [new Uint8Array(20), ...Array.from({ length: 9 }, () => random.bytes(20))]
    const balances = Object.fromEntries(accounts.slice(0, 3).map((account) => [metaText(account), BigInt(1 + random.below(5_000))]))
    const chain = await Metachain.open({ genesis: { ...genesis, network, balances } })
    let ledger = new ReferenceLedger(balances)
    for (let count = Math.ceil((vectors - index) / networks.length); count > 0; count -= 1) {
      const given = Array.from({ length: random.below(9) }, () => transaction(random, network, accounts))
      const after = ledger.copy()
      const expected = accepted(after, given)
      transactions += expected.length
      const minted = chain.mintBlock(next(chain), given.map((each) => spelt(each, network)))
      const block = read(minted.payload)
      same(block.transactions, expected)
      same(write(block), minted.payload)
      agree(block, minted.payload, network)
      const { header } = block
      same([header.stateRoot, header.supply, blockHash(header)], [after.root(), after.supply, minted.hash])
      same([minted.stateRoot, minted.supply, minted.accepted], [header.stateRoot, header.supply, header.txCount])
      same([header.genesis, header.parent], [chain.genesisHash, chain.tip.hash])
      if (!random.chance(3)) continue
      await chain.connectBlock(carry(chain, minted, expected.map((each) => spelt(each, network))))
      ledger = after
    }
    await chain.close()
  }
  t.pass()
  t.log(`${vectors} payloads with ${transactions} transactions agree`)

  /** Both decoders on one payload, and both roots recomputed. */
  function agree(block: LaidOutBlock, payload: Uint8Array, network: Network): void {
    const decoded = decodePayload(payload, network)
    const { header } = block
    same(decoded.transactions, block.transactions.map((each): MetaTransaction => spelt(each, network)))
    same(
      [decoded.hash, decoded.parentHash, decoded.stateRoot, decoded.txRoot, decoded.withdrawalsRoot].map(hex),
      [blockHash(header), header.parent, header.stateRoot, txRoot(block.transactions), withdrawalsRoot(block.transactions)].map(hex),
    )
    same([header.txRoot, header.withdrawalsRoot].map(hex), [decoded.txRoot, decoded.withdrawalsRoot].map(hex))
    same(
      [decoded.height, decoded.nativeHeight, decoded.time, decoded.supply],
      [Number(header.height), Number(header.nativeHeight), Number(header.time), header.supply],
    )
    same([header.version, header.txCount], [1, block.transactions.length])
  }
})

test('the second decoder would notice a bug of the first: each field, changed, differs', async (t) => {
  const random = new Random(seedOf(t))
  const network = 'bitcoin-mainnet'
  const chain = await Metachain.open({ genesis: { ...genesis, network } })
  const given = Array.from({ length: 6 }, (_, at): LaidOutTransaction => ({
    kind: 'deposit',
    from: at === 0 ? { kind: 'witness', version: 1, program: random.bytes(32) } : nativeAddress(random, network),
    to: random.bytes(20),
    amount: 5n,
    txid: random.bytes(32),
  }))
  const minted = chain.mintBlock(next(chain), given.map((each) => spelt(each, network)))
  const right = read(minted.payload)
  t.deepEqual(write(right), minted.payload)
  // Planted: what a decoder could get wrong. Bytes, or the hash, or a root, tell each of them.
  const wrong: Record<string, (block: LaidOutBlock) => void> = {
    'two numbers exchanged': ({ header }) => ([header.height, header.nativeHeight] = [header.nativeHeight, header.height]),
    'two hashes exchanged': ({ header }) => ([header.parent, header.genesis] = [header.stateRoot, header.parent]),
    'an amount read in the other byte order': ({ transactions: [first] }) => ((first as LaidOutTransaction).amount <<= 56n),
    'an id left out': ({ transactions: [first] }) => ((first as LaidOutTransaction).txid = null),
    'another kind of address': ({ transactions: [first] }) => ((first as LaidOutTransaction).from = { kind: 'opaque', text: random.bytes(32) }),
    'another witness version': ({ transactions: [first] }) => ((first as LaidOutTransaction).from = { kind: 'witness', version: 2, program: random.bytes(32) }),
    'two transactions exchanged': ({ transactions }) => void transactions.reverse(),
    'a transaction lost': ({ transactions }) => void transactions.pop(),
  }
  for (const [title, plant] of Object.entries(wrong)) {
    const block = read(minted.payload)
    plant(block)
    t.notDeepEqual(write(block), minted.payload, title)
    const told = hex(blockHash(block.header)) !== hex(minted.hash) || hex(txRoot(block.transactions)) !== hex(right.header.txRoot)
    t.true(told, title)
  }
  t.is(nativeText({ kind: 'witness', version: 0, program: Buffer.from('751e76e8199196d454941c45d1b3a323f1433bd6', 'hex') }, network), 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4')
  await chain.close()
})
