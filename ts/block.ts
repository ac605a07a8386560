// Blocks as users see them, from what the addon hands over.
import { type NativeBlock as Handle, readPayload, type TransactionColumns } from '#binding'
import { Checks, hashBytes } from './arguments.js'
import { type Block, type MetaTransaction, type Network, type Withdrawal } from './chain-types.js'
import { badChainArgument, call } from './errors.js'
import { networks } from './tx-batch.js'

const checks: Checks = new Checks(badChainArgument)

/** The `index`-th of the hashes that crossed as one piece. @internal */
export function hashAt(hashes: Uint8Array, index: number): Uint8Array {
  return hashes.slice(index * hashBytes, (index + 1) * hashBytes)
}

/** A block whose transactions are made when somebody looks at them: most who check a block never do. @internal */
export function blockOf(handle: Handle): Block {
  const head = call(() => handle.head())
  let transactions: MetaTransaction[] | null = null
  return {
    height: head.height,
    hash: hashAt(head.hashes, 0),
    parentHash: hashAt(head.hashes, 1),
    nativeHeight: head.nativeHeight,
    nativeHash: head.hasNative ? hashAt(head.hashes, 2) : null,
    time: head.time,
    stateRoot: hashAt(head.hashes, 3),
    txRoot: hashAt(head.hashes, 4),
    withdrawalsRoot: hashAt(head.hashes, 5),
    supply: head.supply,
    get transactions() {
      transactions ??= unpack(call(() => handle.transactions()))
      return transactions
    },
    set transactions(value) {
      transactions = value
    },
  }
}

/** Transactions out of columns. @internal */
export function unpack(columns: TransactionColumns): MetaTransaction[] {
  const { text, lengths, amounts, txids, withTxid } = columns
  const transactions = new Array<MetaTransaction>(amounts.length)
  let at = 0
  const address = (index: number): string => text.slice(at, (at += lengths[index] as number))
  for (let index = 0; index < transactions.length; index += 1) {
    const from = address(index * 2)
    const to = address(index * 2 + 1)
    const amount = amounts[index] as bigint
    transactions[index] =
      txids && withTxid?.[index] === 1 ? { from, to, amount, txid: hashAt(txids, index) } : { from, to, amount }
  }
  return transactions
}

/** Withdrawals out of columns; the first has the index `first`. @internal */
export function withdrawalsOf(columns: TransactionColumns, first = 0): Withdrawal[] {
  return unpack(columns).map((transaction, position) => ({ index: first + position, ...transaction }))
}

/** @internal */
export const networkOrNone = (network: unknown): Network | undefined =>
  checks.optional(network, (value) => checks.word(value, 'network', networks))

/**
 * Decodes a payload without any chain. Nothing it claims is checked, only that it is the canonical encoding of
 * a block within the format's limits.
 *
 * @param network how native addresses are printed: payloads keep them as version and hash, which do not name
 *   their network. Left out: `opaque` for a block of such addresses, else `defichain-mainnet`.
 * @throws MetachainError `INVALID_ENCODING`, `INVALID_VERSION`, `INVALID_SIZE`; `BAD_ARGUMENT` where the block's
 *   addresses are none of the given network.
 */
export function decodePayload(payload: Uint8Array, network?: Network): Block {
  checks.bytes(payload, 'payload')
  networkOrNone(network)
  return blockOf(call(() => readPayload(payload, network)))
}
