// A running metachain.
import {
  AbortFlag,
  importSnapshot,
  type NativeMetachain,
  type NativeProof,
  openMetachain,
} from '#binding'
import { Checks } from './arguments.js'
import { blockOf, hashAt, unpack, withdrawalsOf } from './block.js'
import {
  type Account,
  type Block,
  type BlockRef,
  type ChainEvent,
  type ConnectResult,
  type Handshake,
  type MetaTransaction,
  type MintContext,
  type MintedBlock,
  type NativeBlock,
  type NativeSource,
  type Network,
  type OpenOptions,
  type Tip,
  type Withdrawal,
} from './chain-types.js'
import { blockInput, connectedOf, nativeRef, ofBlock, pack, rejectionsOf, tipOf } from './chain-values.js'
import { badChainArgument, call, callAsync, fromReport, MetachainError } from './errors.js'
import { checkEventOptions, type EventOptions, events, Wakers } from './events.js'
import { filePath, nativeOpenOptions } from './open-options.js'
import { handshake, sync, type SyncOptions } from './sync.js'
import { resolveBatch, TxBatch } from './tx-batch.js'

const checks: Checks = new Checks(badChainArgument)

/** The addon's handle of a chain, null of anything else; set by the class below, whose state is private. @internal */
export let nativeOf: (chain: unknown) => NativeMetachain | null

/**
 * A running metachain: one metachain block for each native block.
 *
 * The native node owns consensus and calls: it mints a payload for the block it builds, checks and connects the
 * payloads of the blocks it receives, and disconnects them when its chain reorganises. Embedding has one first
 * rule: **the native transactions of what `mintBlock` rejects must be left out of the native block.**
 *
 * Handles to the same path, in this thread or in workers, share one chain; another process gets `STORE_LOCKED`.
 * Calls that move the tip run one after the other in the order in which they were made, off the event loop but
 * for `connectBlockSync`. Everything throws `MetachainError`; after `close()` everything throws `CLOSED` but `close`
 * itself, `onFatal`, and `network`, `chainId` and `genesisHash`, which answer as before; after a failed sync or a
 * defect everything else throws that failure until the store is opened again (see `onFatal`). Arguments of the wrong
 * type are `BAD_ARGUMENT`, with the field in the details.
 */
export class Metachain {
  readonly #native: NativeMetachain
  readonly #wakers = new Wakers()
  #closed: Promise<void> | undefined

  static {
    nativeOf = (chain) => (typeof chain === 'object' && chain !== null && #native in chain ? chain.#native : null)
  }

  private constructor(native: NativeMetachain) {
    if (!native) throw new MetachainError('BAD_ARGUMENT', 'a metachain is opened by Metachain.open')
    this.#native = native
  }

  /**
   * Opens a store, creates it where there is none, or joins this process's other handles to it. Replays the
   * store's log, off the event loop.
   *
   * @throws MetachainError `BAD_ARGUMENT` (no genesis for a new store, or an invalid one; another `durability`,
   *   `undoDepth` or `eventRetention` than this process's other handles to the store have, where one that is left out
   *   has its default; `snapshotEvery` is that of the first handle, whatever the others say), `GENESIS_MISMATCH`,
   *   `STORE_LOCKED`, `STORE_VERSION`, `STORE_CORRUPT`, `STORE_FULL`, `INTERNAL_IO`.
   */
  static async open(options: OpenOptions): Promise<Metachain> {
    const native = nativeOpenOptions(options)
    return new Metachain(await callAsync(() => openMetachain(native)))
  }

  /**
   * Begins a new store, in the empty directory `options.path`, from a file that `exportSnapshot` wrote, and opens it.
   * The file is refused unless its accounts give the state root that its block's header claims. Whether that block is
   * one of the native chain is for the handshake to find out, or for `trusted`, the block's metachain hash. Blocks up
   * to that one are final in the new store, which does not hold those before it.
   *
   * No header commits to the transaction ids of the replay window; they are taken from the file as they are. Until
   * `replayWindow` further blocks a file from someone who lies can make this store alone refuse an id, or accept one
   * that was used: take the file from whom you trust.
   *
   * @throws MetachainError `SNAPSHOT_INVALID`, `GENESIS_MISMATCH`, `BAD_ARGUMENT` where the directory holds a
   *   metachain already, `STORE_LOCKED` where it is open, in this process or in another; and as `open`.
   */
  static async importSnapshot(path: string, options: OpenOptions & { trusted?: Uint8Array }): Promise<Metachain> {
    const file = filePath(path, 'path')
    const native = nativeOpenOptions(options)
    const trusted = checks.optional(options.trusted, (value) => checks.hash(value, 'options.trusted'))
    return new Metachain(await callAsync(() => importSnapshot(file, native, trusted)))
  }

  /** The native network whose addresses this chain speaks of. */
  get network(): Network {
    return call(() => this.#native.network) as Network
  }

  /** The chain's id. */
  get chainId(): string {
    return call(() => this.#native.chainId)
  }

  /** The hash that commits to every genesis parameter; the parent of block 1. */
  get genesisHash(): Uint8Array {
    return call(() => this.#native.genesisHash())
  }

  /** The last block, and how far the disk has followed. */
  get tip(): Tip {
    return tipOf(call(() => this.#native.tip()))
  }

  /** The sum of all balances, base units. */
  get supply(): bigint {
    return call(() => this.#native.supply())
  }

  /** What must be locked on the native chain, base units: equal to `supply` after every block. */
  get locked(): bigint {
    return this.supply
  }

  /**
   * Builds the next block. Pure and synchronous: nothing changes, and the same arguments on the same tip give
   * the same bytes on every machine. Never fails because of a transaction: what cannot be executed is left out
   * and named in `rejected`, and then **the native block must leave it out too**. No transactions are a normal
   * block.
   *
   * @throws MetachainError `UNKNOWN_PARENT` where the native parent is not the block that carried our tip,
   *   `BAD_ARGUMENT` where the height does not follow, or a value has the wrong type (details: index, field).
   */
  mintBlock(context: MintContext, txs: readonly MetaTransaction[] | TxBatch): MintedBlock {
    checks.object(context, 'context')
    const height = checks.whole(context.nativeHeight, 'context.nativeHeight')
    const parent = checks.hash(context.nativeParentHash, 'context.nativeParentHash')
    const time = checks.whole(context.time, 'context.time')
    const batch = txs instanceof TxBatch ? resolveBatch(txs, this.network) : undefined
    const packed = batch ? undefined : pack(txs as readonly MetaTransaction[], 'txs')
    const minted = call(() => this.#native.mint(height, parent, time, batch, packed))
    return {
      payload: minted.payload,
      hash: hashAt(minted.hashes, 0),
      height: minted.height,
      stateRoot: hashAt(minted.hashes, 1),
      supply: minted.supply,
      accepted: minted.accepted,
      rejected: minted.rejected === undefined ? [] : rejectionsOf(minted.rejected),
    }
  }

  /**
   * The verdict that `connectBlock` would give; nothing changes, nothing is committed. For templates and
   * candidates that a native node validates before it connects them.
   *
   * @returns the block, its `nativeHash` null.
   * @throws MetachainError as `connectBlock`, but never `CONFLICT`.
   */
  checkBlock(block: Omit<NativeBlock, 'nativeHash'>): Block {
    const input = blockInput(block, 'block', false, this.network)
    return blockOf(call(() => this.#native.check(input)))
  }

  /**
   * Executes a payload again, checks every claim in it and makes it the tip. Resolves when the block is durable
   * (`durability: 'batch'`: when it is queued). Idempotent: a native block that is part of our chain with the same
   * payload is `known`. What this process just minted or checked on this tip is adopted instead of executed again.
   * Blocks need not be awaited one by one: those that are under way are executed in the order of the calls, while
   * the ones before are written, up to four with one sync.
   *
   * @throws MetachainError a verdict (`verdict` is true: the block is bad and stays bad), `UNKNOWN_PARENT` out of
   *   order, `CONFLICT` for a native block connected with another payload, `BAD_ARGUMENT` where the height
   *   does not follow; `STORE_FULL` and `INTERNAL_*` are failures of ours and say nothing about the block.
   */
  async connectBlock(block: NativeBlock): Promise<ConnectResult> {
    const input = blockInput(block, 'block', true, this.network)
    return connectedOf(await callAsync(() => this.#native.connect(input)))
  }

  /** As `connectBlock`, holding the event loop until the block is durable. */
  connectBlockSync(block: NativeBlock): ConnectResult {
    const input = blockInput(block, 'block', true, this.network)
    return connectedOf(call(() => this.#native.connectSync(input)))
  }

  /**
   * Connects a run of blocks with one wait for the disk. Stops at the first error, whose details name its
   * `index`, or before the next block once the signal fires (`ABORTED`, with the index of the first block that
   * was not connected); the blocks before it stay connected and are durable when the promise rejects.
   *
   * @throws MetachainError as `connectBlock`; what is wrong with one of a block's transactions names that one's place
   *   as `transaction` in the details, beside the block's `index`. A value of the wrong type is found before the first
   *   block is connected.
   */
  async connectBlocks(blocks: readonly NativeBlock[], options: { signal?: AbortSignal } = {}): Promise<ConnectResult[]> {
    if (!Array.isArray(blocks)) checks.fail('blocks', 'an array', blocks)
    checks.object(options, 'options')
    const signal = checks.optional(options.signal, (value) => checks.signal(value, 'options.signal'))
    const { network } = this
    const inputs = blocks.map((block, index) => ofBlock(index, () => blockInput(block, `blocks[${index}]`, true, network)))
    const flag = call(() => new AbortFlag())
    const abort = (): void => call(() => flag.abort())
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort)
    try {
      return (await callAsync(() => this.#native.connectMany(inputs, flag))).map(connectedOf)
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Resolves when everything acknowledged so far is on disk; of use with `durability: 'batch'`. */
  async flush(): Promise<void> {
    await callAsync(() => this.#native.flush())
  }

  /**
   * Calls `listener`, at most once, when the chain can no longer go on, or soon if that is so already: a failed sync,
   * or a defect. Everything else then throws the same failure; close all handles and open the store again.
   *
   * @returns a function that removes the listener.
   */
  onFatal(listener: (error: MetachainError) => void): () => void {
    checks.callable(listener, 'listener')
    const number = call(() => this.#native.onFatal((report) => listener(fromReport(report) as MetachainError)))
    return () => call(() => this.#native.removeFatalListener(number))
  }

  /**
   * Takes the tip back; `nativeHash` must name the native block that carries it. Restores the previous state
   * byte for byte and resolves, when that is durable, to the tip before.
   *
   * @throws MetachainError `NOT_TIP`, `FINALIZED`, `UNDO_TOO_DEEP` (see `undoDepth`).
   */
  async disconnectBlock(nativeHash: Uint8Array): Promise<Tip> {
    checks.hash(nativeHash, 'nativeHash')
    return tipOf(await callAsync(() => this.#native.disconnect(nativeHash)))
  }

  /**
   * Makes the block in this native block, and all before it, final: they are never disconnected again.
   *
   * @throws MetachainError `BAD_ARGUMENT` where the native block carries no block of our chain.
   */
  async finalize(nativeHash: Uint8Array): Promise<void> {
    checks.hash(nativeHash, 'nativeHash')
    await callAsync(() => this.#native.finalize(nativeHash))
  }

  /**
   * Finds out how the chain stands to the native node's best chain; for start-up, in both directions: the chain
   * may be behind the native chain or ahead of it after a crash. Asks for few blocks, however long the chains.
   *
   * @throws MetachainError `LOCKED_MISMATCH` where both are in sync and the host's lock balance is not our supply;
   *   `BAD_ARGUMENT` where the source lacks a block below its tip. What the source throws is passed on.
   */
  async handshake(source: NativeSource): Promise<Handshake> {
    return handshake(this.#native, source)
  }

  /**
   * Carries out what the handshake finds, by ordinary disconnects and connects, until the chain is in sync with
   * the source or the source is behind it. Stopping at any instant leaves a chain from which the next sync goes on.
   *
   * @throws MetachainError as `handshake`, `connectBlock` and `disconnectBlock`; `UNDO_TOO_DEEP` where the chains
   *   parted further back than undo reaches; `ABORTED`.
   */
  async sync(source: NativeSource, options: SyncOptions = {}): Promise<Tip> {
    const chain = {
      tip: () => this.tip,
      connect: (blocks: NativeBlock[]) => this.connectBlocks(blocks, options.signal ? { signal: options.signal } : {}),
      disconnect: (nativeHash: Uint8Array) => this.disconnectBlock(nativeHash),
    }
    return sync(this.#native, chain, source, options)
  }

  /**
   * The account of a metachain address, or null if it was never credited.
   *
   * @throws MetachainError `INVALID_ADDRESS`.
   */
  account(address: string): Account | null {
    checks.text(address, 'address')
    return call(() => this.#native.account(address))
  }

  /** The balance of a metachain address, base units; 0 where there is no account. */
  balance(address: string): bigint {
    return this.account(address)?.balance ?? 0n
  }

  /** A block of the present chain, or null. Genesis, at height 0, is no block. */
  block(ref: BlockRef): Block | null {
    const handle = call(() => this.#native.block(nativeRef(ref)))
    return handle === null ? null : blockOf(handle)
  }

  /**
   * The blocks of a range of heights, both ends included, by ascending height; without `to` up to the tip as
   * it is reached. Yields to the event loop between blocks.
   *
   * @throws MetachainError `BAD_ARGUMENT`, with `firstHeight` in the details, if the range begins before the first
   *   block that the store has: one that began from a snapshot has none before the snapshot's.
   */
  async *blocks(range: { from: number; to?: number }): AsyncIterableIterator<Block> {
    checks.object(range, 'range')
    const from = checks.whole(range.from, 'range.from')
    const to = checks.optional(range.to, (value) => checks.whole(value, 'range.to')) ?? Number.MAX_SAFE_INTEGER
    for (let height = Math.max(from, 1); height <= to; height += 1) {
      const block = this.block(height)
      if (block === null) {
        this.#notBefore(height)
        return
      }
      yield block
      await new Promise(setImmediate)
    }
  }

  /** Fails if the store has blocks, but only from a greater height on. */
  #notBefore(height: number): void {
    const firstHeight = call(() => this.#native.firstHeight())
    if (height < firstHeight) checks.fail('range.from', `at least ${firstHeight}, where the store's snapshot was taken`, height, { firstHeight })
  }

  /** The payload of a block of the present chain, or null. */
  payload(ref: BlockRef): Uint8Array | null {
    return call(() => this.#native.payload(nativeRef(ref)))
  }

  /**
   * The newest transaction of the present chain with this native transaction id, and where it stands; or null.
   * Ids are unique within the replay window; beyond it the native chain's own rule, that an output is spent once,
   * keeps them apart.
   */
  transaction(txid: Uint8Array): { block: number; index: number; transaction: MetaTransaction } | null {
    checks.hash(txid, 'txid')
    const found = call(() => this.#native.transaction(txid))
    if (found === null) return null
    const [transaction] = unpack(found.columns)
    return { block: found.height, index: found.index, transaction: transaction as MetaTransaction }
  }

  /**
   * The withdrawals of a block, in order: what the native node releases.
   *
   * @throws MetachainError `BAD_ARGUMENT` where the chain has no such block.
   */
  withdrawals(ref: BlockRef): Withdrawal[] {
    return withdrawalsOf(call(() => this.#native.withdrawals(nativeRef(ref))))
  }

  /**
   * Proves, at the tip, an account or that there is none, to someone who has the state root only; see
   * `verifyAccountProof`.
   */
  proveAccount(address: string): { height: number; stateRoot: Uint8Array; proof: Uint8Array } {
    checks.text(address, 'address')
    const { height, root, proof } = call<NativeProof>(() => this.#native.proveAccount(address))
    return { height, stateRoot: root, proof }
  }

  /**
   * Proves a withdrawal of a block to someone who has the block's header only; see `verifyWithdrawalProof`.
   *
   * @param index the withdrawal's position among the block's withdrawals.
   * @throws MetachainError `BAD_ARGUMENT` where there is no such block, or the block has no such withdrawal.
   */
  proveWithdrawal(
    ref: BlockRef,
    index: number,
  ): { height: number; withdrawalsRoot: Uint8Array; proof: Uint8Array } {
    checks.whole(index, 'index', 0, 2 ** 32 - 1)
    const { height, root, proof } = call<NativeProof>(() => this.#native.proveWithdrawal(nativeRef(ref), index))
    return { height, withdrawalsRoot: root, proof }
  }

  /**
   * What connected and disconnected, in order, from a cursor on; waits for what comes next and never ends by
   * itself. Only what is on disk is told, so that no crash takes back what was told: an indexer that restarts
   * with its last cursor misses nothing and sees what was undone. Keeps the process alive while it waits; ends
   * with `CLOSED` when the chain is closed.
   *
   * @throws MetachainError `CURSOR_UNKNOWN`, `CURSOR_PRUNED`, `ABORTED`, `CLOSED`.
   */
  events(options: EventOptions = {}): AsyncIterableIterator<ChainEvent> {
    checkEventOptions(options)
    return events(this.#native, this.#wakers, options)
  }

  /**
   * Checks every byte of the store, that the balances add up to the supply, and with `full` that executing the whole
   * log again gives the same state. On a thread of its own; blocks go on meanwhile.
   *
   * @param options `onProgress` hears bytes done and bytes in all, a few times a second.
   * @throws MetachainError `STORE_CORRUPT` with file and offset, `SNAPSHOT_INVALID`, `INTERNAL_IO`.
   */
  async verify(options: { full?: boolean; onProgress?: (done: number, total: number) => void } = {}): Promise<void> {
    checks.object(options, 'options')
    const { full = false, onProgress } = options
    if (typeof full !== 'boolean') checks.fail('options.full', 'a boolean', full)
    checks.optional(onProgress, (value) => checks.callable(value, 'options.onProgress'))
    await callAsync(() => this.#native.verify(full, onProgress))
  }

  /**
   * Writes the state at the tip to a file, from which another machine can begin its own store with
   * `importSnapshot`. The file appears whole or not at all; blocks wait meanwhile, readers do not.
   *
   * @throws MetachainError `BAD_ARGUMENT` where there is no block yet; `STORE_FULL`, `INTERNAL_IO`.
   */
  async exportSnapshot(path: string): Promise<void> {
    const file = filePath(path, 'path')
    await callAsync(() => this.#native.exportSnapshot(file))
  }

  /** Counts since the chain was opened, and what it holds now; names end in their unit where they have one. */
  metrics(): Record<string, number> {
    return call(() => this.#native.metrics())
  }

  /**
   * Gives this handle back, after the calls made before; the last handle of this process flushes and closes the
   * store, and then its directory is free for others. Idempotent: every call has the same result. Only `verify` and
   * `exportSnapshot` are not waited for before they have begun: they then end with `CLOSED`.
   *
   * @throws MetachainError `INTERNAL_IO` where a failure of the disk (see `onFatal`) keeps the store from being
   *   flushed. It is closed all the same.
   */
  close(): Promise<void> {
    this.#closed ??= callAsync(() => this.#native.close())
    this.#wakers.wakeAll()
    return this.#closed
  }

  /** `await using chain = …` closes it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
