// The people of the example: each with a native wallet, a metachain address and their balances.
import { metachainAddress, nativeAddress, type NativeForm } from './addresses.js'
import type { Random } from './random.js'

export interface Person {
  /** Native wallet address, in one of the forms that wallets use. */
  readonly native: string
  /** Metachain address, with EIP-55 checksum or, as some tools print it, in lower case. */
  readonly meta: string
  /** What this person holds on the metachain, as far as the example knows. */
  balance: bigint
}

const forms: readonly NativeForm[] = ['witness', 'witness', 'pubkey-hash', 'script-hash']

function person(random: Random): Person {
  const native = nativeAddress(random.pick(forms), random.bytes(20))
  const bytes = random.bytes(20)
  const meta = random.oneIn(2) ? metachainAddress(bytes) : `0x${Buffer.from(bytes).toString('hex')}`
  return { native, meta, balance: 0n }
}

export function people(count: number, random: Random): Person[] {
  return Array.from({ length: count }, () => person(random))
}
