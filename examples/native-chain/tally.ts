// What happened in a run: counted while it happens, read by the summary.
import type { MetaTransaction, Rejection } from 'libmetachain'
import { isMetachain } from './addresses.js'

export interface KindTally {
  count: number
  amount: bigint
}

export interface RejectionTally {
  count: number
  /** The message of the first one. */
  example: string
}

export class Tally {
  readonly deposits: KindTally = { count: 0, amount: 0n }
  readonly withdrawals: KindTally = { count: 0, amount: 0n }
  readonly transfers: KindTally = { count: 0, amount: 0n }
  readonly rejections = new Map<string, RejectionTally>()
  blocks = 0
  accepted = 0
  /** Time spent in the library, in milliseconds. */
  mintMs = 0
  connectMs = 0
  /** Rejections that a transaction was not made for, and made-for ones that did not come. */
  surprises = 0

  /** Counts one connected block. */
  block(carried: readonly MetaTransaction[], rejected: readonly Rejection[], mintMs: number, connectMs: number): void {
    this.blocks += 1
    this.accepted += carried.length
    this.mintMs += mintMs
    this.connectMs += connectMs
    for (const transaction of carried) {
      const kind = this.#kind(transaction)
      kind.count += 1
      kind.amount += transaction.amount
    }
    for (const { code, message } of rejected) {
      const known = this.rejections.get(code)
      if (known) known.count += 1
      else this.rejections.set(code, { count: 1, example: message })
    }
  }

  get rejected(): number {
    let sum = 0
    for (const { count } of this.rejections.values()) sum += count
    return sum
  }

  #kind({ from, to }: MetaTransaction): KindTally {
    if (!isMetachain(from)) return this.deposits
    return isMetachain(to) ? this.transfers : this.withdrawals
  }
}
