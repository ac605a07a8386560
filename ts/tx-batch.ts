// Transactions packed ahead of time: the fastest way across, and packed once for mint and connect.
import { NativeBatch } from '#binding'
import { Checks } from './arguments.js'
import { type MetaTransaction, type Network } from './chain-types.js'
import { badChainArgument, call, MetachainError } from './errors.js'
import { Columns } from './transaction-columns.js'

const checks: Checks = new Checks(badChainArgument)

/** The networks that there are. @internal */
export const networks: readonly Network[] = [
  'defichain-mainnet',
  'defichain-testnet',
  'defichain-regtest',
  'bitcoin-mainnet',
  'bitcoin-testnet',
  'bitcoin-regtest',
  'opaque',
]

/** The addon's form of a batch, under a network; set by the class below, whose state is private. @internal */
export let resolveBatch: (batch: TxBatch, network: Network) => NativeBatch

/**
 * Packed transactions, for `mintBlock` and `connectBlock`. They are read and hashed once, when first used, and
 * not again until the batch changes: use the same batch for minting a block and for connecting it.
 */
export class TxBatch {
  #columns = new Columns(checks)
  #network: Network | undefined
  #native: NativeBatch | null = null

  /** @param options `network`: whose addresses are meant. A chain that uses the batch sets it to its own. */
  constructor(options: { network?: Network } = {}) {
    checks.object(options, 'options')
    this.#network = checks.optional(options.network, (value) => checks.word(value, 'network', networks))
  }

  static {
    resolveBatch = (batch, network) => batch.#resolve(network)
  }

  /** A batch of these transactions. A value of the wrong type is `BAD_ARGUMENT`, naming index and field. */
  static from(txs: Iterable<MetaTransaction>, options: { network?: Network } = {}): TxBatch {
    const batch = new TxBatch(options)
    checks.iterable(txs, 'txs')
    batch.#columns.addAll(txs)
    return batch
  }

  /** Adds a transaction at the end; see `MetaTransaction`. */
  add(from: string, to: string, amount: bigint, txid?: Uint8Array): this {
    this.#columns.add(from, to, amount, txid)
    this.#native = null
    return this
  }

  /** Removes all transactions. */
  clear(): this {
    this.#columns = new Columns(checks)
    this.#native = null
    return this
  }

  /** The number of transactions. */
  get length(): number {
    return this.#columns.count
  }

  /**
   * The tx root of these transactions: what a native block may hand to `connectBlock` in their place. It
   * depends on whose addresses they name, so the batch must have been given its network or used with a chain.
   *
   * @throws MetachainError `BAD_ARGUMENT` without a network, or where a transaction is malformed (details:
   *   `index`, `receipt`), so that no block can contain it.
   */
  get root(): Uint8Array {
    if (this.#network === undefined)
      throw new MetachainError(
        'BAD_ARGUMENT',
        'the batch knows no network yet: make it with `new TxBatch({ network })`, or use it with a chain first',
      )
    const native = this.#resolve(this.#network)
    return call(() => native.root())
  }

  #resolve(network: Network): NativeBatch {
    if (this.#native !== null && this.#network === network) return this.#native
    const packed = this.#columns.pack()
    this.#native = call(() => new NativeBatch(packed, network))
    this.#network = network
    return this.#native
  }
}
