// The accounts and transfers of the chain rows: the same list in every run and in every language
// (crates/engine/examples/limits/workload.rs invents them too).

/** Murmur3's finaliser: a permutation of 32 bits, so that no two accounts share an address. */
export function mix(value) {
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}

/** What every account has at the beginning, base units. */
export const startBalance = 1n << 36n

/** Writes an account's 20 address bytes. */
export function writeAddress(account, bytes, at = 0) {
  for (let word = 0; word < 5; word += 1) bytes.writeUInt32BE(mix((Math.imul(account, 5) + word + 0x9e3779b9) >>> 0), at + word * 4)
}

/** An account's address as 20 bytes. */
export function addressBytes(account) {
  const bytes = Buffer.alloc(20)
  writeAddress(account, bytes)
  return bytes
}

const scratch = Buffer.alloc(20)

/** An account's address as lower-case text. */
export function address(account) {
  writeAddress(account, scratch)
  return `0x${scratch.hexSlice(0, 20)}`
}

/** One piece of the one long list of transfers: `blocks` times `txs` of them, from `counter` on. */
export class Work {
  constructor(counter, txs, blocks, accounts) {
    Object.assign(this, { counter, txs, blocks, accounts })
  }

  /** Calls `use(from, to, amount)` for each transfer of a block: account numbers and base units. */
  each(block, use) {
    let counter = this.counter + block * this.txs * 3
    for (let tx = 0; tx < this.txs; tx += 1) {
      const from = mix(counter + 1) % this.accounts
      const to = mix(counter + 2) % this.accounts
      use(from, to, (mix(counter + 3) % 1000) + 1)
      counter += 3
    }
  }

  /** A block's transfers as the objects that users hand over; `text` writes an account's address. */
  objects(block, text = address) {
    const list = []
    this.each(block, (from, to, amount) => list.push({ from: text(from), to: text(to), amount: BigInt(amount) }))
    return list
  }

  /** The transfers of each block as `[from, to, amount]`: addresses as bytes, amounts as numbers. */
  transfers() {
    return Array.from({ length: this.blocks }, (_, block) => {
      const list = []
      this.each(block, (from, to, amount) => list.push([addressBytes(from), addressBytes(to), amount]))
      return list
    })
  }
}

/** Hands out the list piece by piece. */
export class Workload {
  #counter

  constructor(accounts, counter = 0) {
    this.accounts = accounts
    this.#counter = counter
  }

  next(txs, blocks) {
    const work = new Work(this.#counter, txs, blocks, this.accounts)
    this.#counter += txs * blocks * 3
    return work
  }
}
