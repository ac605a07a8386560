// Randomness that a seed determines: xoshiro128** over a SHA-256 of the seed's text.
import { createHash } from 'node:crypto'

export class Random {
  #state: Uint32Array

  constructor(seed: string) {
    const digest = createHash('sha256').update(seed).digest()
    this.#state = new Uint32Array(4)
    for (let i = 0; i < 4; i += 1) this.#state[i] = digest.readUInt32LE(i * 4)
  }

  /** 32 random bits. */
  u32(): number {
    const s = this.#state as unknown as [number, number, number, number]
    const result = Math.imul(rotate(Math.imul(s[1], 5), 7), 9) >>> 0
    const shifted = s[1] << 9
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= shifted
    s[3] = rotate(s[3], 11)
    return result
  }

  /** A whole number from 0 to `limit` - 1, for limits up to 2^32. */
  below(limit: number): number {
    return Math.floor((this.u32() / 0x1_0000_0000) * limit)
  }

  /** A whole number from 1 to `limit`, of any size below 2^52. */
  amount(limit: bigint): bigint {
    const top = Number(limit < 1n << 52n ? limit : 1n << 52n)
    const fraction = this.u32() / 0x1_0000_0000
    return BigInt(Math.min(top, 1 + Math.floor(fraction * top)))
  }

  /** True once in `times` calls on average. */
  oneIn(times: number): boolean {
    return this.below(times) === 0
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let i = 0; i < length; i += 4) {
      const word = this.u32()
      for (let j = i; j < i + 4 && j < length; j += 1) bytes[j] = word >>> ((j - i) * 8)
    }
    return bytes
  }
}

function rotate(x: number, by: number): number {
  return (x << by) | (x >>> (32 - by))
}
