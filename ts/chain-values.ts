// The values of a chain's calls, on their way in and out.
import {
  type NativeBatch,
  type NativeBlockInput,
  type NativeBlockRef,
  type NativeTip,
  type PackedTransactions,
} from '#binding'
import { Checks } from './arguments.js'
import { hashAt } from './block.js'
import {
  type BlockRef,
  type CarriedTransactions,
  type ConnectResult,
  type MetaTransaction,
  type NativeBlock,
  type Network,
  type Rejection,
  type Tip,
} from './chain-types.js'
import { badChainArgument, MetachainError } from './errors.js'
import { Columns } from './transaction-columns.js'
import { resolveBatch, TxBatch } from './tx-batch.js'

const checks: Checks = new Checks(badChainArgument)

/** What a native block says of itself, as it crosses. @internal */
export function blockInput(
  block: Omit<NativeBlock, 'nativeHash'> & { nativeHash?: Uint8Array },
  field: string,
  hashed: boolean,
  network: Network,
): NativeBlockInput {
  checks.object(block, field)
  return {
    ...(hashed && { hash: checks.hash(block.nativeHash, `${field}.nativeHash`) }),
    height: checks.whole(block.nativeHeight, `${field}.nativeHeight`),
    parentHash: checks.hash(block.nativeParentHash, `${field}.nativeParentHash`),
    time: checks.whole(block.time, `${field}.time`),
    payload: checks.bytes(block.payload, `${field}.payload`),
    ...carried(block.transactions, `${field}.transactions`, network),
  }
}

/** What a block of a list is made to, with the block's place in the details of what is wrong with it. @internal */
export function ofBlock<T>(index: number, make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof MetachainError)) throw error
    const { index: transaction, ...details } = error.details
    const { code, message, verdict, retryable } = error
    const named = { ...details, index, ...(transaction !== undefined && { transaction }) }
    throw new MetachainError(code, message, { verdict, retryable, details: named })
  }
}

/** The three ways in which what a native block carries crosses. */
type NativeCarried = { batch: NativeBatch } | { root: Uint8Array } | { packed: PackedTransactions } | object

function carried(transactions: CarriedTransactions, field: string, network: Network): NativeCarried {
  if (transactions instanceof TxBatch) return { batch: resolveBatch(transactions, network) }
  if (transactions === 'unchecked') return {}
  if (transactions instanceof Uint8Array) return { root: checks.hash(transactions, field) }
  return { packed: pack(transactions, field) }
}

/** @internal */
export function pack(txs: readonly MetaTransaction[], field: string): PackedTransactions {
  if (!Array.isArray(txs)) checks.fail(field, 'an array of transactions or a TxBatch', txs)
  const columns = new Columns(checks, field)
  columns.addAll(txs)
  return columns.pack()
}

/** @internal */
export function nativeRef(ref: BlockRef): NativeBlockRef {
  if (typeof ref === 'number') return { height: checks.whole(ref, 'ref') }
  checks.object(ref, 'ref')
  if ('hash' in ref) return { hash: checks.hash(ref.hash, 'ref.hash') }
  if ('nativeHash' in ref) return { nativeHash: checks.hash(ref.nativeHash, 'ref.nativeHash') }
  return checks.fail('ref', 'a height, { hash } or { nativeHash }', ref)
}

/** @internal */
export function tipOf(tip: NativeTip): Tip {
  const { height, time, durableHeight, hashes } = tip
  const nativeHeight = tip.nativeHeight ?? null
  return {
    height,
    hash: hashAt(hashes, 0),
    nativeHeight,
    nativeHash: nativeHeight === null ? null : hashAt(hashes, 1),
    stateRoot: hashAt(hashes, 2),
    time,
    durableHeight,
  }
}

/** @internal */
export function connectedOf({ known, hash, height }: { known: boolean; hash: Uint8Array; height: number }): ConnectResult {
  return { status: known ? 'known' : 'connected', hash, height }
}

/** @internal */
export function rejectionsOf(text: string): Rejection[] {
  const rows = JSON.parse(text) as [number, string, string, string | null][]
  return rows.map(([index, code, message, balance]) => ({
    index,
    code,
    message,
    ...(balance !== null && { balance: BigInt(balance) }),
  }))
}
