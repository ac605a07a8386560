// `libmetachain/bench`: what `npm run bench` measures with, for measuring something else.
import type { Metachain, MetaTransaction, NativeBlock, TxBatch } from 'libmetachain'

/** Fewest rounds of a measurement. */
export const roundsLeast: number

/** Someone who takes part in a measurement. */
export interface Contestant {
  /** How rows call it; unique within a row. */
  name: string
  /** What it does, and where it does more or less than the others. */
  note?: string
  /** How it was set up. */
  settings?: string
  /** How many threads it uses, where that is the question. */
  threads?: number
  /** Rows that it belongs to; default: the measurement's `id` alone. */
  ids?: string[]
  /** Runs before each `run`, unmeasured. */
  prepare?(): unknown
  /** Does the work and gives one number for each thing it did, in the measurement's unit. */
  run(): number[] | Promise<number[]>
}

export interface Measurement {
  /** The row's name, such as `connect.block.1000`. */
  id: string
  /** What the numbers are, such as `µs a block`. */
  unit: string
  /** Which numbers are good ones; default `lower`. */
  better?: 'lower' | 'higher'
  /** Most rounds; default `roundsLeast`. */
  rounds?: number
  /** Rounds beyond `roundsLeast` are left out once so many seconds are over; default: never. */
  seconds?: number
  /** Rounds before those that count; default 1. */
  warmup?: number
  /** Numbers at the beginning of a turn that do not count, where it gives more than twice as many; default 0. */
  settle?: number
  contestants: Contestant[]
  /** Told what is going on. */
  progress?(text: string): void
}

/** A median, and the values that a tenth lies below and above. */
export interface Spread {
  median: number
  low: number
  high: number
}

/** What one contestant's rounds come to. */
export interface Row extends Spread {
  id: string
  contestant: string
  unit: string
  better: 'lower' | 'higher'
  /** Values below which a tenth, half and 99 of 100 single numbers lie. */
  p10: number
  p50: number
  p99: number
  rounds: number
  /** Its speed as a multiple of another contestant's, round by round: above 1 it is the faster one. */
  ratio_to: Record<string, Spread>
  note?: string
  settings?: string
  threads?: number
}

/**
 * Measures contestants against each other: every one once a round, in a rotated order, after the warm-up.
 * Rejects with what a contestant throws. Start Node with `--expose-gc`, and garbage is collected before each turn.
 */
export function measure(measurement: Measurement): Promise<Row[]>

/** A list in another order each round. */
export function rotated<T>(list: readonly T[], round: number): T[]

/** Runs `work` and gives the microseconds it took. */
export function timed(work: () => unknown): number

/** As `timed`, for work that is over when its promise is settled. */
export function timedAsync(work: () => Promise<unknown>): Promise<number>

/** The value below which a share (0 to 1) of the values lies; NaN without values. */
export function quantile(values: Iterable<number>, share: number): number
export function median(values: Iterable<number>): number
export function mean(values: readonly number[]): number
export function geometricMean(values: readonly number[]): number
export function spread(values: Iterable<number>): Spread

/** What every account has at the beginning, base units. */
export const startBalance: bigint

/** An account's address, by its number: the same in every run. */
export function address(account: number): string
export function addressBytes(account: number): Uint8Array

/** Some blocks of random transfers, the same in every run. */
export class Work {
  constructor(counter: number, txs: number, blocks: number, accounts: number)
  readonly counter: number
  /** Transfers in a block. */
  readonly txs: number
  readonly blocks: number
  readonly accounts: number
  /** Calls `use` for each transfer of a block: account numbers and base units. */
  each(block: number, use: (from: number, to: number, amount: number) => void): void
  /** A block's transfers as objects; `text` writes an account's address (default `address`). */
  objects(block: number, text?: (account: number) => string): MetaTransaction[]
  /** The transfers of each block as `[from, to, amount]`: addresses as bytes, base units. */
  transfers(): [from: Uint8Array, to: Uint8Array, amount: number][][]
}

/** Hands out one long list of transfers between so many accounts, piece by piece. */
export class Workload {
  constructor(accounts: number, counter?: number)
  readonly accounts: number
  next(txs: number, blocks: number): Work
}

/** What `ChainUnderTest` uses of a package: this one's, or another with the same interface. */
export interface Implementation {
  Metachain: Pick<typeof Metachain, 'open'>
  TxBatch: new () => TxBatch
}

/** Genesis of the chains under test: an opaque network, so that nobody has to invent native addresses. */
export const genesis: { chainId: string; network: 'opaque' }

/** The hash of the native block of this height. */
export function nativeHash(height: number): Uint8Array

/** What the native block of this height says, without its transactions. */
export function nativeBlock(height: number, payload: Uint8Array): Omit<NativeBlock, 'transactions'>

/** Options of a chain under test. */
export interface ChainUnderTestOptions {
  /** Where it may write: its store lies in a folder of its name; left out: it only mints. */
  directory?: string
  /** Further options of the chain on disk. */
  open?: object
  /** Further options of the chain that mints. */
  minter?: object
  /** Told of each block that was minted while accounts were made or blocks produced. */
  onPayload?(payload: Uint8Array, block: { deposits?: number }): void
}

/**
 * A metachain under test: one in memory that mints, one on disk that connects what was minted elsewhere, as a node
 * does with the blocks of others. Whatever times a method gives are microseconds a block.
 */
export class ChainUnderTest {
  constructor(name: string, implementation: Implementation, options?: ChainUnderTestOptions)
  readonly name: string
  /** The minting chain's state root. */
  readonly stateRoot: Uint8Array
  /** Where the chain on disk lies, if there is one. */
  readonly directory: string | undefined
  /** The chain on disk, if there is one. */
  readonly connector: Metachain | undefined
  /** Opens both chains, and deposits `startBalance` to each of so many accounts. */
  open(accounts: number, progress?: (text: string) => void): Promise<void>
  /** Opens both chains, without accounts. */
  start(): Promise<void>
  /** Deposits to the accounts of the numbers from `from` to before `to`. */
  grow(from: number, to: number, progress?: (text: string) => void): Promise<void>
  /** Adds a block without transactions. */
  empty(): Promise<void>
  /** A block of the work as a batch that the implementation has not seen. */
  batch(work: Work, block: number, text?: (account: number) => string): TxBatch
  /** Mints the work's blocks, each on the one before; `mints` 2 times the second mint of the same input. */
  mint(work: Work, input: (work: Work, block: number) => TxBatch | MetaTransaction[], mints?: number): Promise<number[]>
  /** Mints elsewhere; gives native blocks that say by root, batch or objects which transactions they carry. */
  produce(work: Work, carried?: 'root' | 'batch' | 'objects'): Promise<NativeBlock[]>
  /** Connects block after block, each durable before the next begins; holds the event loop. */
  connectSync(blocks: NativeBlock[]): number[]
  /** The same by promises. */
  connect(blocks: NativeBlock[]): Promise<number[]>
  /** All under way at once; one number, the time a block took. The first `settle` are connected before, not timed. */
  connectPipelined(blocks: NativeBlock[], settle?: number): Promise<number[]>
  /** One call, one wait for the disk; one number, the time a block took. */
  connectRun(blocks: NativeBlock[]): Promise<number[]>
  /** Takes blocks back, the last first, and connects them again unmeasured. */
  disconnect(blocks: NativeBlock[]): Promise<number[]>
  /** Connects, unmeasured, what the chain on disk lacks. */
  catchUp(): Promise<void>
  close(): Promise<void>
}
