// Packs transactions into columns, so that any number of them crosses into the addon at once.
import { type PackedTransactions } from '#binding'
import { type Checks, describe, hashBytes } from './arguments.js'
import { type MetaTransaction } from './chain-types.js'

const amountMax = 2n ** 63n - 1n
/** Characters gathered before they are written out: concatenating is cheap, long chains of it are not. */
const textMax = 1 << 16
/** No address is longer than 128 characters: of a longer text this much is enough to be refused by. */
const addressMax = 256

/** Growing columns of transactions. About 200 ns a transaction. @internal */
export class Columns {
  #count = 0
  /** Addresses not written out yet, and how many of them there are. */
  #pending = ''
  #pendingFrom = 0
  #text = Buffer.allocUnsafe(1024)
  #textSize = 0
  #lengths = new Uint32Array(16)
  #amounts = new BigInt64Array(8)
  #txids: Uint8Array | null = null
  #withTxid: Uint8Array | null = null
  readonly #checks: Checks
  /** What errors call the list of transactions. */
  readonly #field: string

  constructor(checks: Checks, field = 'txs') {
    this.#checks = checks
    this.#field = field
  }

  get count(): number {
    return this.#count
  }

  /** Adds a transaction. Nothing is added where an argument has the wrong type (`BAD_ARGUMENT`). */
  add(from: string, to: string, amount: bigint, txid: Uint8Array | undefined): void {
    const index = this.#count
    if (typeof from !== 'string') this.#fail('from', 'a string', from)
    if (typeof to !== 'string') this.#fail('to', 'a string', to)
    if (typeof amount !== 'bigint') this.#fail('amount', 'a bigint', amount)
    if (txid !== undefined && (!(txid instanceof Uint8Array) || txid.length !== hashBytes))
      this.#fail('txid', `a Uint8Array of ${hashBytes} bytes`, txid)
    if (index === this.#amounts.length) this.#grow()
    if (from.length > addressMax) from = from.slice(0, addressMax)
    if (to.length > addressMax) to = to.slice(0, addressMax)
    this.#lengths[index * 2] = from.length
    this.#lengths[index * 2 + 1] = to.length
    this.#pending += from + to
    // What no 64 bits hold is refused by the ledger with the same receipt as 0 is.
    this.#amounts[index] = amount < 0n || amount > amountMax ? 0n : amount
    if (txid !== undefined) this.#setTxid(index, txid)
    this.#count = index + 1
    if (this.#pending.length >= textMax) this.#flush()
  }

  addAll(transactions: Iterable<MetaTransaction>): void {
    for (const transaction of transactions) {
      if (typeof transaction !== 'object' || transaction === null)
        this.#checks.fail(`${this.#field}[${this.#count}]`, 'an object', transaction, { index: this.#count })
      this.add(transaction.from, transaction.to, transaction.amount, transaction.txid)
    }
  }

  /** The columns as they cross; valid until the next change. */
  pack(): PackedTransactions {
    this.#flush()
    const count = this.#count
    return {
      text: this.#text.subarray(0, this.#textSize),
      lengths: this.#lengths.subarray(0, count * 2),
      amounts: this.#amounts.subarray(0, count),
      ...(this.#txids && this.#withTxid && { txids: this.#txids.subarray(0, count * hashBytes), withTxid: this.#withTxid.subarray(0, count) }),
    }
  }

  #fail(field: string, wanted: string, value: unknown): never {
    const index = this.#count
    const length = value instanceof Uint8Array ? `, not ${value.length} bytes` : `, not ${describe(value)}`
    throw this.#checks.error(`${this.#field}[${index}].${field} must be ${wanted}${length}`, { index, field })
  }

  #grow(): void {
    const capacity = this.#amounts.length * 2
    this.#amounts = grown(this.#amounts, new BigInt64Array(capacity))
    this.#lengths = grown(this.#lengths, new Uint32Array(capacity * 2))
    if (this.#txids) this.#txids = grown(this.#txids, new Uint8Array(capacity * hashBytes))
    if (this.#withTxid) this.#withTxid = grown(this.#withTxid, new Uint8Array(capacity))
  }

  #setTxid(index: number, txid: Uint8Array): void {
    this.#txids ??= new Uint8Array(this.#amounts.length * hashBytes)
    this.#withTxid ??= new Uint8Array(this.#amounts.length)
    this.#txids.set(txid, index * hashBytes)
    this.#withTxid[index] = 1
  }

  /** Writes the gathered addresses out as UTF-8. */
  #flush(): void {
    const pending = this.#pending
    // A UTF-16 unit takes at most three bytes of UTF-8.
    const needed = this.#textSize + pending.length * 3
    if (needed > this.#text.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#text.length * 2))
      this.#text = grown(this.#text.subarray(0, this.#textSize), larger)
    }
    const written = this.#text.write(pending, this.#textSize)
    // Only where every character is one byte are the lengths in characters also those in bytes.
    if (written === pending.length) this.#textSize += written
    else this.#writeEach(pending)
    this.#pending = ''
    this.#pendingFrom = this.#count * 2
  }

  /** Writes addresses one by one, since two halves of a character must not meet between them. */
  #writeEach(pending: string): void {
    let at = 0
    for (let address = this.#pendingFrom; address < this.#count * 2; address += 1) {
      const end = at + (this.#lengths[address] as number)
      const bytes = this.#text.write(pending.slice(at, end), this.#textSize)
      this.#lengths[address] = bytes
      this.#textSize += bytes
      at = end
    }
  }
}

function grown<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from)
  return to
}
