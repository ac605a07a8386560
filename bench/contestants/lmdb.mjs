// The same ledger on lmdb, set up as one would for durable blocks: no state root.
import { join } from 'node:path'
import { timed } from '../harness/measure.mjs'
import { addressBytes, startBalance } from '../harness/workload.mjs'

const settings = 'binary keys and values, no compression, no cache, one write transaction a block, its sync before it is acknowledged'

export class Lmdb {
  name = 'lmdb'
  note = 'does less: no state root, no undo, nothing checked'
  settings = settings
  #env
  #accounts
  #blocks
  #height = 0
  #payload

  async open(accounts, directory) {
    const { open } = await import('lmdb')
    // Without `overlappingSync` a commit is on disk when the call returns.
    this.#env = open({ path: join(directory, 'lmdb'), mapSize: 4 * 2 ** 30, overlappingSync: false, maxDbs: 2 })
    const plain = { keyEncoding: 'binary', encoding: 'binary', compression: false, cache: false }
    this.#accounts = this.#env.openDB('accounts', plain)
    this.#blocks = this.#env.openDB('blocks', { ...plain, keyEncoding: 'uint32' })
    const keys = Array.from({ length: accounts }, (_, account) => addressBytes(account)).sort(Buffer.compare)
    const value = Buffer.alloc(16)
    value.writeBigUInt64LE(startBalance)
    this.#accounts.transactionSync(() => keys.forEach((key) => this.#accounts.putSync(key, value, { append: true })))
  }

  prepare(work, payloadBytes) {
    this.#payload = Buffer.alloc(payloadBytes, 0x5a)
    return work.transfers()
  }

  #execute(transfers) {
    const accounts = this.#accounts
    // A value read is valid until the next read: it is copied before.
    const value = Buffer.alloc(16)
    for (const [from, to, amount] of transfers) {
      accounts.getBinaryFast(from).copy(value)
      const balance = readAmount(value)
      if (balance < amount) throw new Error('lmdb: an account is empty')
      writeAmount(value, balance - amount)
      value.writeUInt32LE(value.readUInt32LE(8) + 1, 8)
      accounts.putSync(from, value)
      accounts.getBinaryFast(to).copy(value)
      writeAmount(value, readAmount(value) + amount)
      accounts.putSync(to, value)
    }
    this.#blocks.putSync((this.#height += 1), this.#payload)
  }

  connect(blocks) {
    return blocks.map((block) => timed(() => this.#env.transactionSync(() => this.#execute(block))))
  }

  /** One transaction for all blocks. */
  connectRun(blocks) {
    return [timed(() => this.#env.transactionSync(() => blocks.forEach((block) => this.#execute(block)))) / blocks.length]
  }

  async close() {
    await this.#env?.close()
  }
}

/** Amounts below 2^53 as numbers: a bigint would cost it more. */
const readAmount = (value) => value.readUInt32LE(0) + value.readUInt32LE(4) * 2 ** 32

function writeAmount(value, amount) {
  value.writeUInt32LE(amount % 2 ** 32, 0)
  value.writeUInt32LE(Math.floor(amount / 2 ** 32), 4)
}
