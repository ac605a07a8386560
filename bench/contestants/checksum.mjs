// Addresses with the checksum of EIP-55, as wallets print them.
import { keccak_256 } from '@noble/hashes/sha3.js'
import { address } from '../harness/workload.mjs'

export function checksummed(account) {
  const lower = address(account)
  const digest = keccak_256(Buffer.from(lower.slice(2), 'latin1'))
  let text = '0x'
  for (let at = 0; at < 40; at += 1) {
    const nibble = (digest[at >> 1] >> (at % 2 === 0 ? 4 : 0)) & 15
    text += nibble >= 8 ? lower[at + 2].toUpperCase() : lower[at + 2]
  }
  return text
}
