// A metachain under test: one in memory that mints, one on disk that connects what was minted elsewhere, as a
// node does with the blocks of others. Anything with the interface of `libmetachain` can stand here.
import { join } from 'node:path'
import { timed, timedAsync } from './measure.mjs'
import { address, startBalance } from './workload.mjs'

/** Deposits in one block while the accounts are made. */
const depositsABlock = 10_000

/** A native block's hash: its height, and so different from every other. */
export function nativeHash(height) {
  const hash = new Uint8Array(32)
  new DataView(hash.buffer).setBigUint64(0, BigInt(height))
  hash[31] = 1
  return hash
}

const context = (height) => ({ nativeHeight: height, nativeParentHash: nativeHash(height - 1), time: 1_700_000_000 + height })

/** What a native block says, without the transactions it carries. */
export const nativeBlock = (height, payload) => ({ nativeHash: nativeHash(height), ...context(height), payload })

/** An opaque network: nobody has to invent native addresses. */
export const genesis = { chainId: 'bench', network: 'opaque' }

export class ChainUnderTest {
  #implementation
  #directory
  #options
  #minterOptions
  #onPayload
  #minter
  #connector
  /** Blocks that the minter has connected and the connector has not. */
  #behind = []
  #height = 0

  /**
   * @param name how rows call it.
   * @param implementation `{ Metachain, TxBatch }`, as `libmetachain` exports them.
   * @param options `directory`: where it may write; left out: it does not connect. `open`: further options of
   *   its chain on disk. `minter`: further options of the one that mints. `onPayload`: told of each block minted, `(payload, { deposits })`.
   */
  constructor(name, implementation, { directory, open = {}, minter = {}, onPayload } = {}) {
    this.name = name
    this.#implementation = implementation
    this.#directory = directory && join(directory, name)
    this.#options = open
    this.#minterOptions = minter
    this.#onPayload = onPayload
  }

  /** Opens both chains and deposits to every account. */
  async open(accounts, progress = () => {}) {
    await this.start()
    await this.grow(0, accounts, progress)
  }

  /** Opens both chains. */
  async start() {
    const { Metachain } = this.#implementation
    this.#minter = await Metachain.open({ genesis, ...this.#minterOptions })
    if (this.#directory) this.#connector = await Metachain.open({ path: this.#directory, genesis, ...this.#options })
  }

  /** Deposits to the accounts of these numbers. */
  async grow(from, to, progress = () => {}) {
    for (let first = from; first < to; first += depositsABlock) {
      progress(`${this.name}: ${first} of ${to} accounts`)
      const next = Math.min(first + depositsABlock, to)
      await this.#connectMinted(this.#mint(this.#deposits(first, next)), { deposits: next - first })
      if (this.#behind.length >= 20) await this.catchUp()
    }
    await this.catchUp()
  }

  /** A block without transactions. */
  async empty() {
    await this.#connectMinted(this.#mint([]), { deposits: 0 })
  }

  #deposits(from, to) {
    const batch = new this.#implementation.TxBatch()
    for (let account = from; account < to; account += 1) batch.add('bank', address(account), startBalance)
    return batch
  }

  get stateRoot() {
    return this.#minter.tip.stateRoot
  }

  /** The chain on disk, and where it lies. */
  get connector() {
    return this.#connector
  }

  get directory() {
    return this.#directory
  }

  #mint(transactions) {
    return this.#minter.mintBlock(context(this.#height + 1), transactions)
  }

  /** Lets the minter's chain grow by what was minted. */
  async #connectMinted(minted, { transactions = 'unchecked', deposits } = {}) {
    if (minted.rejected.length > 0) throw new Error(`${this.name} rejected transaction ${minted.rejected[0].index}: ${minted.rejected[0].code}`)
    this.#height += 1
    await this.#minter.connectBlock({ ...nativeBlock(this.#height, minted.payload), transactions })
    this.#onPayload?.(minted.payload, { deposits })
    if (this.#connector) this.#behind.push({ height: this.#height, payload: minted.payload })
  }

  /** The batch of one block, filled; the implementation has not seen it yet. */
  batch(work, block, text = address) {
    const batch = new this.#implementation.TxBatch()
    work.each(block, (from, to, amount) => batch.add(text(from), text(to), BigInt(amount)))
    return batch
  }

  /** Mints the work's blocks, each on the one before; only the minting is timed, in µs a block. */
  async mint(work, input, mints = 1) {
    const times = []
    for (let block = 0; block < work.blocks; block += 1) {
      const transactions = input(work, block)
      for (let again = 1; again < mints; again += 1) this.#mint(transactions)
      let minted
      times.push(timed(() => (minted = this.#mint(transactions))))
      await this.#connectMinted(minted)
    }
    return times
  }

  /** Connects, unmeasured, whatever the connector lacks. */
  async catchUp() {
    if (this.#behind.length === 0) return
    const blocks = this.#behind.map(({ height, payload }) => ({ ...nativeBlock(height, payload), transactions: 'unchecked' }))
    this.#behind = []
    await this.#connector.connectBlocks(blocks)
    await this.#connector.flush()
  }

  /**
   * Mints the work's blocks elsewhere and gives them as native blocks that the connector has never seen.
   *
   * @param carried `root`, `batch` or `objects`: how the native block says which transactions it carries.
   */
  async produce(work, carried = 'root') {
    await this.catchUp()
    for (let block = 0; block < work.blocks; block += 1) {
      const batch = this.batch(work, block)
      const minted = this.#mint(batch)
      await this.#connectMinted(minted, { transactions: batch })
      const made = this.#behind.at(-1)
      made.root = batch.root
    }
    const made = this.#behind
    this.#behind = []
    return made.map(({ height, payload, root }, block) => ({
      ...nativeBlock(height, payload),
      transactions: carried === 'root' ? root : carried === 'batch' ? this.batch(work, block) : work.objects(block),
    }))
  }

  /** Connects block after block, each durable before the next begins; holds the event loop. */
  connectSync(blocks) {
    return blocks.map((block) => timed(() => this.#connector.connectBlockSync(block)))
  }

  /** The same by promises. */
  async connect(blocks) {
    const times = []
    for (const block of blocks) times.push(await timedAsync(() => this.#connector.connectBlock(block)))
    return times
  }

  /**
   * All under way at once; each is durable when it is acknowledged. One number: the time a block took. The first
   * `settle` are connected before the others, and not timed.
   */
  async connectPipelined(blocks, settle = 0) {
    const connect = (some) => Promise.all(some.map((block) => this.#connector.connectBlock(block)))
    await connect(blocks.slice(0, settle))
    const counted = blocks.slice(settle)
    const time = await timedAsync(() => connect(counted))
    return [time / counted.length]
  }

  /** One call, one wait for the disk. */
  async connectRun(blocks) {
    const time = await timedAsync(() => this.#connector.connectBlocks(blocks))
    return [time / blocks.length]
  }

  /** Takes blocks back, the last first, and connects them again unmeasured. */
  async disconnect(blocks) {
    const times = []
    for (const block of blocks.toReversed()) times.push(await timedAsync(() => this.#connector.disconnectBlock(block.nativeHash)))
    for (const block of blocks) await this.#connector.connectBlock(block)
    return times
  }

  async close() {
    await this.#minter?.close()
    await this.#connector?.close()
  }
}
