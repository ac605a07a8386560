// A second ledger, written from the rules: maps and lists, everything computed anew each time.
import { type LaidOutTransaction, merkle } from './payload-layout.js'

interface Account {
  address: Uint8Array
  balance: bigint
  sequence: bigint
}

const stateTree = merkle('state')
const key = (address: Uint8Array): string => Buffer.from(address).toString('hex')
const zeros = key(new Uint8Array(20))

/** Accounts in the order of their creation; the first is the all-zero address, whether it has anything or not. */
export class ReferenceLedger {
  readonly #accounts = new Map<string, Account>([[zeros, { address: new Uint8Array(20), balance: 0n, sequence: 0n }]])

  /** `balances`: addresses in hexadecimal digits, with base units. */
  constructor(balances: Record<string, bigint>) {
    const bare = Object.entries(balances).map(([address, balance]) => [address.replace('0x', '').toLowerCase(), balance] as const)
    for (const [address, balance] of bare.sort(([a], [b]) => (a < b ? -1 : 1))) this.#credit(Buffer.from(address, 'hex'), balance)
  }

  copy(): ReferenceLedger {
    const copy = new ReferenceLedger({})
    for (const [name, account] of this.#accounts) copy.#accounts.set(name, { ...account })
    return copy
  }

  balance(address: Uint8Array): bigint {
    return this.#accounts.get(key(address))?.balance ?? 0n
  }

  get supply(): bigint {
    return [...this.#accounts.values()].reduce((sum, { balance }) => sum + balance, 0n)
  }

  #credit(address: Uint8Array, amount: bigint): void {
    const account = this.#accounts.get(key(address))
    if (account) account.balance += amount
    else this.#accounts.set(key(address), { address: Uint8Array.from(address), balance: amount, sequence: 0n })
  }

  /** Executes an accepted transaction; throws where it could not have been accepted. */
  execute({ kind, from, to, amount }: LaidOutTransaction): void {
    if (kind !== 'deposit') {
      const account = this.#accounts.get(key(from as Uint8Array))
      if (!account || account.balance < amount) throw new Error(`${key(from as Uint8Array)} has less than ${amount}`)
      account.balance -= amount
      account.sequence += 1n
    }
    if (kind !== 'withdrawal') this.#credit(to as Uint8Array, amount)
  }

  root(): Uint8Array {
    const order = [...this.#accounts.keys()].sort()
    const next = new Map(order.map((name, at) => [name, order[at + 1] ?? zeros]))
    const leaves = [...this.#accounts].map(([name, { address, balance, sequence }]) => {
      const leaf = Buffer.alloc(64)
      leaf.set(address, 0)
      leaf.write(next.get(name) as string, 20, 'hex')
      leaf.writeBigUInt64LE(balance, 40)
      leaf.writeBigUInt64LE(sequence, 48)
      return leaf
    })
    return stateTree(leaves)
  }
}
