// Handshake and sync: the chain says what it must know, the host answers, ordinary calls do the rest.
import { type NativeMetachain } from '#binding'
import { Checks } from './arguments.js'
import { type ConnectResult, type Handshake, type NativeBlock, type NativeSource, type Tip } from './chain-types.js'
import { badChainArgument, call, MetachainError } from './errors.js'

const checks: Checks = new Checks(badChainArgument)

/** A native chain that moves while it is followed is asked again; one that never rests is not followed for ever. */
const roundsMax = 1000
/** Blocks that are connected with one wait for the disk. */
const runBlocksMax = 64

/** What sync needs of a chain. @internal */
export interface Chain {
  tip(): Tip
  connect(blocks: NativeBlock[]): Promise<ConnectResult[]>
  disconnect(nativeHash: Uint8Array): Promise<Tip>
}

/** Options of `sync`. */
export interface SyncOptions {
  /** Ends the sync with `ABORTED` before its next step; what was done stays done. */
  signal?: AbortSignal
  /** Hears how many blocks of the present round are done, and how many there are in all. */
  onProgress?: (done: number, total: number) => void
}

/** @internal */
export async function handshake(native: NativeMetachain, source: NativeSource): Promise<Handshake> {
  checkSource(source)
  const { nativeHeight, nativeHash, locked } = await nativeTip(source)
  const search = call(() => native.beginHandshake(nativeHeight, nativeHash, locked))
  for (;;) {
    const step = call(() => native.handshakeStep(search))
    if (step.status !== 'ask') return resultOf(step.status, step.nativeHeight ?? 0)
    const height = step.nativeHeight as number
    const hash = await hashAt(source, height)
    call(() => native.handshakeAnswer(search, height, hash))
  }
}

function resultOf(status: string, height: number): Handshake {
  switch (status) {
    case 'replay':
      return { status, fromNativeHeight: height }
    case 'unwind':
      return { status, toNativeHeight: height }
    case 'ahead':
      return { status, commonNativeHeight: height }
    case 'diverged':
      return { status, nativeHeight: height }
    default:
      return { status: 'in-sync' }
  }
}

/** @internal */
export async function sync(
  native: NativeMetachain,
  chain: Chain,
  source: NativeSource,
  options: SyncOptions,
): Promise<Tip> {
  checkSource(source)
  checkOptions(options)
  for (let round = 0; round < roundsMax; round += 1) {
    throwIfAborted(options.signal)
    const found = await handshake(native, source)
    switch (found.status) {
      case 'in-sync':
      case 'ahead':
        return chain.tip()
      case 'diverged':
        throw diverged(found.nativeHeight)
      case 'unwind':
        await unwind(chain, found.toNativeHeight, options)
        break
      case 'replay':
        if (!(await replay(chain, source, found.fromNativeHeight, options))) return chain.tip()
    }
  }
  throw new MetachainError('UNKNOWN_PARENT', `the native chain kept moving: not in sync after ${roundsMax} rounds`, {
    retryable: true,
  })
}

async function unwind(chain: Chain, toNativeHeight: number, { signal, onProgress }: SyncOptions): Promise<void> {
  let tip = chain.tip()
  const total = Math.min((tip.nativeHeight ?? toNativeHeight) - toNativeHeight, tip.height)
  for (let done = 1; tip.nativeHash !== null && (tip.nativeHeight ?? 0) > toNativeHeight; done += 1) {
    throwIfAborted(signal)
    tip = await chain.disconnect(tip.nativeHash)
    onProgress?.(done, total)
  }
}

/** Connects what the source has from a height on; whether that was anything. */
async function replay(chain: Chain, source: NativeSource, from: number, options: SyncOptions): Promise<boolean> {
  const { nativeHeight: to } = await nativeTip(source)
  let any = false
  let run: NativeBlock[] = []
  for (let height = from; height <= to; height += 1) {
    throwIfAborted(options.signal)
    const block = await source.block(height)
    if (block !== null) run.push(block)
    // Before the metachain's first block there may be native blocks without one, afterwards not.
    else if (any || run.length > 0 || chain.tip().height > 0) throw gap(height)
    if (run.length < runBlocksMax && height < to) continue
    if (run.length > 0) await chain.connect(run)
    any ||= run.length > 0
    run = []
    options.onProgress?.(height - from + 1, to - from + 1)
  }
  return any
}

function gap(nativeHeight: number): MetachainError {
  return new MetachainError(
    'BAD_ARGUMENT',
    `native block ${nativeHeight} carries no metachain block, but one before it does`,
    { details: { nativeHeight } },
  )
}

function diverged(nativeHeight: number): MetachainError {
  return new MetachainError(
    'UNDO_TOO_DEEP',
    `the native chain differs from native height ${nativeHeight} on, further back than undo reaches: the store must be built anew`,
    { details: { nativeHeight } },
  )
}

function checkSource(source: NativeSource): void {
  checks.isObject(source, 'source')
  checks.callable(source.tip, 'source.tip')
  checks.callable(source.block, 'source.block')
  checks.optional(source.hash, (value) => checks.callable(value, 'source.hash'))
}

/** Before the first step: what is found out later leaves a sync half done. */
function checkOptions(options: SyncOptions): void {
  checks.object(options, 'options')
  checks.optional(options.signal, (value) => checks.signal(value, 'options.signal'))
  checks.optional(options.onProgress, (value) => checks.callable(value, 'options.onProgress'))
}

async function nativeTip(source: NativeSource): Promise<{ nativeHeight: number; nativeHash: Uint8Array; locked?: bigint }> {
  const tip = await source.tip()
  checks.object(tip, 'the answer of source.tip')
  checks.whole(tip.nativeHeight, 'source.tip().nativeHeight')
  checks.hash(tip.nativeHash, 'source.tip().nativeHash')
  if (tip.locked !== undefined && typeof tip.locked !== 'bigint') checks.fail('source.tip().locked', 'a bigint', tip.locked)
  return tip
}

async function hashAt(source: NativeSource, nativeHeight: number): Promise<Uint8Array | undefined> {
  const hash = source.hash ? await source.hash(nativeHeight) : (await source.block(nativeHeight))?.nativeHash
  return hash === null || hash === undefined ? undefined : checks.hash(hash, `the hash of native block ${nativeHeight}`)
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new MetachainError('ABORTED', 'sync was aborted', { cause: signal.reason })
}
