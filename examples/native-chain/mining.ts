// The default run: mines blocks of invented transactions, through one reorganisation and one restart.
import type { Metachain, MetaTransaction, Tip } from 'libmetachain'
import { isMetachain } from './addresses.js'
import { lockedBy, NativeChain } from './native-chain.js'
import { DisagreementError, NativeNode } from './node.js'
import type { Options } from './options.mjs'
import { people, type Person } from './people.js'
import { grouped, rate, type Progress } from './progress.js'
import { Random } from './random.js'
import type { Store } from './store.js'
import type { Tally } from './tally.js'
import { Workload } from './workload.js'

/** Blocks that the reorganisation undoes. */
const REORGANISATION_DEPTH = 3

export interface Reorganisation {
  fromHeight: number
  undone: number
  mined: number
  rejected: number
}

export interface Restart {
  height: number
  milliseconds: number
}

export interface MiningResult {
  locked: bigint
  reorganisation: Reorganisation | null
  restart: Restart | null
  stopped: boolean
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.from(a).equals(b)

function requireSameTip(what: string, before: Tip, after: Tip): void {
  if (before.height !== after.height || !same(before.hash, after.hash) || !same(before.stateRoot, after.stateRoot))
    throw new DisagreementError(`${what}: the tip is ${after.height}, it was ${before.height}, or its hashes differ`)
}

/** The lock balance of a chain found in a store, counted from its blocks as a native node reindexes. */
export function reindex(metachain: Metachain): bigint {
  let locked = 0n
  for (let height = 1; height <= metachain.tip.height; height += 1) {
    const block = metachain.block(height)
    if (!block) throw new Error(`block ${height} is not in the store`)
    locked += lockedBy(block.transactions)
  }
  return locked
}

function readBalances(metachain: Metachain, crowd: readonly Person[]): void {
  for (const person of crowd) person.balance = metachain.balance(person.meta)
}

/**
 * The place of a deposit among waiting transactions without which its receiver could not pay what it
 * pays later; any deposit where there is none such, -1 where there is none at all.
 */
function contestedDeposit(metachain: Metachain, waiting: readonly MetaTransaction[]): number {
  const balances = new Map<string, bigint>()
  const move = (address: string, by: bigint): bigint => {
    const balance = (balances.get(address) ?? metachain.balance(address)) + by
    balances.set(address, balance)
    return balance
  }
  const afterwards = waiting.map(({ from, to, amount }) => {
    const left = isMetachain(from) ? move(from, -amount) : 0n
    if (isMetachain(to)) move(to, amount)
    return left
  })
  // Backwards: the least that each account is left with from a place on.
  const least = new Map<string, bigint>()
  let any = -1
  for (let index = waiting.length - 1; index >= 0; index -= 1) {
    const { from, to, amount } = waiting[index] as MetaTransaction
    const left = afterwards[index] as bigint
    if (isMetachain(from)) least.set(from, left < (least.get(from) ?? left) ? left : (least.get(from) ?? left))
    else if ((least.get(to) ?? amount) < amount) return index
    else any = index
  }
  return any
}

/**
 * The native chain switches to another branch. The transactions of the undone blocks wait again, but
 * one deposit was spent otherwise on the new branch; what was paid with it is now rejected.
 */
async function reorganise(node: NativeNode, depth: number, most: number): Promise<Reorganisation> {
  const fromHeight = node.metachain.tip.height
  const fork = node.metachain.block(fromHeight - depth)
  const undone = []
  for (let i = 0; i < depth; i += 1) undone.unshift(await node.undo())
  if (fork && !same(fork.stateRoot, node.metachain.tip.stateRoot)) throw new DisagreementError('undoing did not restore the state root')
  const waiting = undone.flatMap((block) => block.transactions)
  const spentOtherwise = contestedDeposit(node.metachain, waiting)
  if (spentOtherwise >= 0) waiting.splice(spentOtherwise, 1)
  const blocks = Math.max(1, Math.min(depth + 1, most))
  const share = Math.ceil(waiting.length / blocks)
  let rejected = 0
  for (let i = 0; i < blocks; i += 1) rejected += (await node.mine(waiting.slice(i * share, (i + 1) * share))).rejected.length
  return { fromHeight, undone: depth, mined: blocks, rejected }
}

/** Closes the store and opens it again, as a node that was stopped and started. */
async function restart(node: NativeNode, store: Store): Promise<Restart> {
  const before = node.metachain.tip
  const started = performance.now()
  node.metachain = await store.reopen()
  const milliseconds = performance.now() - started
  requireSameTip('restart', before, node.metachain.tip)
  // What every host does when it starts: compare both chains, and the lock balance with the supply.
  const { status } = await node.metachain.handshake(node.chain.source)
  if (status !== 'in-sync') throw new DisagreementError(`restart: the handshake says ${status}`)
  // A node that does not know how far the metachain came offers its last block again.
  const { newest } = node.chain
  if (newest && (await node.connect(newest)) !== 'known') throw new DisagreementError('a block of our own chain was connected twice')
  return { height: before.height, milliseconds }
}

/** Mines `options.blocks` blocks, or fewer where it is stopped. */
export async function mineBlocks(store: Store, options: Options, tally: Tally, progress: Progress, stop: AbortSignal): Promise<MiningResult> {
  const { metachain } = store
  const start = metachain.tip.height
  const end = start + options.blocks
  const crowd = people(options.accounts, new Random(`people ${options.seed}`))
  if (start > 0) progress.say(`Continuing the chain of ${grouped(start)} blocks found in ${options.dir}.`)
  const node = new NativeNode(metachain, new NativeChain(metachain.tip, reindex(metachain)), tally)
  readBalances(metachain, crowd)
  const workload = new Workload(crowd, new Random(`transactions ${options.seed} from ${start}`))
  const reorganiseAt = start + Math.max(1, Math.floor(options.blocks / 2))
  const restartAt = start + Math.max(1, Math.floor((options.blocks * 3) / 4))
  const result: MiningResult = { locked: 0n, reorganisation: null, restart: null, stopped: false }
  const began = performance.now()
  const facts = (): string => {
    const seconds = (performance.now() - began) / 1000
    return `${grouped(node.metachain.tip.height - start)}/${grouped(options.blocks)} blocks, ${rate(tally.blocks / seconds)} blocks/s, ${rate(tally.accepted / seconds)} tx/s`
  }
  try {
    while (node.metachain.tip.height < end && !stop.aborted) {
      await node.mineArrivals(workload.arrivals(options.txs))
      const { height } = node.metachain.tip
      if (!result.reorganisation && height >= reorganiseAt) {
        const depth = Math.min(REORGANISATION_DEPTH, node.chain.undoable)
        result.reorganisation = await reorganise(node, depth, end - height + depth)
        readBalances(node.metachain, crowd)
        progress.say(`Reorganisation at height ${grouped(height)}: ${depth} undone, ${result.reorganisation.mined} mined on the other branch.`)
      }
      if (!result.restart && height >= restartAt && result.reorganisation) {
        result.restart = await restart(node, store)
        progress.say(`Restart at height ${grouped(result.restart.height)}: the store was closed and opened in ${result.restart.milliseconds.toFixed(0)} ms at the same state root.`)
      }
      progress.update((node.metachain.tip.height - start) / options.blocks, facts)
    }
  } finally {
    progress.end()
  }
  return { ...result, locked: node.chain.locked, stopped: stop.aborted }
}
