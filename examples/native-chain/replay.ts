// The run of `--input`: native blocks come from a file, the metachain's payloads are minted for them.
import { MetachainError, TxBatch, type Metachain } from 'libmetachain'
import { inputBytes, InputError, readBlocks, type InputBlock } from './input.js'
import { lockedBy } from './native-chain.js'
import { mint } from './node.js'
import { reindex } from './mining.js'
import { grouped, rate, type Progress } from './progress.js'
import type { Store } from './store.js'
import type { Tally } from './tally.js'

export interface ReplayResult {
  locked: bigint
  /** Blocks of the file that the store already held. */
  known: number
  stopped: boolean
}

function position({ tip }: Metachain): string {
  return tip.nativeHeight === null ? 'height 0' : `height ${tip.height}, native block ${tip.nativeHeight}`
}

/** Whether the store holds this native block already: the file was run before, or up to here. */
function holds(metachain: Metachain, block: InputBlock): boolean {
  const { nativeHeight } = metachain.tip
  return nativeHeight !== null && block.nativeHeight <= nativeHeight && metachain.block({ nativeHash: block.nativeHash }) !== null
}

/** Mints and connects one block of the file; returns the change of the locked funds. */
async function runBlock(metachain: Metachain, block: InputBlock, tally: Tally): Promise<bigint> {
  const { nativeHeight, nativeHash, nativeParentHash, time } = block
  const started = performance.now()
  const { payload, rejected, carried } = mint(metachain, nativeHeight, nativeParentHash, time, block.txs)
  const minted = performance.now()
  await metachain.connectBlock({ nativeHash, nativeHeight, nativeParentHash, time, payload, transactions: TxBatch.from(carried) })
  tally.block(carried, rejected, minted - started, performance.now() - minted)
  return lockedBy(carried)
}

/**
 * Runs all blocks of a file. The first line that is malformed or does not fit the chain throws
 * `InputError` with its number; what came before it is in the store.
 */
export async function replayFile(store: Store, path: string, tally: Tally, progress: Progress, stop: AbortSignal): Promise<ReplayResult> {
  const { metachain } = store
  const bytes = await inputBytes(path)
  const result: ReplayResult = { locked: reindex(metachain), known: 0, stopped: false }
  const began = performance.now()
  const facts = (): string => {
    const seconds = (performance.now() - began) / 1000
    return `${grouped(tally.blocks)} blocks, ${rate(tally.blocks / seconds)} blocks/s, ${rate(tally.accepted / seconds)} tx/s`
  }
  try {
    for await (const { line, end, block } of readBlocks(path)) {
      if (stop.aborted) return { ...result, stopped: true }
      if (holds(metachain, block)) {
        result.known += 1
      } else {
        try {
          result.locked += await runBlock(metachain, block, tally)
        } catch (error) {
          if (error instanceof MetachainError) throw new InputError(`${path}:${line}: ${error.code}: ${error.message}`, { cause: error })
          throw error
        }
      }
      progress.update(bytes > 0 ? Math.min(1, end / bytes) : 1, facts)
    }
  } catch (error) {
    if (error instanceof InputError) error.message += `\nThe store stays at the last good block: ${position(metachain)}.`
    throw error
  } finally {
    progress.end()
  }
  if (tally.blocks + result.known === 0) throw new InputError(`${path} holds no block`)
  return result
}
