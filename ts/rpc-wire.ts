// The types of the wire. Generated from spec/metachain.proto: change that, not this.

/** A decimal integer of 64 bits. */
export type Int64 = string
/** Bytes as hex digits, lower case, no prefix. */
export type Hex = string

/** Whether a connect changed anything. */
export type MetaConnectStatus = 'connected' | 'known'

/** How the metachain stands to the native chain. */
export type MetaHandshakeStatus = 'ask' | 'in-sync' | 'replay' | 'unwind' | 'ahead' | 'diverged'

/** What happened to a block. */
export type MetaEventKind = 'connected' | 'disconnected'

/**
 * One transaction. The kind follows from the addresses: from a native address it is a deposit, to
 * one a withdrawal, between two metachain addresses a transfer.
 */
export interface MetaTransaction {
  /** Who pays: a metachain address, or the native address that locked the funds. */
  from: string
  /** Who is paid: a metachain address, or the native address that gets released funds. */
  to: string
  /** Base units (10^-8), 1 to 2^63-1. Another value gets a rejection, not an error. */
  amount: Int64
  /** The id of the native transaction that carries this one, 32 bytes. */
  txid?: Hex
}

/** The native block that is to carry the block. */
export interface MetaContext {
  /** Its height. */
  nativeHeight: Int64
  /** The hash of its parent, 32 bytes. */
  nativeParentHash: Hex
  /** Its time in unix seconds. */
  time: Int64
}

/** What to build a block of. */
export interface MetaBlockInput {
  /** The transactions, in order. */
  txs: MetaTransaction[]
  /**
   * The native block to build for. Without it: the next native height, on the native block that
   * carried the tip, at the tip's time.
   */
  context?: MetaContext
}

/** A transaction left out of a block. The native block must leave out the native transaction that carries it. */
export interface MetaRejection {
  /** Its position among those given, from 0. */
  index: number
  /** Why, as a stable code. */
  code: string
  /** Why, for people. */
  message: string
  /** The balance found in base units, where that was the reason. */
  balance?: Int64
}

/** A block that was built. Nothing changes until it is connected. */
export interface MetaBlockResult {
  /** The bytes to embed in the native block. */
  payload: Hex
  /** The block's hash. */
  hash: Hex
  /** The block's metachain height. */
  height: Int64
  /** Transactions left out, by ascending index. */
  rejected: MetaRejection[]
  /** The commitment to all accounts after the block. */
  stateRoot: Hex
  /** The sum of all balances after the block, in base units. */
  supply: Int64
  /** The number of transactions in the block. */
  accepted: number
}

/** The metachain transactions that a native block itself carries, which its payload must contain exactly. */
export interface MetaCarried {
  /** All of them, in order, unless one of the other fields is given. */
  txs?: MetaTransaction[]
  /** Their transaction root instead of the transactions, 32 bytes. */
  txRoot?: Hex
  /** True instead of either: the caller has compared them already. */
  unchecked?: boolean
}

/** A native block that is not yet part of the native chain. */
export interface MetaCandidateBlock {
  /** Its height. */
  nativeHeight: Int64
  /** The hash of its parent, 32 bytes. */
  nativeParentHash: Hex
  /** Its time in unix seconds. */
  time: Int64
  /** The metachain payload embedded in it. */
  payload: Hex
  /** The metachain transactions that it carries. */
  carried: MetaCarried
}

/** A native block to connect. */
export interface MetaNativeBlock {
  /** Its hash, 32 bytes. */
  nativeHash: Hex
  /** Its height. */
  nativeHeight: Int64
  /** The hash of its parent, 32 bytes. */
  nativeParentHash: Hex
  /** Its time in unix seconds. */
  time: Int64
  /** The metachain payload embedded in it. */
  payload: Hex
  /** The metachain transactions that it carries. */
  carried: MetaCarried
}

/** What became of a block given to connect. */
export interface MetaConnectResult {
  /** Whether it is new. */
  status: MetaConnectStatus
  /** The metachain block's hash. */
  hash: Hex
  /** The metachain block's height. */
  height: Int64
}

/** A native block by its hash. */
export interface MetaNativeRef {
  /** The hash, 32 bytes. */
  nativeHash: Hex
}

/** The tip of the metachain. */
export interface MetaTip {
  /** The metachain height; 0 is genesis. */
  height: Int64
  /** The block's hash; at genesis that of the parameters. */
  hash: Hex
  /** The height of the native block that carried it; none at genesis. */
  nativeHeight?: Int64
  /** The hash of the native block that carried it; none at genesis. */
  nativeHash?: Hex
  /** The commitment to all accounts. */
  stateRoot: Hex
  /** Unix seconds. */
  time: Int64
  /** The sum of all balances in base units, which is what is locked on the native chain. */
  supply: Int64
  /** The height of the last block that is on disk. */
  durableHeight: Int64
}

/** A block of the native chain by height and hash. */
export interface MetaNativeAncestor {
  /** The height. */
  nativeHeight: Int64
  /** The hash, 32 bytes. */
  nativeHash: Hex
}

/** The tip of the native chain, and what the handshake has asked for so far. */
export interface MetaHandshakeInput {
  /** The native tip's height. */
  nativeHeight: Int64
  /** The native tip's hash, 32 bytes. */
  nativeHash: Hex
  /** Base units that the native chain holds locked at this tip, if the node can tell. */
  locked?: Int64
  /** The native node's answers to every `ask` so far, in any order. */
  ancestors?: MetaNativeAncestor[]
}

/** The answer to a handshake, or its next question. */
export interface MetaHandshakeResult {
  /** What to do. */
  status: MetaHandshakeStatus
  /** The native height that the status speaks of; none when in sync. */
  nativeHeight?: Int64
}

/** An address of the metachain. */
export interface MetaAddressRef {
  /** `0x` and 40 hex digits. */
  address: string
}

/** What an account holds. */
export interface MetaAccount {
  /** Its address in canonical form. */
  address: string
  /** Base units. */
  balance: Int64
  /** The number of its debits. */
  sequence: Int64
}

/** An account, if there is one. */
export interface MetaAccountResult {
  /** None if the address was never credited. */
  account?: MetaAccount
}

/** A block of the metachain, by exactly one of these. */
export interface MetaBlockRef {
  /** Its metachain height. */
  height?: Int64
  /** Its metachain hash, 32 bytes. */
  hash?: Hex
  /** The hash of the native block that carries it, 32 bytes. */
  nativeHash?: Hex
}

/** A block of the metachain. */
export interface MetaBlock {
  /** The metachain height; the first block's is 1. */
  height: Int64
  /** The block's hash. */
  hash: Hex
  /** The metachain block before this one; genesis before the first. */
  parentHash: Hex
  /** The height of the native block that carries it. */
  nativeHeight: Int64
  /** The hash of the native block that carries it; none while it is a candidate. */
  nativeHash?: Hex
  /** The hash of that native block's parent. */
  nativeParentHash: Hex
  /** Unix seconds. */
  time: Int64
  /** The commitment to all accounts after the block. */
  stateRoot: Hex
  /** The commitment to the transactions. */
  txRoot: Hex
  /** The commitment to the withdrawals. */
  withdrawalsRoot: Hex
  /** The sum of all balances after the block, in base units. */
  supply: Int64
  /** The transactions, in order, addresses in canonical form. */
  txs: MetaTransaction[]
}

/** A block, if the chain has it. */
export interface MetaBlockQueryResult {
  /** None if the present chain has no such block. */
  block?: MetaBlock
}

/** A payload, if the chain has it. */
export interface MetaPayloadResult {
  /** None if the present chain has no such block. */
  payload?: Hex
}

/** Funds to be released on the native chain. */
export interface MetaWithdrawal {
  /** Its position among the block's withdrawals, from 0. */
  index: number
  /** Who was debited. */
  from: string
  /** The native address that gets the funds. */
  to: string
  /** Base units. */
  amount: Int64
  /** The id of the native transaction that carries the withdrawal. */
  txid?: Hex
}

/** The withdrawals of a block. */
export interface MetaWithdrawalsResult {
  /** In order. */
  withdrawals: MetaWithdrawal[]
}

/** A withdrawal of a block. */
export interface MetaWithdrawalRef {
  /** The block. */
  block: MetaBlockRef
  /** The withdrawal's position among the block's withdrawals, from 0. */
  index: number
}

/** A proof with what it holds for. */
export interface MetaProof {
  /** The metachain height. */
  height: Int64
  /** The root that the proof leads to: of the state for an account, of the withdrawals for a withdrawal. */
  root: Hex
  /** The proof, for the offline verifiers. */
  proof: Hex
}

/** How much there is. */
export interface MetaSupply {
  /** The sum of all balances in base units. */
  supply: Int64
  /** What must be locked on the native chain, in base units; equal to the supply after every block. */
  locked: Int64
}

/** A transaction by the id of the native transaction that carries it. */
export interface MetaTransactionRef {
  /** The id, 32 bytes. */
  txid: Hex
}

/** A transaction of the present chain. */
export interface MetaPlacedTransaction {
  /** The metachain height of its block. */
  height: Int64
  /** Its position in the block, from 0. */
  index: number
  /** The transaction, addresses in canonical form. */
  transaction: MetaTransaction
}

/** A transaction, if the chain has it. */
export interface MetaTransactionResult {
  /** The newest with this id; none if the present chain has no such transaction. */
  found?: MetaPlacedTransaction
}

/** A block that connected or disconnected. */
export interface MetaEvent {
  /** Where to go on after this event. */
  cursor: string
  /** What happened. */
  kind: MetaEventKind
  /** The block, with the native block that carries or carried it. */
  block: MetaBlock
}

/** Which events to tell. */
export interface MetaEventsInput {
  /** The cursor of the last event that the caller has; without one, from the first event on. */
  after?: string
  /** At most so many; 0 is 100, and more than 1,000 are never given at once. Large blocks make it fewer. */
  max?: number
}

/** Events in the order in which they happened. */
export interface MetaEventsResult {
  /** Those that are on disk; none if nothing has happened since. */
  events: MetaEvent[]
}

/** Which chain answers, and in which version of the protocol. */
export interface MetaVersion {
  /** The library's version. */
  version: string
  /** The version of this protocol. */
  protocol: number
  /** The chain's name. */
  chainId: string
  /** The native network. */
  network: string
  /** The hash of the chain's parameters. */
  genesisHash: Hex
}

/** Nothing. */
export type MetaEmpty = Record<string, never>

/** A running metachain. */
export interface MetachainMethods {
  /** Builds the next block of transactions. Pure: nothing changes. */
  metaConsensusRpc_mintBlock: { input: MetaBlockInput; output: MetaBlockResult }
  /** The verdict that connecting the block would give; nothing changes. */
  metaConsensusRpc_checkBlock: { input: MetaCandidateBlock; output: MetaBlock }
  /** Re-executes a payload, checks every claim in it and makes it the tip. */
  metaConsensusRpc_connectBlock: { input: MetaNativeBlock; output: MetaConnectResult }
  /** Takes the tip back, which the native block must name, and returns the tip before it. */
  metaConsensusRpc_disconnectBlock: { input: MetaNativeRef; output: MetaTip }
  /** Makes the block in this native block, and all before it, final. */
  metaConsensusRpc_finalize: { input: MetaNativeRef; output: MetaTip }
  /** How the metachain stands to the native chain, in as many calls as there are questions. */
  metaConsensusRpc_handshake: { input: MetaHandshakeInput; output: MetaHandshakeResult }
  /** The tip. */
  metaConsensusRpc_tip: { input: MetaEmpty; output: MetaTip }
  /** An account. */
  metaConsensusRpc_account: { input: MetaAddressRef; output: MetaAccountResult }
  /** A block. */
  metaConsensusRpc_block: { input: MetaBlockRef; output: MetaBlockQueryResult }
  /** The payload of a block. */
  metaConsensusRpc_payload: { input: MetaBlockRef; output: MetaPayloadResult }
  /** The withdrawals of a block. */
  metaConsensusRpc_withdrawals: { input: MetaBlockRef; output: MetaWithdrawalsResult }
  /** A transaction by the id of the native transaction that carries it. */
  metaConsensusRpc_transaction: { input: MetaTransactionRef; output: MetaTransactionResult }
  /** What connected and disconnected after a cursor: an indexer that asks with its last one misses nothing. */
  metaConsensusRpc_events: { input: MetaEventsInput; output: MetaEventsResult }
  /** Proves an account, or that there is none, at the tip. */
  metaConsensusRpc_proveAccount: { input: MetaAddressRef; output: MetaProof }
  /** Proves a withdrawal to someone who has the block's withdrawals root only. */
  metaConsensusRpc_proveWithdrawal: { input: MetaWithdrawalRef; output: MetaProof }
  /** The supply, and what must be locked for it. */
  metaConsensusRpc_supply: { input: MetaEmpty; output: MetaSupply }
  /** Which chain answers, and in which version of the protocol. */
  metaConsensusRpc_version: { input: MetaEmpty; output: MetaVersion }
}

/** Methods that may be sent again when no answer came. */
export const idempotent: ReadonlySet<keyof MetachainMethods> = new Set([
  'metaConsensusRpc_mintBlock',
  'metaConsensusRpc_checkBlock',
  'metaConsensusRpc_connectBlock',
  'metaConsensusRpc_finalize',
  'metaConsensusRpc_handshake',
  'metaConsensusRpc_tip',
  'metaConsensusRpc_account',
  'metaConsensusRpc_block',
  'metaConsensusRpc_payload',
  'metaConsensusRpc_withdrawals',
  'metaConsensusRpc_transaction',
  'metaConsensusRpc_events',
  'metaConsensusRpc_proveAccount',
  'metaConsensusRpc_proveWithdrawal',
  'metaConsensusRpc_supply',
  'metaConsensusRpc_version',
] as const)
