// The shapes in which the metachain speaks. Bytes are Uint8Array (a Buffer is one), hashes have 32 bytes,
// amounts are bigint base units (10^-8), heights are numbers, times unix seconds.
import { type TxBatch } from './tx-batch.js'

/** The native chain whose addresses a metachain speaks of; `opaque` takes any 1 to 128 printable ASCII bytes. */
export type Network =
  | 'defichain-mainnet'
  | 'defichain-testnet'
  | 'defichain-regtest'
  | 'bitcoin-mainnet'
  | 'bitcoin-testnet'
  | 'bitcoin-regtest'
  | 'opaque'

/** The parameters that every node of one metachain shares. The genesis hash commits to all of them. */
export interface Genesis {
  /** A name of the chain, 1 to 64 printable ASCII characters. */
  chainId: string
  /** The native chain. */
  network: Network
  /** Initial balances in base units by metachain address; counted as locked funds. */
  balances?: Record<string, bigint> | Iterable<readonly [string, bigint]>
  /** Native height of the first block; left out: any. */
  nativeStart?: number
  /** Most transactions in one block (default 1,000,000). */
  transactionsMax?: number
  /** Unix seconds; no block's time is earlier (default 0). */
  time?: number
  /** Blocks within which a `txid` may not return (default 1000); 0: within one block only. */
  replayWindow?: number
  /** Most bytes of one payload (default and most: 16 MiB). */
  payloadBytesMax?: number
}

/** How a metachain is opened. */
export interface OpenOptions {
  /** Directory of the store; left out: in memory, nothing durable. */
  path?: string
  /** Needed the first time; afterwards it must be equal to the stored one, or may be left out. */
  genesis?: Genesis
  /**
   * `block` (default): a connect is acknowledged when it is on disk. `batch`: when it is queued; `flush()`
   * waits for the disk, and a crash loses the last blocks, which the native node connects again.
   */
  durability?: 'block' | 'batch'
  /** Blocks that can be disconnected (default 1000). */
  undoDepth?: number
  /** Blocks between two snapshots of the state, from which opening begins (default 10,000). */
  snapshotEvery?: number
  /**
   * Blocks below the tip for which an indexer that fell behind still gets the events of blocks that were
   * disconnected (default 10,000). Beyond them and beyond `undoDepth` the bodies of these blocks and the undo of
   * all blocks are dropped after a snapshot, one file of the log (128 MiB) at a time. Events of the blocks of the
   * chain itself are kept for ever.
   */
  eventRetention?: number
}

/**
 * A metachain transaction. What it is follows from its addresses, which are metachain addresses (`0x` and 40
 * hex digits, EIP-55 where the case is mixed) or addresses of the native network:
 * native to meta is a deposit, meta to native a withdrawal, meta to meta a transfer.
 *
 * Transfers and withdrawals are authorised by the native transaction that carries them: the native node has
 * verified its signature and owns the mapping from its keys to metachain addresses. There is no signature here.
 */
export interface MetaTransaction {
  from: string
  to: string
  /** Base units, 1 to 2^63 - 1. Another value is no error but a rejection (`INVALID_AMOUNT`). */
  amount: bigint
  /** Id of the native transaction that carries this one, 32 bytes; unique within the replay window. */
  txid?: Uint8Array
}

/** What a block to be minted builds on: the native block that will carry it. */
export interface MintContext {
  nativeHeight: number
  /** The native block that carried our tip; before the first block any. */
  nativeParentHash: Uint8Array
  /** Unix seconds of the native block; may be earlier than its parent's. */
  time: number
}

/** Why one transaction was left out of a minted block. */
export interface Rejection {
  /** Its position among those given, from 0. */
  index: number
  /**
   * `INVALID_ADDRESS`, `INVALID_KIND`, `INVALID_AMOUNT`, `DUPLICATE_TXID`, `BLOCK_FULL`,
   * `INSUFFICIENT_BALANCE` or `SUPPLY_OVERFLOW`: the first that applies, in this order.
   */
  code: string
  message: string
  /** The balance found, base units, where that was the reason. */
  balance?: bigint
}

/** A block that was built and changes nothing until it is connected. */
export interface MintedBlock {
  /** The bytes for the native block. */
  payload: Uint8Array
  hash: Uint8Array
  height: number
  /** Commitment to all accounts after the block. */
  stateRoot: Uint8Array
  /** Sum of all balances after the block, base units. */
  supply: bigint
  /** Transactions in the block. */
  accepted: number
  /**
   * Transactions left out. **The native block must leave out the native transactions that carry these**: a
   * deposit that is rejected here but locked there parts the two chains for ever.
   */
  rejected: Rejection[]
}

/**
 * The metachain transactions that a native block itself carries, in order, or their 32-byte tx root; the
 * payload must contain exactly these. `unchecked` is for hosts that have compared them already: without the
 * comparison a miner can embed invented deposits.
 */
export type CarriedTransactions = readonly MetaTransaction[] | TxBatch | Uint8Array | 'unchecked'

/** What a native block says. */
export interface NativeBlock {
  nativeHash: Uint8Array
  nativeHeight: number
  nativeParentHash: Uint8Array
  time: number
  /** The metachain payload embedded in it. */
  payload: Uint8Array
  transactions: CarriedTransactions
}

/** What became of a native block given to connect. */
export interface ConnectResult {
  /** `known`: the same native block with the same payload was part of the chain already; nothing changed. */
  status: 'connected' | 'known'
  /** Hash of the metachain block. */
  hash: Uint8Array
  /** Its metachain height. */
  height: number
}

/** The last block of the chain. Before the first block: height 0 and the genesis hash. */
export interface Tip {
  height: number
  hash: Uint8Array
  nativeHeight: number | null
  nativeHash: Uint8Array | null
  stateRoot: Uint8Array
  time: number
  /** Height of the last block that is on disk; behind `height` only while blocks are being written. */
  durableHeight: number
}

/** A metachain account. */
export interface Account {
  /** The address in its EIP-55 form. */
  address: string
  /** Base units. */
  balance: bigint
  /** The number of its debits. */
  sequence: bigint
}

/** A withdrawal as the native node releases it. */
export interface Withdrawal {
  /** Its position among the block's withdrawals, from 0. */
  index: number
  from: string
  to: string
  amount: bigint
  txid?: Uint8Array
}

/** A metachain block. */
export interface Block {
  height: number
  hash: Uint8Array
  parentHash: Uint8Array
  nativeHeight: number
  /** The native block that carries it; null where it is not part of a chain (`checkBlock`, `decodePayload`). */
  nativeHash: Uint8Array | null
  time: number
  stateRoot: Uint8Array
  txRoot: Uint8Array
  withdrawalsRoot: Uint8Array
  supply: bigint
  /** The accepted transactions, in order; made when they are first looked at. */
  transactions: MetaTransaction[]
}

/** How a block of the present chain is named: metachain height, metachain hash, or its native block's hash. */
export type BlockRef = number | { hash: Uint8Array } | { nativeHash: Uint8Array }

/** Something that happened to a block, told once it is on disk. */
export interface ChainEvent {
  /** Names this event: keep the last one handled, and begin there after a restart. Opaque. */
  cursor: string
  /** The block became the tip, or was the tip and was taken back. */
  type: 'connected' | 'disconnected'
  block: Block
}

/** How the chain stands to the native node's best chain, and so what is to be done. */
export type Handshake =
  /** Nothing. */
  | { status: 'in-sync' }
  /** Connect the native blocks from this height on. */
  | { status: 'replay'; fromNativeHeight: number }
  /** Disconnect the blocks carried above this native height, the tip first. */
  | { status: 'unwind'; toNativeHeight: number }
  /** The native node is behind, further than undo reaches: its blocks up to our tip will be `known`. */
  | { status: 'ahead'; commonNativeHeight: number }
  /** The chains differ from this native height on, further back than undo reaches: build the store anew. */
  | { status: 'diverged'; nativeHeight: number }

/** What the host tells about its best chain. */
export interface NativeSource {
  /** Its tip, and where the host can tell, what it holds locked there, base units. */
  tip(): Promise<{ nativeHeight: number; nativeHash: Uint8Array; locked?: bigint }>
  /** Its block at a height; null where that block carries no metachain block. */
  block(nativeHeight: number): Promise<NativeBlock | null>
  /** The hash of its block at a height, where that is cheaper than the whole block. */
  hash?(nativeHeight: number): Promise<Uint8Array | null>
}
