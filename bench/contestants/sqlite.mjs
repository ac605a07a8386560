// The same ledger on better-sqlite3, set up as one would for durable blocks: no state root.
import { join } from 'node:path'
import { timed } from '../harness/measure.mjs'
import { addressBytes, startBalance } from '../harness/workload.mjs'

const settings = 'WAL, synchronous FULL, 256 MiB page cache, 1 GiB mmap, accounts WITHOUT ROWID by 20-byte key, prepared statements, one transaction a block'

export class Sqlite {
  name = 'sqlite'
  note = 'does less: no state root, no undo, nothing checked'
  settings = settings
  #db
  #debit
  #credit
  #block
  #height = 0
  #payload

  async open(accounts, directory) {
    const { default: Database } = await import('better-sqlite3')
    this.#db = new Database(join(directory, 'sqlite.db'))
    for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'cache_size = -262144', 'mmap_size = 1073741824', 'temp_store = MEMORY'])
      this.#db.pragma(pragma)
    this.#db.exec(`
      CREATE TABLE accounts (address BLOB PRIMARY KEY, balance INTEGER NOT NULL, sequence INTEGER NOT NULL) WITHOUT ROWID;
      CREATE TABLE blocks (height INTEGER PRIMARY KEY, payload BLOB NOT NULL);
    `)
    const keys = Array.from({ length: accounts }, (_, account) => addressBytes(account)).sort(Buffer.compare)
    const insert = this.#db.prepare('INSERT INTO accounts VALUES (?, ?, 0)')
    this.#db.transaction(() => keys.forEach((key) => insert.run(key, startBalance)))()
    this.#db.pragma('wal_checkpoint(TRUNCATE)')
    this.#debit = this.#db.prepare('UPDATE accounts SET balance = balance - ?, sequence = sequence + 1 WHERE address = ? AND balance >= ?')
    this.#credit = this.#db.prepare('INSERT INTO accounts VALUES (?, ?, 0) ON CONFLICT (address) DO UPDATE SET balance = balance + excluded.balance')
    this.#block = this.#db.prepare('INSERT INTO blocks VALUES (?, ?)')
  }

  /** Transfers in the form that suits it best: keys as bytes, made before the time runs. */
  prepare(work, payloadBytes) {
    this.#payload = Buffer.alloc(payloadBytes, 0x5a)
    return work.transfers()
  }

  #execute(transfers) {
    for (const [from, to, amount] of transfers) {
      if (this.#debit.run(amount, from, amount).changes !== 1) throw new Error('sqlite: an account is empty')
      this.#credit.run(to, amount)
    }
    this.#block.run((this.#height += 1), this.#payload)
  }

  /** A transaction, and so a sync, for each block. */
  connect(blocks) {
    const commit = this.#db.transaction((block) => this.#execute(block))
    return blocks.map((block) => timed(() => commit(block)))
  }

  /** One transaction for all blocks. */
  connectRun(blocks) {
    const commit = this.#db.transaction(() => blocks.forEach((block) => this.#execute(block)))
    return [timed(commit) / blocks.length]
  }

  close() {
    this.#db?.close()
  }
}
