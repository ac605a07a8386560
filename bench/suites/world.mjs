// What the rows of blocks share: chains with the same many accounts, the reference that follows ours, the peers.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Limit } from '../contestants/limit.mjs'
import { Lmdb } from '../contestants/lmdb.mjs'
import { Sqlite } from '../contestants/sqlite.mjs'
import { ChainUnderTest } from '../harness/chain.mjs'
import { Workload } from '../harness/workload.mjs'
import { implementations } from './implementations.mjs'
import { recordBytes } from './record-bytes.mjs'

/** Blocks measured in a round: enough to be well above the clock, few enough to be over soon. */
const blocksOf = { 1: 100, 100: 40, 1000: 15, 10_000: 5 }
const quickBlocksOf = { 1: 40, 100: 15, 1000: 6, 10_000: 1 }

/** Blocks of a turn that do not count: contestants take the caches from each other, a node keeps them. */
export const settle = 2

const logBytes = 256 * 2 ** 20

/** Peers were never meant for more. */
const peerAccountsMost = 1_000_000

export class World {
  /** Chains under test: ours first, then those that `--contestant` names. */
  subjects = []
  peers = []
  /** Pieces of work that the reference has not executed yet. */
  #untold = []
  #order

  constructor(order) {
    this.#order = order
    this.limit = new Limit()
    /** Peers need no block of a chain: they get transfers of their own. */
    this.peerWorkload = new Workload(order.accounts, 2 ** 31)
  }

  get ours() {
    return this.subjects[0]
  }

  async open() {
    const { accounts, directory, progress, contestants } = this.#order
    mkdirSync(directory, { recursive: true })
    for (const { name, implementation } of await implementations(contestants)) {
      const subject = new ChainUnderTest(name, implementation, { directory })
      subject.workload = new Workload(accounts)
      await subject.open(accounts, progress)
      this.subjects.push(subject)
    }
    progress('limit: accounts')
    await this.limit.ask('accounts', accounts)
    await this.limit.ask('file', join(directory, 'limit.log'), logBytes)
    await this.agree()
    if (accounts > peerAccountsMost) return
    for (const peer of [new Sqlite(), new Lmdb()]) {
      progress(`${peer.name}: accounts`)
      await peer.open(accounts, directory)
      this.peers.push(peer)
    }
  }

  /** The next piece of a chain's work; the reference follows ours before its next measurement. */
  next(subject, txs, blocks = this.blocks(txs)) {
    const work = subject.workload.next(txs, blocks)
    if (subject === this.ours) this.#untold.push(work)
    return work
  }

  /** The next piece of ours that the reference executes when it is measured. */
  nextOfLimit(txs) {
    return this.ours.workload.next(txs, this.blocks(txs))
  }

  nextOfPeers(txs) {
    return this.peerWorkload.next(txs, this.blocks(txs))
  }

  blocks(txs) {
    return (this.#order.quick ? quickBlocksOf : blocksOf)[txs]
  }

  async follow() {
    for (const { counter, txs, blocks } of this.#untold.splice(0)) await this.limit.ask('execute', counter, txs, blocks)
  }

  /** Reference and chain must be in the same state, or they have not done the same work. */
  async agree() {
    await this.follow()
    const { root } = await this.limit.ask('execute', 0, 0, 1)
    const ours = Buffer.from(this.ours.stateRoot).toString('hex')
    if (root !== ours) throw new Error(`the reference's state root is ${root}, the chain's ${ours}: they did not do the same`)
  }

  /** Bytes of the payload and of the record of a block of so many transfers. */
  async sizes(txs) {
    const [block] = await this.ours.produce(this.next(this.ours, txs, 1))
    this.ours.connectSync([block])
    return { payload: block.payload.length, record: recordBytes(this.ours.directory) }
  }

  /** Bytes of the record of a block of so many transfers that is taken back. */
  async disconnectBytes(txs) {
    const [block] = await this.ours.produce(this.next(this.ours, txs, 1))
    const { connector, directory } = this.ours
    connector.connectBlockSync(block)
    await connector.disconnectBlock(block.nativeHash)
    const bytes = recordBytes(directory)
    connector.connectBlockSync(block)
    return bytes
  }

  async close() {
    this.limit.close()
    for (const peer of this.peers) await peer.close()
    for (const subject of this.subjects) await subject.close()
  }
}
