// Invents the transactions that people send, among them bad ones whose verdict is known beforehand.
import type { MetaTransaction } from 'libmetachain'
import type { Person } from './people.js'
import type { Random } from './random.js'

/** A transaction on its way to a block, and the rejection it is made to meet, if any. */
export interface Offered {
  readonly transaction: MetaTransaction
  readonly expected: string | null
}

const COIN = 100_000_000n

/** One transaction in this many is bad. */
const BAD_ONE_IN = 25

export class Workload {
  readonly #people: readonly Person[]
  readonly #random: Random
  #lastTxid: Uint8Array | null = null

  constructor(people: readonly Person[], random: Random) {
    this.#people = people
    this.#random = random
  }

  /** The transactions that arrive for one block. Balances of the people move as the good ones say. */
  arrivals(count: number): Offered[] {
    this.#lastTxid = null
    return Array.from({ length: count }, () => (this.#random.oneIn(BAD_ONE_IN) ? this.#bad() : this.#good()))
  }

  #txid(): Uint8Array {
    return this.#random.bytes(32)
  }

  #good(): Offered {
    const random = this.#random
    const from = random.pick(this.#people)
    const to = random.pick(this.#people)
    const txid = this.#txid()
    this.#lastTxid = txid
    const kind = from.balance === 0n ? 0 : random.below(10)
    if (kind < 3) {
      const amount = random.amount(50n * COIN)
      to.balance += amount
      return { transaction: { from: from.native, to: to.meta, amount, txid }, expected: null }
    }
    if (kind < 5) {
      const amount = random.amount(from.balance)
      from.balance -= amount
      return { transaction: { from: from.meta, to: from.native, amount, txid }, expected: null }
    }
    const amount = random.amount(from.balance / 2n + 1n)
    from.balance -= amount
    to.balance += amount
    return { transaction: { from: from.meta, to: to.meta, amount, txid }, expected: null }
  }

  /** Mistakes that native transactions carry in practice; each changes nothing anywhere. */
  #bad(): Offered {
    const random = this.#random
    const from = random.pick(this.#people)
    const to = random.pick(this.#people)
    const amount = random.amount(COIN)
    const txid = this.#txid()
    switch (random.below(6)) {
      case 0:
        return { transaction: { from: from.meta, to: to.meta, amount: from.balance + amount, txid }, expected: 'INSUFFICIENT_BALANCE' }
      case 1:
        return { transaction: { from: from.native, to: mistypedMetachain(to.meta), amount, txid }, expected: 'INVALID_ADDRESS' }
      case 2:
        return { transaction: { from: from.meta, to: mistypedNative(to.native), amount, txid }, expected: 'INVALID_ADDRESS' }
      case 3:
        return { transaction: { from: from.native, to: to.native, amount, txid }, expected: 'INVALID_KIND' }
      case 4:
        return { transaction: { from: from.native, to: to.meta, amount: random.oneIn(2) ? 0n : -amount, txid }, expected: 'INVALID_AMOUNT' }
      default:
        if (!this.#lastTxid) return this.#good()
        return { transaction: { from: from.native, to: to.meta, amount, txid: this.#lastTxid }, expected: 'DUPLICATE_TXID' }
    }
  }
}

/** A metachain address with one digit missing. */
function mistypedMetachain(address: string): string {
  return address.slice(0, -1)
}

/** A native address with its last letter exchanged, which its checksum notices. */
function mistypedNative(address: string): string {
  return address.slice(0, -1) + (address.endsWith('q') ? 'p' : 'q')
}
