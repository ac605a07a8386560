// The native node: the part of a host that embeds a metachain. What it does for each block is what
// any embedding does: mint, leave out what was rejected, build the native block, connect.
import { TxBatch, type Metachain, type MetaTransaction, type Rejection } from 'libmetachain'
import { nativeBlock, NativeChain, type MinedBlock } from './native-chain.js'
import type { Tally } from './tally.js'
import type { Offered } from './workload.js'

const SECONDS_PER_BLOCK = 30

/** The two ledgers no longer agree: the one thing that must never happen. */
export class DisagreementError extends Error {}

/** Mints a payload for transactions and says which of them the native block may carry. */
export function mint(metachain: Metachain, height: number, parentHash: Uint8Array, time: number, offered: readonly MetaTransaction[]): { payload: Uint8Array; rejected: Rejection[]; carried: readonly MetaTransaction[] } {
  const minted = metachain.mintBlock({ nativeHeight: height, nativeParentHash: parentHash, time }, TxBatch.from(offered))
  // The first rule of embedding: a rejected transaction must not enter the native block either. A
  // deposit that locks there but was never credited here would part the two ledgers for ever.
  const out = new Set(minted.rejected.map((rejection) => rejection.index))
  const carried = out.size === 0 ? offered : offered.filter((_, index) => !out.has(index))
  return { payload: minted.payload, rejected: minted.rejected, carried }
}

export class NativeNode {
  metachain: Metachain
  readonly chain: NativeChain
  readonly #tally: Tally

  constructor(metachain: Metachain, chain: NativeChain, tally: Tally) {
    this.metachain = metachain
    this.chain = chain
    this.#tally = tally
  }

  /** Mines one block from waiting transactions and connects it on both sides. */
  async mine(waiting: readonly MetaTransaction[]): Promise<{ block: MinedBlock; rejected: readonly Rejection[] }> {
    const { tip } = this.chain
    const time = tip.time + SECONDS_PER_BLOCK
    const started = performance.now()
    const { payload, rejected, carried } = mint(this.metachain, tip.height + 1, tip.hash, time, waiting)
    const minted = performance.now()
    const block = this.chain.assemble(time, payload, carried)
    const assembled = performance.now()
    await this.connect(block)
    const connected = performance.now()
    this.chain.append(block)
    this.#tally.block(carried, rejected, minted - started, connected - assembled)
    this.agree()
    return { block, rejected }
  }

  /** Mines invented arrivals, whose verdicts are known, and counts where the verdict is another. */
  async mineArrivals(arrivals: readonly Offered[]): Promise<void> {
    const { rejected } = await this.mine(arrivals.map((offered) => offered.transaction))
    const verdicts = new Map(rejected.map((rejection) => [rejection.index, rejection.code]))
    arrivals.forEach((offered, index) => {
      if ((verdicts.get(index) ?? null) !== offered.expected) this.#tally.surprises += 1
    })
  }

  /** Hands a native block to the metachain; tells whether it was new. */
  async connect(block: MinedBlock): Promise<'connected' | 'known'> {
    const result = await this.metachain.connectBlock({ ...nativeBlock(block), transactions: TxBatch.from(block.transactions) })
    return result.status
  }

  /** Undoes the newest block on both sides. */
  async undo(): Promise<MinedBlock> {
    const { newest } = this.chain
    if (!newest) throw new Error('there is no block to undo')
    await this.metachain.disconnectBlock(newest.hash)
    const undone = this.chain.pop()
    this.agree()
    return undone
  }

  /** The invariant of the whole thing: what is locked there is what exists here. */
  agree(): void {
    const { supply, locked } = this.metachain
    if (supply !== this.chain.locked || locked !== this.chain.locked)
      throw new DisagreementError(`the ledgers part: native lock balance ${this.chain.locked}, metachain locked ${locked}, supply ${supply}`)
  }
}
