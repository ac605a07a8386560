// Made from index.ts by scripts/check-surface.mjs --write; do not edit.
/// <reference lib="esnext.disposable" />
/** What the addon in use was built from. */
interface BuildInfo {
    /** Version of the package. */
    version: string;
    /** Commit of the source tree, or `unknown`. */
    commit: string;
    /** Cargo profile. */
    profile: string;
    /** Widest vector instructions that this processor offers to the hashing. */
    simd: string;
    /** Version of the wasm engine. */
    wasmtime: string;
}
/** Says what the addon in use was built from: put it into bug reports. */
declare function buildInfo(): BuildInfo;

/**
 * Packed transactions, for `mintBlock` and `connectBlock`. They are read and hashed once, when first used, and
 * not again until the batch changes: use the same batch for minting a block and for connecting it.
 */
declare class TxBatch {
    #private;
    /** @param options `network`: whose addresses are meant. A chain that uses the batch sets it to its own. */
    constructor(options?: {
        network?: Network;
    });
    /** A batch of these transactions. A value of the wrong type is `BAD_ARGUMENT`, naming index and field. */
    static from(txs: Iterable<MetaTransaction$1>, options?: {
        network?: Network;
    }): TxBatch;
    /** Adds a transaction at the end; see `MetaTransaction`. */
    add(from: string, to: string, amount: bigint, txid?: Uint8Array): this;
    /** Removes all transactions. */
    clear(): this;
    /** The number of transactions. */
    get length(): number;
    /**
     * The tx root of these transactions: what a native block may hand to `connectBlock` in their place. It
     * depends on whose addresses they name, so the batch must have been given its network or used with a chain.
     *
     * @throws MetachainError `BAD_ARGUMENT` without a network, or where a transaction is malformed (details:
     *   `index`, `receipt`), so that no block can contain it.
     */
    get root(): Uint8Array;
}

/** The native chain whose addresses a metachain speaks of; `opaque` takes any 1 to 128 printable ASCII bytes. */
type Network = 'defichain-mainnet' | 'defichain-testnet' | 'defichain-regtest' | 'bitcoin-mainnet' | 'bitcoin-testnet' | 'bitcoin-regtest' | 'opaque';
/** The parameters that every node of one metachain shares. The genesis hash commits to all of them. */
interface Genesis {
    /** A name of the chain, 1 to 64 printable ASCII characters. */
    chainId: string;
    /** The native chain. */
    network: Network;
    /** Initial balances in base units by metachain address; counted as locked funds. */
    balances?: Record<string, bigint> | Iterable<readonly [string, bigint]>;
    /** Native height of the first block; left out: any. */
    nativeStart?: number;
    /** Most transactions in one block (default 1,000,000). */
    transactionsMax?: number;
    /** Unix seconds; no block's time is earlier (default 0). */
    time?: number;
    /** Blocks within which a `txid` may not return (default 1000); 0: within one block only. */
    replayWindow?: number;
    /** Most bytes of one payload (default and most: 16 MiB). */
    payloadBytesMax?: number;
}
/** How a metachain is opened. */
interface OpenOptions {
    /** Directory of the store; left out: in memory, nothing durable. */
    path?: string;
    /** Needed the first time; afterwards it must be equal to the stored one, or may be left out. */
    genesis?: Genesis;
    /**
     * `block` (default): a connect is acknowledged when it is on disk. `batch`: when it is queued; `flush()`
     * waits for the disk, and a crash loses the last blocks, which the native node connects again.
     */
    durability?: 'block' | 'batch';
    /** Blocks that can be disconnected (default 1000). */
    undoDepth?: number;
    /** Blocks between two snapshots of the state, from which opening begins (default 10,000). */
    snapshotEvery?: number;
    /**
     * Blocks below the tip for which an indexer that fell behind still gets the events of blocks that were
     * disconnected (default 10,000). Beyond them and beyond `undoDepth` the bodies of these blocks and the undo of
     * all blocks are dropped after a snapshot, one file of the log (128 MiB) at a time. Events of the blocks of the
     * chain itself are kept for ever.
     */
    eventRetention?: number;
}
/**
 * A metachain transaction. What it is follows from its addresses, which are metachain addresses (`0x` and 40
 * hex digits, EIP-55 where the case is mixed) or addresses of the native network:
 * native to meta is a deposit, meta to native a withdrawal, meta to meta a transfer.
 *
 * Transfers and withdrawals are authorised by the native transaction that carries them: the native node has
 * verified its signature and owns the mapping from its keys to metachain addresses. There is no signature here.
 */
interface MetaTransaction$1 {
    from: string;
    to: string;
    /** Base units, 1 to 2^63 - 1. Another value is no error but a rejection (`INVALID_AMOUNT`). */
    amount: bigint;
    /** Id of the native transaction that carries this one, 32 bytes; unique within the replay window. */
    txid?: Uint8Array;
}
/** What a block to be minted builds on: the native block that will carry it. */
interface MintContext {
    nativeHeight: number;
    /** The native block that carried our tip; before the first block any. */
    nativeParentHash: Uint8Array;
    /** Unix seconds of the native block; may be earlier than its parent's. */
    time: number;
}
/** Why one transaction was left out of a minted block. */
interface Rejection {
    /** Its position among those given, from 0. */
    index: number;
    /**
     * `INVALID_ADDRESS`, `INVALID_KIND`, `INVALID_AMOUNT`, `DUPLICATE_TXID`, `BLOCK_FULL`,
     * `INSUFFICIENT_BALANCE` or `SUPPLY_OVERFLOW`: the first that applies, in this order.
     */
    code: string;
    message: string;
    /** The balance found, base units, where that was the reason. */
    balance?: bigint;
}
/** A block that was built and changes nothing until it is connected. */
interface MintedBlock {
    /** The bytes for the native block. */
    payload: Uint8Array;
    hash: Uint8Array;
    height: number;
    /** Commitment to all accounts after the block. */
    stateRoot: Uint8Array;
    /** Sum of all balances after the block, base units. */
    supply: bigint;
    /** Transactions in the block. */
    accepted: number;
    /**
     * Transactions left out. **The native block must leave out the native transactions that carry these**: a
     * deposit that is rejected here but locked there parts the two chains for ever.
     */
    rejected: Rejection[];
}
/**
 * The metachain transactions that a native block itself carries, in order, or their 32-byte tx root; the
 * payload must contain exactly these. `unchecked` is for hosts that have compared them already: without the
 * comparison a miner can embed invented deposits.
 */
type CarriedTransactions = readonly MetaTransaction$1[] | TxBatch | Uint8Array | 'unchecked';
/** What a native block says. */
interface NativeBlock {
    nativeHash: Uint8Array;
    nativeHeight: number;
    nativeParentHash: Uint8Array;
    time: number;
    /** The metachain payload embedded in it. */
    payload: Uint8Array;
    transactions: CarriedTransactions;
}
/** What became of a native block given to connect. */
interface ConnectResult {
    /** `known`: the same native block with the same payload was part of the chain already; nothing changed. */
    status: 'connected' | 'known';
    /** Hash of the metachain block. */
    hash: Uint8Array;
    /** Its metachain height. */
    height: number;
}
/** The last block of the chain. Before the first block: height 0 and the genesis hash. */
interface Tip {
    height: number;
    hash: Uint8Array;
    nativeHeight: number | null;
    nativeHash: Uint8Array | null;
    stateRoot: Uint8Array;
    time: number;
    /** Height of the last block that is on disk; behind `height` only while blocks are being written. */
    durableHeight: number;
}
/** A metachain account. */
interface Account {
    /** The address in its EIP-55 form. */
    address: string;
    /** Base units. */
    balance: bigint;
    /** The number of its debits. */
    sequence: bigint;
}
/** A withdrawal as the native node releases it. */
interface Withdrawal {
    /** Its position among the block's withdrawals, from 0. */
    index: number;
    from: string;
    to: string;
    amount: bigint;
    txid?: Uint8Array;
}
/** A metachain block. */
interface Block {
    height: number;
    hash: Uint8Array;
    parentHash: Uint8Array;
    nativeHeight: number;
    /** The native block that carries it; null where it is not part of a chain (`checkBlock`, `decodePayload`). */
    nativeHash: Uint8Array | null;
    time: number;
    stateRoot: Uint8Array;
    txRoot: Uint8Array;
    withdrawalsRoot: Uint8Array;
    supply: bigint;
    /** The accepted transactions, in order; made when they are first looked at. */
    transactions: MetaTransaction$1[];
}
/** How a block of the present chain is named: metachain height, metachain hash, or its native block's hash. */
type BlockRef = number | {
    hash: Uint8Array;
} | {
    nativeHash: Uint8Array;
};
/** Something that happened to a block, told once it is on disk. */
interface ChainEvent {
    /** Names this event: keep the last one handled, and begin there after a restart. Opaque. */
    cursor: string;
    /** The block became the tip, or was the tip and was taken back. */
    type: 'connected' | 'disconnected';
    block: Block;
}
/** How the chain stands to the native node's best chain, and so what is to be done. */
type Handshake = 
/** Nothing. */
{
    status: 'in-sync';
}
/** Connect the native blocks from this height on. */
 | {
    status: 'replay';
    fromNativeHeight: number;
}
/** Disconnect the blocks carried above this native height, the tip first. */
 | {
    status: 'unwind';
    toNativeHeight: number;
}
/** The native node is behind, further than undo reaches: its blocks up to our tip will be `known`. */
 | {
    status: 'ahead';
    commonNativeHeight: number;
}
/** The chains differ from this native height on, further back than undo reaches: build the store anew. */
 | {
    status: 'diverged';
    nativeHeight: number;
};
/** What the host tells about its best chain. */
interface NativeSource {
    /** Its tip, and where the host can tell, what it holds locked there, base units. */
    tip(): Promise<{
        nativeHeight: number;
        nativeHash: Uint8Array;
        locked?: bigint;
    }>;
    /** Its block at a height; null where that block carries no metachain block. */
    block(nativeHeight: number): Promise<NativeBlock | null>;
    /** The hash of its block at a height, where that is cheaper than the whole block. */
    hash?(nativeHeight: number): Promise<Uint8Array | null>;
}

/**
 * Decodes a payload without any chain. Nothing it claims is checked, only that it is the canonical encoding of
 * a block within the format's limits.
 *
 * @param network how native addresses are printed: payloads keep them as version and hash, which do not name
 *   their network. Left out: `opaque` for a block of such addresses, else `defichain-mainnet`.
 * @throws MetachainError `INVALID_ENCODING`, `INVALID_VERSION`, `INVALID_SIZE`; `BAD_ARGUMENT` where the block's
 *   addresses are none of the given network.
 */
declare function decodePayload(payload: Uint8Array, network?: Network): Block;

/** What an error may carry beside its message. */
interface MetachainErrorOptions {
    /** The data is bad, and stays bad. */
    verdict?: boolean;
    /** The same call may succeed later. */
    retryable?: boolean;
    /** Facts for programs. */
    details?: Record<string, unknown>;
    /** What led to this error. */
    cause?: unknown;
}
/**
 * A refusal or failure of the metachain. Branch on `code`, never on the message.
 *
 * - Verdicts on a block (`verdict` is true: the block is bad and stays bad): `INVALID_ENCODING`,
 *   `INVALID_VERSION`, `INVALID_SIZE`, `INVALID_GENESIS`, `INVALID_PARENT`, `INVALID_HEIGHT`, `INVALID_TIME`,
 *   `INVALID_TRANSACTIONS`, `INVALID_TX_ROOT`, `INVALID_WITHDRAWALS_ROOT`, `INVALID_STATE_ROOT`,
 *   `INVALID_SUPPLY`, `INVALID_TRANSACTION` (details: `index`, `receipt`; of `connectBlocks`
 *   `transaction` instead, and `index` is the block's).
 * - Order and use: `UNKNOWN_PARENT` (retryable: called out of order), `CONFLICT`, `NOT_TIP`, `FINALIZED`,
 *   `UNDO_TOO_DEEP`, `BAD_ARGUMENT` (details of a wrong type: `field`; in a transaction also `index`, its place among
 *   those given: of `connectBlocks` `transaction`, and `index` is the block's), `CLOSED`, `ABORTED`, `CURSOR_UNKNOWN`, `CURSOR_PRUNED`, `INVALID_PROOF`,
 *   `INVALID_ADDRESS`.
 * - Store: `GENESIS_MISMATCH`, `STORE_LOCKED` (retryable), `STORE_VERSION`, `STORE_CORRUPT`, `STORE_FULL`
 *   (retryable), `SNAPSHOT_INVALID`, `LOCKED_MISMATCH`.
 * - Failures of this process: `INTERNAL_IO` (retryable unless the handle must be reopened), `INTERNAL_PANIC`.
 * - Of `RpcClient` alone: `RPC_UNAUTHORIZED`, `RPC_TOO_LARGE`, `RPC_TIMEOUT` (retryable), `RPC_UNAVAILABLE`
 *   (retryable), `RPC_PROTOCOL`.
 *
 * Only a verdict is a reason to ban a peer.
 */
declare class MetachainError extends Error {
    /** The stable code. */
    readonly code: string;
    /** The data is bad, whoever looks at it and whenever. */
    readonly verdict: boolean;
    /** The same call, unchanged, may succeed later. */
    readonly retryable: boolean;
    /** Facts for programs; hashes are `Uint8Array`, numbers beyond 2^53 - 1 `bigint`. */
    readonly details: Record<string, unknown>;
    constructor(code: string, message: string, options?: MetachainErrorOptions);
}
/**
 * A failure of a data driver, of a call to it, or of the registry. Branch on `code`, never on the message.
 *
 * - The module: `DRIVER_REJECTED` (the message lists every fault), `DRIVER_HASH_MISMATCH`, `DRIVER_SIGNATURE`.
 * - The call: `DRIVER_INVALID_INPUT` and `DRIVER_OPERATION` (the message is the driver's own text),
 *   `DRIVER_TRAP`, `DRIVER_TIMEOUT`, `DRIVER_MEMORY`, `DRIVER_STACK`, `DRIVER_INPUT_TOO_LARGE`,
 *   `DRIVER_OUTPUT_TOO_LARGE`, `DRIVER_ABI` (the driver broke the calling convention, or answered text that
 *   is not JSON).
 * - Use and surroundings: `DRIVER_CLOSED`, `BAD_ARGUMENT`, `ABORTED`, `STORE_CORRUPT` (a registry file),
 *   `INTERNAL_IO`, `INTERNAL_PANIC`.
 */
declare class DriverError extends Error {
    /** The stable code. */
    readonly code: string;
    /**
     * Where it happened: `argument`, `options`, `read` (the module's file), `check`, `cache`, `compile`, `start` (the
     * host's own thread and engine), `instantiate`, `batch`, `registry`, `signature`, or the driver's export that was
     * running: `init`, `alloc`, `dealloc`, `get_last_error`, `get_schema`, `get_version`, `encode_input_fn`,
     * `decode_input_fn`, `decode_output_fn`, `decode_event`.
     */
    readonly phase: string;
    /** SHA-256 of the module, hex, where one was known. */
    readonly driverHash?: string;
    /** Always false: a driver says nothing about a block. */
    readonly verdict: boolean;
    /** The same call, unchanged, may succeed later. */
    readonly retryable: boolean;
    constructor(code: string, message: string, options?: {
        phase?: string;
        driverHash?: string;
        retryable?: boolean;
        cause?: unknown;
    });
}

/** What became of one item of a batch: its value, or the error that this item alone met. */
type BatchResult<T> = {
    value: T;
} | {
    error: DriverError;
};
/** Options of the batch calls. */
interface BatchOptions {
    /** Ends the batch with `ABORTED`: what has not begun is not run. */
    signal?: AbortSignal;
    /**
     * Bytes that the driver's answers and the texts of errors may take together, since all are held at once: default
     * 256 MiB, at least 1. When they are reached, items that have not begun are not run, and fail with
     * `DRIVER_OUTPUT_TOO_LARGE`.
     */
    outputBytesMax?: number;
}
/** How many native threads the batches of this process use: as many as there are processors, unless set. */
declare function driverThreads(): number;
/** Sets how many native threads the batches of this process use from now on, 1 to 1024. */
declare function setDriverThreads(threads: number): void;

/** A JSON value. Integers beyond 2^53 - 1 are `bigint` where they were read losslessly. */
type Json = null | boolean | number | bigint | string | Json[] | {
    [key: string]: Json;
};
/** Whether integers beyond 2^53 - 1 become the nearest `number` or an exact `bigint`. */
type Integers = 'number' | 'lossless';
/**
 * Reads JSON text as `JSON.parse` does, but integers beyond 2^53 - 1 come back as `bigint`
 * (with `integers: 'number'` exactly as `JSON.parse`). Numbers with a fraction or an exponent stay
 * `number`. Text without such integers costs what `JSON.parse` costs, other text about four times that.
 *
 * @throws SyntaxError where the text is not JSON.
 */
declare function parseJson(text: string, integers?: Integers): Json;
/**
 * Writes a value as JSON text as `JSON.stringify` does; `bigint` becomes a bare integer.
 *
 * @throws TypeError where the value cannot be written: undefined at the top, a cycle.
 */
declare function stringifyJson(value: Json): string;

/** How a driver is loaded, and what each of its calls may use. */
interface DriverOptions {
    /** Longest time of one call, milliseconds (default 1000). Never ends early; see `Driver` for its resolution. */
    deadlineMs?: number;
    /** Most linear memory of one instance, bytes (default 64 MiB). */
    memoryBytesMax?: number;
    /** Longest name or data given to one call, bytes (default 16 MiB). */
    inputBytesMax?: number;
    /** Longest answer of one call, bytes (default 16 MiB). */
    outputBytesMax?: number;
    /** `reuse` (default) keeps instances between calls; `fresh` makes a new one for every call. */
    isolation?: 'reuse' | 'fresh';
    /**
     * `tiered` (default) compiles quickly, and well in the background once calls spend time in that code;
     * `quick` leaves it at the first; `full` compiles well before loading ends. Calls answer the same.
     */
    optimization?: 'tiered' | 'quick' | 'full';
    /** `lossless`: integers beyond 2^53 - 1 in decoded JSON come back as bigint (default `number`). */
    integers?: 'number' | 'lossless';
    /** Directory, private to this user, that keeps compiled code between processes (default: none). */
    cacheDir?: string;
    /** SHA-256 of the module, hex: any other module is refused with `DRIVER_HASH_MISMATCH`. */
    expectedHash?: string;
}
/** One item of a decoding batch: the function's or event's name, and its rkyv bytes. */
interface DriverItem {
    name: string;
    data: Uint8Array;
}
/**
 * A loaded data driver.
 *
 * Nothing a driver does can harm the process: it has no imports, its memory, stack, time, input and output
 * are capped, and an instance that trapped or ran out of time is thrown away, so that the next call works.
 * The single calls are synchronous: they hold the event loop for as long as the driver runs, at most its
 * deadline. For many items use the batch calls, which run on native threads and hand their results out in
 * slices.
 *
 * All calls throw `DriverError`. Arguments of the wrong type are `BAD_ARGUMENT`.
 */
declare class Driver {
    #private;
    /** SHA-256 of the module, hex. */
    readonly hash: string;
    private constructor();
    /**
     * Checks, compiles and initialises a module, off the event loop. Compiled code is kept in memory, so that
     * loading the same module again is cheap.
     *
     * @param source the module's bytes, or the path or `file:` URL of a file that holds them.
     * @throws DriverError `DRIVER_REJECTED` (every fault of the module at once), `DRIVER_HASH_MISMATCH`, or
     *   the failure of the module's own `init`; `BAD_ARGUMENT` where there is no such file.
     */
    static load(source: Uint8Array | string | URL, options?: DriverOptions): Promise<Driver>;
    /**
     * Encodes the arguments of a contract function, given as a value or as JSON text, to rkyv. A `bigint`
     * is written as a bare integer.
     */
    encodeInputFn(fnName: string, json: string | Json): Uint8Array;
    /** Decodes the arguments of a contract function from rkyv. */
    decodeInputFn(fnName: string, rkyv: Uint8Array): Json;
    /** Decodes what a contract function returned from rkyv. */
    decodeOutputFn(fnName: string, rkyv: Uint8Array): Json;
    /** Decodes an event's data from rkyv. */
    decodeEvent(eventName: string, rkyv: Uint8Array): Json;
    /** As `decodeInputFn`, but the driver's own JSON text, untouched. */
    decodeInputFnJson(fnName: string, rkyv: Uint8Array): string;
    /** As `decodeOutputFn`, but the driver's own JSON text, untouched. */
    decodeOutputFnJson(fnName: string, rkyv: Uint8Array): string;
    /** As `decodeEvent`, but the driver's own JSON text, untouched. */
    decodeEventJson(eventName: string, rkyv: Uint8Array): string;
    /**
     * Decodes the arguments of many calls, spread over the cores. Results are in the order of the items, an
     * error stands with the item it belongs to, also where the driver is closed (`DRIVER_CLOSED` for each item that
     * has not run); the promise rejects only for a wrong argument (`BAD_ARGUMENT`, naming the item), an abort, or
     * where there is no batch at all (`INTERNAL_IO`). Do not change the items until it settles.
     */
    decodeInputs(items: readonly DriverItem[], options?: BatchOptions): Promise<BatchResult<Json>[]>;
    /** As `decodeInputs`, for what functions returned. */
    decodeOutputs(items: readonly DriverItem[], options?: BatchOptions): Promise<BatchResult<Json>[]>;
    /** As `decodeInputs`, for events. */
    decodeEvents(items: readonly DriverItem[], options?: BatchOptions): Promise<BatchResult<Json>[]>;
    /** As `decodeEvents`, but the driver's own JSON text, untouched. */
    decodeEventsJson(items: readonly DriverItem[], options?: BatchOptions): Promise<BatchResult<string>[]>;
    /** As `decodeInputs`, the other way: encodes the arguments of many calls to rkyv. */
    encodeInputs(items: readonly {
        name: string;
        json: string | Json;
    }[], options?: BatchOptions): Promise<BatchResult<Uint8Array>[]>;
    /** The contract's schema, or null where the driver has none. */
    getSchema(): Json | null;
    /** The driver's version. */
    getVersion(): string;
    /** Counters of this driver since it was loaded; names end in their unit where they have one. */
    metrics(): Record<string, number>;
    /** Lets go of the driver's instances. Later calls throw `DRIVER_CLOSED`; closing again does nothing. */
    close(): void;
    /** `using driver = …` closes it. */
    [Symbol.dispose](): void;
}

/** How a registry is opened. */
interface DriverRegistryOptions {
    /** The directory; made if it is missing. Several processes may share one. */
    path: string;
    /** For each contract id whose drivers must be signed, its owner's BLS public key: base58, as Dusk shows it, or hex. */
    ownerKeys?: Record<string, string>;
    /**
     * Accept only signatures that also cover contract id and version. Dusk's own cover the bytecode alone, so that a
     * module signed for one contract can be passed off as another's, or an old version as a new one (default false).
     */
    boundSignaturesOnly?: boolean;
    /** Options of the drivers that `get` returns; all but `expectedHash`, which is the registry's own affair. */
    defaults?: DriverOptions;
}
/** A driver of a contract. */
interface DriverRegistryEntry {
    contractId: string;
    /** SHA-256 of the module, hex. */
    hash: string;
    version: string;
    /** The contract stays at this module, whatever is put later. */
    pinned: boolean;
    /** The owner's key, base58, where one is configured and its signature was verified. */
    signedBy?: string;
    /** What that signature covers: the bytecode alone, or bound to contract id and version. */
    signatureForm?: 'bytecode' | 'bound';
}
/**
 * A directory of drivers. Every change is durable when its promise resolves, and whole after a crash at any
 * instant. Everything throws `DriverError`: `STORE_CORRUPT` names a damaged file, `DRIVER_SIGNATURE` a driver that
 * the contract's owner has not signed; after `close()` all but `close()` throws `DRIVER_CLOSED`.
 */
declare class DriverRegistry {
    #private;
    private constructor();
    /** Opens a directory, and clears up what an interrupted process left in it. */
    static open(options: DriverRegistryOptions): Promise<DriverRegistry>;
    /**
     * Stores a driver for a contract, which uses it from now on unless it is pinned to another. What cannot be loaded
     * is not stored.
     *
     * @param entry `version`: the driver's own word where left out. `signature`: the owner's, 48 bytes.
     * @throws DriverError all of `Driver.load`; `DRIVER_SIGNATURE`; `BAD_ARGUMENT`.
     */
    put(contractId: string, wasm: Uint8Array, entry?: {
        version?: string;
        signature?: Uint8Array;
    }): Promise<{
        hash: string;
    }>;
    /** Keeps a contract at one of the modules that were put for it, whatever is put later. */
    pin(contractId: string, hash: string): Promise<void>;
    /** Lets a contract use what was put last again. */
    unpin(contractId: string): Promise<void>;
    /** The driver in use for a contract, or null. Handles of the same module share what is loaded. */
    get(contractId: string): Promise<Driver | null>;
    /** The driver in use of every contract, by contract id. */
    list(): DriverRegistryEntry[];
    /** All drivers of one contract, oldest first. */
    versions(contractId: string): DriverRegistryEntry[];
    /** Forgets a contract, and every module that no other contract uses. */
    remove(contractId: string): Promise<void>;
    /** Forgets all drivers of a contract but the one in use. */
    prune(contractId: string): Promise<void>;
    /** Closes every driver that `get` gave out, also one that its contract no longer uses. Idempotent. */
    close(): Promise<void>;
    /** `await using registry = …` closes it. */
    [Symbol.asyncDispose](): Promise<void>;
}

/** What the ecosystem's loader returns: a plain object of functions, which need no receiver. */
interface WasmDataDriver {
    /** Already done at load; kept for programs that call it. Returns 0. */
    init(): number;
    /** Encodes a function's arguments, given as JSON text (a value is accepted too), to rkyv. */
    encodeInputFn(fnName: string, json: string | Json): Uint8Array;
    /** Decodes a function's arguments. */
    decodeInputFn(fnName: string, rkyv: Uint8Array): any;
    /** Decodes what a function returned. */
    decodeOutputFn(fnName: string, rkyv: Uint8Array): any;
    /** Decodes an event. */
    decodeEvent(eventName: string, rkyv: Uint8Array): any;
    /** The contract's schema, or null where the driver has none. */
    getSchema(): any;
    /** The driver's version. */
    getVersion(): string;
}
/**
 * Loads a data driver with the ecosystem loader's signature and result. New programs use `Driver.load`,
 * which also offers batches and raw text.
 *
 * @param bytes the module.
 * @throws DriverError as `Driver.load` does.
 */
declare function loadWasmDataDriver(bytes: Uint8Array | ArrayBuffer, options?: DriverOptions): Promise<WasmDataDriver>;

/** Where to begin, and when to stop. */
interface EventOptions {
    /** Cursor of the last event that was handled; left out: begin with the first event there ever was. */
    from?: string;
    /** Ends the iteration with `ABORTED`. */
    signal?: AbortSignal;
}

/** Options of `sync`. */
interface SyncOptions {
    /** Ends the sync with `ABORTED` before its next step; what was done stays done. */
    signal?: AbortSignal;
    /** Hears how many blocks of the present round are done, and how many there are in all. */
    onProgress?: (done: number, total: number) => void;
}

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
declare class Metachain {
    #private;
    private constructor();
    /**
     * Opens a store, creates it where there is none, or joins this process's other handles to it. Replays the
     * store's log, off the event loop.
     *
     * @throws MetachainError `BAD_ARGUMENT` (no genesis for a new store, or an invalid one; another `durability`,
     *   `undoDepth` or `eventRetention` than this process's other handles to the store have, where one that is left out
     *   has its default; `snapshotEvery` is that of the first handle, whatever the others say), `GENESIS_MISMATCH`,
     *   `STORE_LOCKED`, `STORE_VERSION`, `STORE_CORRUPT`, `STORE_FULL`, `INTERNAL_IO`.
     */
    static open(options: OpenOptions): Promise<Metachain>;
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
    static importSnapshot(path: string, options: OpenOptions & {
        trusted?: Uint8Array;
    }): Promise<Metachain>;
    /** The native network whose addresses this chain speaks of. */
    get network(): Network;
    /** The chain's id. */
    get chainId(): string;
    /** The hash that commits to every genesis parameter; the parent of block 1. */
    get genesisHash(): Uint8Array;
    /** The last block, and how far the disk has followed. */
    get tip(): Tip;
    /** The sum of all balances, base units. */
    get supply(): bigint;
    /** What must be locked on the native chain, base units: equal to `supply` after every block. */
    get locked(): bigint;
    /**
     * Builds the next block. Pure and synchronous: nothing changes, and the same arguments on the same tip give
     * the same bytes on every machine. Never fails because of a transaction: what cannot be executed is left out
     * and named in `rejected`, and then **the native block must leave it out too**. No transactions are a normal
     * block.
     *
     * @throws MetachainError `UNKNOWN_PARENT` where the native parent is not the block that carried our tip,
     *   `BAD_ARGUMENT` where the height does not follow, or a value has the wrong type (details: index, field).
     */
    mintBlock(context: MintContext, txs: readonly MetaTransaction$1[] | TxBatch): MintedBlock;
    /**
     * The verdict that `connectBlock` would give; nothing changes, nothing is committed. For templates and
     * candidates that a native node validates before it connects them.
     *
     * @returns the block, its `nativeHash` null.
     * @throws MetachainError as `connectBlock`, but never `CONFLICT`.
     */
    checkBlock(block: Omit<NativeBlock, 'nativeHash'>): Block;
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
    connectBlock(block: NativeBlock): Promise<ConnectResult>;
    /** As `connectBlock`, holding the event loop until the block is durable. */
    connectBlockSync(block: NativeBlock): ConnectResult;
    /**
     * Connects a run of blocks with one wait for the disk. Stops at the first error, whose details name its
     * `index`, or before the next block once the signal fires (`ABORTED`, with the index of the first block that
     * was not connected); the blocks before it stay connected and are durable when the promise rejects.
     *
     * @throws MetachainError as `connectBlock`; what is wrong with one of a block's transactions names that one's place
     *   as `transaction` in the details, beside the block's `index`. A value of the wrong type is found before the first
     *   block is connected.
     */
    connectBlocks(blocks: readonly NativeBlock[], options?: {
        signal?: AbortSignal;
    }): Promise<ConnectResult[]>;
    /** Resolves when everything acknowledged so far is on disk; of use with `durability: 'batch'`. */
    flush(): Promise<void>;
    /**
     * Calls `listener`, at most once, when the chain can no longer go on, or soon if that is so already: a failed sync,
     * or a defect. Everything else then throws the same failure; close all handles and open the store again.
     *
     * @returns a function that removes the listener.
     */
    onFatal(listener: (error: MetachainError) => void): () => void;
    /**
     * Takes the tip back; `nativeHash` must name the native block that carries it. Restores the previous state
     * byte for byte and resolves, when that is durable, to the tip before.
     *
     * @throws MetachainError `NOT_TIP`, `FINALIZED`, `UNDO_TOO_DEEP` (see `undoDepth`).
     */
    disconnectBlock(nativeHash: Uint8Array): Promise<Tip>;
    /**
     * Makes the block in this native block, and all before it, final: they are never disconnected again.
     *
     * @throws MetachainError `BAD_ARGUMENT` where the native block carries no block of our chain.
     */
    finalize(nativeHash: Uint8Array): Promise<void>;
    /**
     * Finds out how the chain stands to the native node's best chain; for start-up, in both directions: the chain
     * may be behind the native chain or ahead of it after a crash. Asks for few blocks, however long the chains.
     *
     * @throws MetachainError `LOCKED_MISMATCH` where both are in sync and the host's lock balance is not our supply;
     *   `BAD_ARGUMENT` where the source lacks a block below its tip. What the source throws is passed on.
     */
    handshake(source: NativeSource): Promise<Handshake>;
    /**
     * Carries out what the handshake finds, by ordinary disconnects and connects, until the chain is in sync with
     * the source or the source is behind it. Stopping at any instant leaves a chain from which the next sync goes on.
     *
     * @throws MetachainError as `handshake`, `connectBlock` and `disconnectBlock`; `UNDO_TOO_DEEP` where the chains
     *   parted further back than undo reaches; `ABORTED`.
     */
    sync(source: NativeSource, options?: SyncOptions): Promise<Tip>;
    /**
     * The account of a metachain address, or null if it was never credited.
     *
     * @throws MetachainError `INVALID_ADDRESS`.
     */
    account(address: string): Account | null;
    /** The balance of a metachain address, base units; 0 where there is no account. */
    balance(address: string): bigint;
    /** A block of the present chain, or null. Genesis, at height 0, is no block. */
    block(ref: BlockRef): Block | null;
    /**
     * The blocks of a range of heights, both ends included, by ascending height; without `to` up to the tip as
     * it is reached. Yields to the event loop between blocks.
     *
     * @throws MetachainError `BAD_ARGUMENT`, with `firstHeight` in the details, if the range begins before the first
     *   block that the store has: one that began from a snapshot has none before the snapshot's.
     */
    blocks(range: {
        from: number;
        to?: number;
    }): AsyncIterableIterator<Block>;
    /** The payload of a block of the present chain, or null. */
    payload(ref: BlockRef): Uint8Array | null;
    /**
     * The newest transaction of the present chain with this native transaction id, and where it stands; or null.
     * Ids are unique within the replay window; beyond it the native chain's own rule, that an output is spent once,
     * keeps them apart.
     */
    transaction(txid: Uint8Array): {
        block: number;
        index: number;
        transaction: MetaTransaction$1;
    } | null;
    /**
     * The withdrawals of a block, in order: what the native node releases.
     *
     * @throws MetachainError `BAD_ARGUMENT` where the chain has no such block.
     */
    withdrawals(ref: BlockRef): Withdrawal[];
    /**
     * Proves, at the tip, an account or that there is none, to someone who has the state root only; see
     * `verifyAccountProof`.
     */
    proveAccount(address: string): {
        height: number;
        stateRoot: Uint8Array;
        proof: Uint8Array;
    };
    /**
     * Proves a withdrawal of a block to someone who has the block's header only; see `verifyWithdrawalProof`.
     *
     * @param index the withdrawal's position among the block's withdrawals.
     * @throws MetachainError `BAD_ARGUMENT` where there is no such block, or the block has no such withdrawal.
     */
    proveWithdrawal(ref: BlockRef, index: number): {
        height: number;
        withdrawalsRoot: Uint8Array;
        proof: Uint8Array;
    };
    /**
     * What connected and disconnected, in order, from a cursor on; waits for what comes next and never ends by
     * itself. Only what is on disk is told, so that no crash takes back what was told: an indexer that restarts
     * with its last cursor misses nothing and sees what was undone. Keeps the process alive while it waits; ends
     * with `CLOSED` when the chain is closed.
     *
     * @throws MetachainError `CURSOR_UNKNOWN`, `CURSOR_PRUNED`, `ABORTED`, `CLOSED`.
     */
    events(options?: EventOptions): AsyncIterableIterator<ChainEvent>;
    /**
     * Checks every byte of the store, that the balances add up to the supply, and with `full` that executing the whole
     * log again gives the same state. On a thread of its own; blocks go on meanwhile.
     *
     * @param options `onProgress` hears bytes done and bytes in all, a few times a second.
     * @throws MetachainError `STORE_CORRUPT` with file and offset, `SNAPSHOT_INVALID`, `INTERNAL_IO`.
     */
    verify(options?: {
        full?: boolean;
        onProgress?: (done: number, total: number) => void;
    }): Promise<void>;
    /**
     * Writes the state at the tip to a file, from which another machine can begin its own store with
     * `importSnapshot`. The file appears whole or not at all; blocks wait meanwhile, readers do not.
     *
     * @throws MetachainError `BAD_ARGUMENT` where there is no block yet; `STORE_FULL`, `INTERNAL_IO`.
     */
    exportSnapshot(path: string): Promise<void>;
    /** Counts since the chain was opened, and what it holds now; names end in their unit where they have one. */
    metrics(): Record<string, number>;
    /**
     * Gives this handle back, after the calls made before; the last handle of this process flushes and closes the
     * store, and then its directory is free for others. Idempotent: every call has the same result. Only `verify` and
     * `exportSnapshot` are not waited for before they have begun: they then end with `CLOSED`.
     *
     * @throws MetachainError `INTERNAL_IO` where a failure of the disk (see `onFatal`) keeps the store from being
     *   flushed. It is closed all the same.
     */
    close(): Promise<void>;
    /** `await using chain = …` closes it. */
    [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Verifies offline what a proof by `Metachain.proveAccount` says under a state root: the account, or null where it
 * proves that there is none.
 *
 * @throws MetachainError `INVALID_PROOF`, `INVALID_ADDRESS`.
 */
declare function verifyAccountProof(stateRoot: Uint8Array, address: string, proof: Uint8Array): Account | null;
/**
 * Verifies offline that a withdrawal belongs to the block with this withdrawals root, and returns it.
 *
 * @param network how the native address is printed, as in `decodePayload`.
 * @throws MetachainError `INVALID_PROOF`.
 */
declare function verifyWithdrawalProof(withdrawalsRoot: Uint8Array, proof: Uint8Array, network?: Network): Withdrawal;

/** A decimal integer of 64 bits. */
type Int64 = string;
/** Bytes as hex digits, lower case, no prefix. */
type Hex = string;
/** Whether a connect changed anything. */
type MetaConnectStatus = 'connected' | 'known';
/** How the metachain stands to the native chain. */
type MetaHandshakeStatus = 'ask' | 'in-sync' | 'replay' | 'unwind' | 'ahead' | 'diverged';
/** What happened to a block. */
type MetaEventKind = 'connected' | 'disconnected';
/**
 * One transaction. The kind follows from the addresses: from a native address it is a deposit, to
 * one a withdrawal, between two metachain addresses a transfer.
 */
interface MetaTransaction {
    /** Who pays: a metachain address, or the native address that locked the funds. */
    from: string;
    /** Who is paid: a metachain address, or the native address that gets released funds. */
    to: string;
    /** Base units (10^-8), 1 to 2^63-1. Another value gets a rejection, not an error. */
    amount: Int64;
    /** The id of the native transaction that carries this one, 32 bytes. */
    txid?: Hex;
}
/** The native block that is to carry the block. */
interface MetaContext {
    /** Its height. */
    nativeHeight: Int64;
    /** The hash of its parent, 32 bytes. */
    nativeParentHash: Hex;
    /** Its time in unix seconds. */
    time: Int64;
}
/** What to build a block of. */
interface MetaBlockInput {
    /** The transactions, in order. */
    txs: MetaTransaction[];
    /**
     * The native block to build for. Without it: the next native height, on the native block that
     * carried the tip, at the tip's time.
     */
    context?: MetaContext;
}
/** A transaction left out of a block. The native block must leave out the native transaction that carries it. */
interface MetaRejection {
    /** Its position among those given, from 0. */
    index: number;
    /** Why, as a stable code. */
    code: string;
    /** Why, for people. */
    message: string;
    /** The balance found in base units, where that was the reason. */
    balance?: Int64;
}
/** A block that was built. Nothing changes until it is connected. */
interface MetaBlockResult {
    /** The bytes to embed in the native block. */
    payload: Hex;
    /** The block's hash. */
    hash: Hex;
    /** The block's metachain height. */
    height: Int64;
    /** Transactions left out, by ascending index. */
    rejected: MetaRejection[];
    /** The commitment to all accounts after the block. */
    stateRoot: Hex;
    /** The sum of all balances after the block, in base units. */
    supply: Int64;
    /** The number of transactions in the block. */
    accepted: number;
}
/** The metachain transactions that a native block itself carries, which its payload must contain exactly. */
interface MetaCarried {
    /** All of them, in order, unless one of the other fields is given. */
    txs?: MetaTransaction[];
    /** Their transaction root instead of the transactions, 32 bytes. */
    txRoot?: Hex;
    /** True instead of either: the caller has compared them already. */
    unchecked?: boolean;
}
/** A native block that is not yet part of the native chain. */
interface MetaCandidateBlock {
    /** Its height. */
    nativeHeight: Int64;
    /** The hash of its parent, 32 bytes. */
    nativeParentHash: Hex;
    /** Its time in unix seconds. */
    time: Int64;
    /** The metachain payload embedded in it. */
    payload: Hex;
    /** The metachain transactions that it carries. */
    carried: MetaCarried;
}
/** A native block to connect. */
interface MetaNativeBlock {
    /** Its hash, 32 bytes. */
    nativeHash: Hex;
    /** Its height. */
    nativeHeight: Int64;
    /** The hash of its parent, 32 bytes. */
    nativeParentHash: Hex;
    /** Its time in unix seconds. */
    time: Int64;
    /** The metachain payload embedded in it. */
    payload: Hex;
    /** The metachain transactions that it carries. */
    carried: MetaCarried;
}
/** What became of a block given to connect. */
interface MetaConnectResult {
    /** Whether it is new. */
    status: MetaConnectStatus;
    /** The metachain block's hash. */
    hash: Hex;
    /** The metachain block's height. */
    height: Int64;
}
/** A native block by its hash. */
interface MetaNativeRef {
    /** The hash, 32 bytes. */
    nativeHash: Hex;
}
/** The tip of the metachain. */
interface MetaTip {
    /** The metachain height; 0 is genesis. */
    height: Int64;
    /** The block's hash; at genesis that of the parameters. */
    hash: Hex;
    /** The height of the native block that carried it; none at genesis. */
    nativeHeight?: Int64;
    /** The hash of the native block that carried it; none at genesis. */
    nativeHash?: Hex;
    /** The commitment to all accounts. */
    stateRoot: Hex;
    /** Unix seconds. */
    time: Int64;
    /** The sum of all balances in base units, which is what is locked on the native chain. */
    supply: Int64;
    /** The height of the last block that is on disk. */
    durableHeight: Int64;
}
/** A block of the native chain by height and hash. */
interface MetaNativeAncestor {
    /** The height. */
    nativeHeight: Int64;
    /** The hash, 32 bytes. */
    nativeHash: Hex;
}
/** The tip of the native chain, and what the handshake has asked for so far. */
interface MetaHandshakeInput {
    /** The native tip's height. */
    nativeHeight: Int64;
    /** The native tip's hash, 32 bytes. */
    nativeHash: Hex;
    /** Base units that the native chain holds locked at this tip, if the node can tell. */
    locked?: Int64;
    /** The native node's answers to every `ask` so far, in any order. */
    ancestors?: MetaNativeAncestor[];
}
/** The answer to a handshake, or its next question. */
interface MetaHandshakeResult {
    /** What to do. */
    status: MetaHandshakeStatus;
    /** The native height that the status speaks of; none when in sync. */
    nativeHeight?: Int64;
}
/** An address of the metachain. */
interface MetaAddressRef {
    /** `0x` and 40 hex digits. */
    address: string;
}
/** What an account holds. */
interface MetaAccount {
    /** Its address in canonical form. */
    address: string;
    /** Base units. */
    balance: Int64;
    /** The number of its debits. */
    sequence: Int64;
}
/** An account, if there is one. */
interface MetaAccountResult {
    /** None if the address was never credited. */
    account?: MetaAccount;
}
/** A block of the metachain, by exactly one of these. */
interface MetaBlockRef {
    /** Its metachain height. */
    height?: Int64;
    /** Its metachain hash, 32 bytes. */
    hash?: Hex;
    /** The hash of the native block that carries it, 32 bytes. */
    nativeHash?: Hex;
}
/** A block of the metachain. */
interface MetaBlock {
    /** The metachain height; the first block's is 1. */
    height: Int64;
    /** The block's hash. */
    hash: Hex;
    /** The metachain block before this one; genesis before the first. */
    parentHash: Hex;
    /** The height of the native block that carries it. */
    nativeHeight: Int64;
    /** The hash of the native block that carries it; none while it is a candidate. */
    nativeHash?: Hex;
    /** The hash of that native block's parent. */
    nativeParentHash: Hex;
    /** Unix seconds. */
    time: Int64;
    /** The commitment to all accounts after the block. */
    stateRoot: Hex;
    /** The commitment to the transactions. */
    txRoot: Hex;
    /** The commitment to the withdrawals. */
    withdrawalsRoot: Hex;
    /** The sum of all balances after the block, in base units. */
    supply: Int64;
    /** The transactions, in order, addresses in canonical form. */
    txs: MetaTransaction[];
}
/** A block, if the chain has it. */
interface MetaBlockQueryResult {
    /** None if the present chain has no such block. */
    block?: MetaBlock;
}
/** A payload, if the chain has it. */
interface MetaPayloadResult {
    /** None if the present chain has no such block. */
    payload?: Hex;
}
/** Funds to be released on the native chain. */
interface MetaWithdrawal {
    /** Its position among the block's withdrawals, from 0. */
    index: number;
    /** Who was debited. */
    from: string;
    /** The native address that gets the funds. */
    to: string;
    /** Base units. */
    amount: Int64;
    /** The id of the native transaction that carries the withdrawal. */
    txid?: Hex;
}
/** The withdrawals of a block. */
interface MetaWithdrawalsResult {
    /** In order. */
    withdrawals: MetaWithdrawal[];
}
/** A withdrawal of a block. */
interface MetaWithdrawalRef {
    /** The block. */
    block: MetaBlockRef;
    /** The withdrawal's position among the block's withdrawals, from 0. */
    index: number;
}
/** A proof with what it holds for. */
interface MetaProof {
    /** The metachain height. */
    height: Int64;
    /** The root that the proof leads to: of the state for an account, of the withdrawals for a withdrawal. */
    root: Hex;
    /** The proof, for the offline verifiers. */
    proof: Hex;
}
/** How much there is. */
interface MetaSupply {
    /** The sum of all balances in base units. */
    supply: Int64;
    /** What must be locked on the native chain, in base units; equal to the supply after every block. */
    locked: Int64;
}
/** A transaction by the id of the native transaction that carries it. */
interface MetaTransactionRef {
    /** The id, 32 bytes. */
    txid: Hex;
}
/** A transaction of the present chain. */
interface MetaPlacedTransaction {
    /** The metachain height of its block. */
    height: Int64;
    /** Its position in the block, from 0. */
    index: number;
    /** The transaction, addresses in canonical form. */
    transaction: MetaTransaction;
}
/** A transaction, if the chain has it. */
interface MetaTransactionResult {
    /** The newest with this id; none if the present chain has no such transaction. */
    found?: MetaPlacedTransaction;
}
/** A block that connected or disconnected. */
interface MetaEvent {
    /** Where to go on after this event. */
    cursor: string;
    /** What happened. */
    kind: MetaEventKind;
    /** The block, with the native block that carries or carried it. */
    block: MetaBlock;
}
/** Which events to tell. */
interface MetaEventsInput {
    /** The cursor of the last event that the caller has; without one, from the first event on. */
    after?: string;
    /** At most so many; 0 is 100, and more than 1,000 are never given at once. Large blocks make it fewer. */
    max?: number;
}
/** Events in the order in which they happened. */
interface MetaEventsResult {
    /** Those that are on disk; none if nothing has happened since. */
    events: MetaEvent[];
}
/** Which chain answers, and in which version of the protocol. */
interface MetaVersion {
    /** The library's version. */
    version: string;
    /** The version of this protocol. */
    protocol: number;
    /** The chain's name. */
    chainId: string;
    /** The native network. */
    network: string;
    /** The hash of the chain's parameters. */
    genesisHash: Hex;
}
/** Nothing. */
type MetaEmpty = Record<string, never>;
/** A running metachain. */
interface MetachainMethods {
    /** Builds the next block of transactions. Pure: nothing changes. */
    metaConsensusRpc_mintBlock: {
        input: MetaBlockInput;
        output: MetaBlockResult;
    };
    /** The verdict that connecting the block would give; nothing changes. */
    metaConsensusRpc_checkBlock: {
        input: MetaCandidateBlock;
        output: MetaBlock;
    };
    /** Re-executes a payload, checks every claim in it and makes it the tip. */
    metaConsensusRpc_connectBlock: {
        input: MetaNativeBlock;
        output: MetaConnectResult;
    };
    /** Takes the tip back, which the native block must name, and returns the tip before it. */
    metaConsensusRpc_disconnectBlock: {
        input: MetaNativeRef;
        output: MetaTip;
    };
    /** Makes the block in this native block, and all before it, final. */
    metaConsensusRpc_finalize: {
        input: MetaNativeRef;
        output: MetaTip;
    };
    /** How the metachain stands to the native chain, in as many calls as there are questions. */
    metaConsensusRpc_handshake: {
        input: MetaHandshakeInput;
        output: MetaHandshakeResult;
    };
    /** The tip. */
    metaConsensusRpc_tip: {
        input: MetaEmpty;
        output: MetaTip;
    };
    /** An account. */
    metaConsensusRpc_account: {
        input: MetaAddressRef;
        output: MetaAccountResult;
    };
    /** A block. */
    metaConsensusRpc_block: {
        input: MetaBlockRef;
        output: MetaBlockQueryResult;
    };
    /** The payload of a block. */
    metaConsensusRpc_payload: {
        input: MetaBlockRef;
        output: MetaPayloadResult;
    };
    /** The withdrawals of a block. */
    metaConsensusRpc_withdrawals: {
        input: MetaBlockRef;
        output: MetaWithdrawalsResult;
    };
    /** A transaction by the id of the native transaction that carries it. */
    metaConsensusRpc_transaction: {
        input: MetaTransactionRef;
        output: MetaTransactionResult;
    };
    /** What connected and disconnected after a cursor: an indexer that asks with its last one misses nothing. */
    metaConsensusRpc_events: {
        input: MetaEventsInput;
        output: MetaEventsResult;
    };
    /** Proves an account, or that there is none, at the tip. */
    metaConsensusRpc_proveAccount: {
        input: MetaAddressRef;
        output: MetaProof;
    };
    /** Proves a withdrawal to someone who has the block's withdrawals root only. */
    metaConsensusRpc_proveWithdrawal: {
        input: MetaWithdrawalRef;
        output: MetaProof;
    };
    /** The supply, and what must be locked for it. */
    metaConsensusRpc_supply: {
        input: MetaEmpty;
        output: MetaSupply;
    };
    /** Which chain answers, and in which version of the protocol. */
    metaConsensusRpc_version: {
        input: MetaEmpty;
        output: MetaVersion;
    };
}
/** Methods that may be sent again when no answer came. */
declare const idempotent: ReadonlySet<keyof MetachainMethods>;

type rpcWire_d_Hex = Hex;
type rpcWire_d_Int64 = Int64;
type rpcWire_d_MetaAccount = MetaAccount;
type rpcWire_d_MetaAccountResult = MetaAccountResult;
type rpcWire_d_MetaAddressRef = MetaAddressRef;
type rpcWire_d_MetaBlock = MetaBlock;
type rpcWire_d_MetaBlockInput = MetaBlockInput;
type rpcWire_d_MetaBlockQueryResult = MetaBlockQueryResult;
type rpcWire_d_MetaBlockRef = MetaBlockRef;
type rpcWire_d_MetaBlockResult = MetaBlockResult;
type rpcWire_d_MetaCandidateBlock = MetaCandidateBlock;
type rpcWire_d_MetaCarried = MetaCarried;
type rpcWire_d_MetaConnectResult = MetaConnectResult;
type rpcWire_d_MetaConnectStatus = MetaConnectStatus;
type rpcWire_d_MetaContext = MetaContext;
type rpcWire_d_MetaEmpty = MetaEmpty;
type rpcWire_d_MetaEvent = MetaEvent;
type rpcWire_d_MetaEventKind = MetaEventKind;
type rpcWire_d_MetaEventsInput = MetaEventsInput;
type rpcWire_d_MetaEventsResult = MetaEventsResult;
type rpcWire_d_MetaHandshakeInput = MetaHandshakeInput;
type rpcWire_d_MetaHandshakeResult = MetaHandshakeResult;
type rpcWire_d_MetaHandshakeStatus = MetaHandshakeStatus;
type rpcWire_d_MetaNativeAncestor = MetaNativeAncestor;
type rpcWire_d_MetaNativeBlock = MetaNativeBlock;
type rpcWire_d_MetaNativeRef = MetaNativeRef;
type rpcWire_d_MetaPayloadResult = MetaPayloadResult;
type rpcWire_d_MetaPlacedTransaction = MetaPlacedTransaction;
type rpcWire_d_MetaProof = MetaProof;
type rpcWire_d_MetaRejection = MetaRejection;
type rpcWire_d_MetaSupply = MetaSupply;
type rpcWire_d_MetaTip = MetaTip;
type rpcWire_d_MetaTransaction = MetaTransaction;
type rpcWire_d_MetaTransactionRef = MetaTransactionRef;
type rpcWire_d_MetaTransactionResult = MetaTransactionResult;
type rpcWire_d_MetaVersion = MetaVersion;
type rpcWire_d_MetaWithdrawal = MetaWithdrawal;
type rpcWire_d_MetaWithdrawalRef = MetaWithdrawalRef;
type rpcWire_d_MetaWithdrawalsResult = MetaWithdrawalsResult;
type rpcWire_d_MetachainMethods = MetachainMethods;
declare const rpcWire_d_idempotent: typeof idempotent;
declare namespace rpcWire_d {
  export { rpcWire_d_idempotent as idempotent };
  export type { rpcWire_d_Hex as Hex, rpcWire_d_Int64 as Int64, rpcWire_d_MetaAccount as MetaAccount, rpcWire_d_MetaAccountResult as MetaAccountResult, rpcWire_d_MetaAddressRef as MetaAddressRef, rpcWire_d_MetaBlock as MetaBlock, rpcWire_d_MetaBlockInput as MetaBlockInput, rpcWire_d_MetaBlockQueryResult as MetaBlockQueryResult, rpcWire_d_MetaBlockRef as MetaBlockRef, rpcWire_d_MetaBlockResult as MetaBlockResult, rpcWire_d_MetaCandidateBlock as MetaCandidateBlock, rpcWire_d_MetaCarried as MetaCarried, rpcWire_d_MetaConnectResult as MetaConnectResult, rpcWire_d_MetaConnectStatus as MetaConnectStatus, rpcWire_d_MetaContext as MetaContext, rpcWire_d_MetaEmpty as MetaEmpty, rpcWire_d_MetaEvent as MetaEvent, rpcWire_d_MetaEventKind as MetaEventKind, rpcWire_d_MetaEventsInput as MetaEventsInput, rpcWire_d_MetaEventsResult as MetaEventsResult, rpcWire_d_MetaHandshakeInput as MetaHandshakeInput, rpcWire_d_MetaHandshakeResult as MetaHandshakeResult, rpcWire_d_MetaHandshakeStatus as MetaHandshakeStatus, rpcWire_d_MetaNativeAncestor as MetaNativeAncestor, rpcWire_d_MetaNativeBlock as MetaNativeBlock, rpcWire_d_MetaNativeRef as MetaNativeRef, rpcWire_d_MetaPayloadResult as MetaPayloadResult, rpcWire_d_MetaPlacedTransaction as MetaPlacedTransaction, rpcWire_d_MetaProof as MetaProof, rpcWire_d_MetaRejection as MetaRejection, rpcWire_d_MetaSupply as MetaSupply, rpcWire_d_MetaTip as MetaTip, rpcWire_d_MetaTransaction as MetaTransaction, rpcWire_d_MetaTransactionRef as MetaTransactionRef, rpcWire_d_MetaTransactionResult as MetaTransactionResult, rpcWire_d_MetaVersion as MetaVersion, rpcWire_d_MetaWithdrawal as MetaWithdrawal, rpcWire_d_MetaWithdrawalRef as MetaWithdrawalRef, rpcWire_d_MetaWithdrawalsResult as MetaWithdrawalsResult, rpcWire_d_MetachainMethods as MetachainMethods };
}

/** How a client calls. */
interface RpcClientOptions {
    /** The bearer token that the server believes. */
    token?: string;
    /** The 32-byte key that the server believes, instead of a token: every request is signed anew (JWT, HS256). */
    jwtKey?: Uint8Array;
    /** How long a call may take, all its attempts together, 1 to 2^31 - 1; default 30,000. */
    deadlineMs?: number;
    /** How often a call that does no harm when repeated is sent again after no answer came; default 2. */
    retries?: number;
    /** The pause before the first repetition, doubled for each further one; default 50. */
    retryPauseMs?: number;
    /** Bytes of the largest answer; default 64 MiB. */
    bytesMax?: number;
    /** The chain that the server must have: another answers `GENESIS_MISMATCH`. */
    chainId?: string;
    /** The hash of the genesis that the server must have, hex. */
    genesis?: string;
}
/**
 * A client of a metachain's server (docs/rpc.md), or of any other that speaks the protocol.
 *
 * Values are those of the wire: integers of 64 bits as decimal strings (a `bigint` is sent as one), bytes as hex.
 * Everything throws `MetachainError`. Its codes are those of the chain, or `RPC_UNAUTHORIZED`, `RPC_TOO_LARGE`,
 * `RPC_TIMEOUT`, `RPC_UNAVAILABLE` and `RPC_PROTOCOL`; after a time-out the call may have been carried out all the
 * same. Arguments of the wrong type are `BAD_ARGUMENT`, with the field in the details, and nothing is sent.
 */
declare class RpcClient {
    #private;
    constructor(url: string | URL, options?: RpcClientOptions);
    /** Calls a method of the specification and waits for its answer. */
    call<M extends keyof MetachainMethods>(method: M, input: MetachainMethods[M]['input'], options?: {
        signal?: AbortSignal;
    }): Promise<MetachainMethods[M]['output']>;
}

/** How much a server bears before it refuses; what is left out has the default that docs/rpc.md lists. */
interface RpcServerLimits {
    /** Bytes of a request's body; default 1 MiB. */
    bodyBytesMax?: number;
    /** Bytes of the body of a method that takes blocks; default 64 MiB. */
    blockBodyBytesMax?: number;
    /** Such larger bodies in memory at one time; others wait. Default 4. */
    blockBodiesMax?: number;
    /** Bytes of an answer; default 64 MiB. */
    responseBytesMax?: number;
    /** Calls in a batch; default 100. */
    batchMax?: number;
    /** Levels of objects and lists in a request; default 64. */
    depthMax?: number;
    /** Connections at one time; default 256. */
    connectionsMax?: number;
    /** Calls that run at one time; others wait. Default 16. */
    callsMax?: number;
    /** Milliseconds for a header, the first and every later one; default 10,000. */
    headerDeadlineMs?: number;
    /** Milliseconds from a header's end to its body's; default 30,000. */
    bodyDeadlineMs?: number;
    /** Milliseconds that a caller may take none of its answer; default 30,000. */
    writeDeadlineMs?: number;
    /** Milliseconds that a refused caller is listened to, so that it can read the refusal; default 2,000. */
    lingerDeadlineMs?: number;
    /** Milliseconds that `close` waits for calls in flight; default 10,000. */
    stopDeadlineMs?: number;
}
/**
 * Where a server listens and whom it believes. At least one of the four secrets is needed: without one, whoever
 * reaches the port could move the chain.
 */
interface ServeOptions {
    /** The IP address to listen on; default `'127.0.0.1'`. Beyond the loopback interface put TLS in front. */
    host?: string;
    /** The port; default 0, which takes a free one (see `RpcServer.url`). */
    port?: number;
    /** The bearer token that opens all methods: 16 or more visible ASCII characters. */
    token?: string;
    /** The 32-byte key that opens all methods, with which callers sign each request (JWT, HS256). */
    jwtKey?: Uint8Array;
    /** As `token`, for readers: it opens the queries only. */
    readToken?: string;
    /** As `jwtKey`, for readers: it opens the queries only. */
    readJwtKey?: Uint8Array;
    /** How much the server bears. */
    limits?: RpcServerLimits;
}
/**
 * Serves an open metachain over JSON-RPC (docs/rpc.md) until it is closed. Calls run on threads of their own: the
 * event loop takes no part in them and may be busy. Any number of servers may stand on one chain, for example one
 * with all methods and one, elsewhere, with `readToken` only.
 *
 * The server keeps the process alive as Node's own servers do. It does not close the chain, and outlives its
 * closing: every call is then answered with `CLOSED`. Closing the server first is the orderly way.
 *
 * @throws MetachainError `BAD_ARGUMENT` (no secret, a bad one, an option out of range), `INTERNAL_IO` where the
 *   address cannot be listened on.
 */
declare function serve(chain: Metachain, options: ServeOptions): Promise<RpcServer>;
/** A server that listens; made by `serve`. */
declare class RpcServer {
    #private;
    /** Where it listens, for example `http://127.0.0.1:8557`. */
    readonly url: string;
    /** The port that it listens on. */
    readonly port: number;
    private constructor();
    /**
     * Stops listening, ends idle connections, answers the calls in flight (for no longer than the limit for stopping),
     * and lets go of the chain, which stays open. Resolves when that is done. Idempotent.
     */
    close(): Promise<void>;
    /** The process stays alive for this server; the default. */
    ref(): this;
    /** The process may end although this server listens. */
    unref(): this;
    /** `await using server = …` closes it. */
    [Symbol.asyncDispose](): Promise<void>;
}

export { Driver, DriverError, DriverRegistry, Metachain, MetachainError, RpcClient, RpcServer, rpcWire_d as RpcWire, TxBatch, buildInfo, decodePayload, driverThreads, loadWasmDataDriver, parseJson, serve, setDriverThreads, stringifyJson, verifyAccountProof, verifyWithdrawalProof };
export type { Account, BatchOptions, BatchResult, Block, BlockRef, BuildInfo, CarriedTransactions, ChainEvent, ConnectResult, DriverItem, DriverOptions, DriverRegistryEntry, DriverRegistryOptions, EventOptions, Genesis, Handshake, Integers, Json, MetaTransaction$1 as MetaTransaction, MetachainErrorOptions, MintContext, MintedBlock, NativeBlock, NativeSource, Network, OpenOptions, Rejection, RpcClientOptions, RpcServerLimits, ServeOptions, SyncOptions, Tip, WasmDataDriver, Withdrawal };
