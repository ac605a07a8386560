// The native chain: blocks that point at their parents, and the funds that its deposits lock.
// It knows nothing of the metachain's balances; it counts its own locked funds, so that the two
// sides can be compared after every block.
import { createHash } from 'node:crypto'
import type { MetaTransaction, NativeBlock, NativeSource, Tip } from 'libmetachain'
import { isMetachain } from './addresses.js'

/** A native block with what it carries of the metachain. */
export interface MinedBlock {
  readonly height: number
  readonly hash: Uint8Array
  readonly parentHash: Uint8Array
  readonly time: number
  readonly payload: Uint8Array
  readonly transactions: readonly MetaTransaction[]
}

/** The block that mining builds on. */
export interface NativeTip {
  readonly height: number
  readonly hash: Uint8Array
  readonly time: number
}

/** Blocks kept in full: as many as a reorganisation of the example may undo. */
const KEPT = 16

const GENESIS: NativeTip = {
  height: 2_000_000,
  hash: createHash('sha256').update('libmetachain example, native genesis').digest(),
  time: 1_700_000_000,
}

/** The change of the native lock balance by transactions: deposits lock, withdrawals release. */
export function lockedBy(transactions: readonly MetaTransaction[]): bigint {
  let sum = 0n
  for (const { from, to, amount } of transactions) {
    if (!isMetachain(from)) sum += amount
    else if (!isMetachain(to)) sum -= amount
  }
  return sum
}

/** A block as the metachain is told of it. */
export function nativeBlock({ hash, height, parentHash, time, payload, transactions }: MinedBlock): NativeBlock {
  return { nativeHash: hash, nativeHeight: height, nativeParentHash: parentHash, time, payload, transactions }
}

/** The hash of a native block: its header committed to parent, time, transactions and payload. */
export function nativeHash(height: number, parent: Uint8Array, time: number, transactions: readonly MetaTransaction[], payload: Uint8Array): Uint8Array {
  const txids = createHash('sha256')
  for (const { txid } of transactions) if (txid) txids.update(txid)
  const header = Buffer.alloc(112)
  header.writeUInt32LE(height, 0)
  header.set(parent, 4)
  header.writeDoubleLE(time, 36)
  header.set(txids.digest(), 44)
  header.set(createHash('sha256').update(payload).digest(), 76)
  return createHash('sha256').update(createHash('sha256').update(header).digest()).digest()
}

export class NativeChain {
  #blocks: MinedBlock[] = []
  #tip: NativeTip
  #locked: bigint

  /** A new chain, or one that goes on from the native block that carried a metachain's tip. */
  constructor(from?: Tip, locked = 0n) {
    const carried = from?.nativeHeight != null && from.nativeHash !== null
    this.#tip = carried ? { height: from.nativeHeight as number, hash: from.nativeHash as Uint8Array, time: from.time } : GENESIS
    this.#locked = locked
  }

  get tip(): NativeTip {
    return this.#tip
  }

  /** The newest block in full, or null at the chain's start. */
  get newest(): MinedBlock | null {
    return this.#blocks.at(-1) ?? null
  }

  /** Native funds that deposits hold locked, by this chain's own count. */
  get locked(): bigint {
    return this.#locked
  }

  /** How many blocks can be undone. */
  get undoable(): number {
    return this.#blocks.length
  }

  /** This chain as the metachain asks about it at start-up. */
  get source(): NativeSource {
    return {
      tip: async () => ({ nativeHeight: this.#tip.height, nativeHash: this.#tip.hash, locked: this.#locked }),
      block: async (height) => {
        const kept = this.#blocks.find((block) => block.height === height)
        return kept ? nativeBlock(kept) : null
      },
    }
  }

  /** A block on the tip with the given contents; it counts once `append` takes it. */
  assemble(time: number, payload: Uint8Array, transactions: readonly MetaTransaction[]): MinedBlock {
    const height = this.#tip.height + 1
    const parentHash = this.#tip.hash
    return { height, hash: nativeHash(height, parentHash, time, transactions, payload), parentHash, time, payload, transactions }
  }

  append(block: MinedBlock): void {
    this.#blocks.push(block)
    if (this.#blocks.length > KEPT) this.#blocks.shift()
    this.#tip = block
    this.#locked += lockedBy(block.transactions)
  }

  /** Undoes the newest block, whose transactions wait again. */
  pop(): MinedBlock {
    const block = this.#blocks.pop()
    if (!block) throw new Error('the example keeps no older block to undo')
    const below = this.#blocks.at(-1)
    this.#tip = below ?? { height: block.height - 1, hash: block.parentHash, time: block.time }
    this.#locked -= lockedBy(block.transactions)
    return block
  }
}
