// Numbers that look random and come back with their seed.
import { type ExecutionContext } from 'ava'

export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 32 bits (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let z = this.#state
    z = Math.imul(z ^ (z >>> 15), z | 1)
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61)
    return (z ^ (z >>> 14)) >>> 0
  }

  /** From 0 up to, not including, `bound`. */
  below(bound: number): number {
    return this.next() % bound
  }

  chance(oneIn: number): boolean {
    return this.below(oneIn) === 0
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256))
  }
}

/** The seed of a test: a fresh one each time or the one in `METACHAIN_SEED`; told, so that a failure can be repeated. */
export function seedOf(t: ExecutionContext): number {
  const seed = Number(process.env['METACHAIN_SEED'] ?? (Date.now() ^ (process.pid << 16)) >>> 0)
  t.log(`METACHAIN_SEED=${seed}`)
  return seed
}
