// Addresses as texts, written from BIP-141, BIP-173, BIP-350, base58check and EIP-55, not with this library.
import { createHash } from 'node:crypto'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { type Network } from 'libmetachain'

/** What tells a network's addresses from those of others; none for a network without rules. */
const rules: Record<Network, { hrp: string; pubkeyHash: number; scriptHash: number } | null> = {
  'defichain-mainnet': { hrp: 'df', pubkeyHash: 0x12, scriptHash: 0x5a },
  'defichain-testnet': { hrp: 'tf', pubkeyHash: 0x0f, scriptHash: 0x80 },
  'defichain-regtest': { hrp: 'bcrt', pubkeyHash: 0x6f, scriptHash: 0xc4 },
  'bitcoin-mainnet': { hrp: 'bc', pubkeyHash: 0x00, scriptHash: 0x05 },
  'bitcoin-testnet': { hrp: 'tb', pubkeyHash: 0x6f, scriptHash: 0xc4 },
  'bitcoin-regtest': { hrp: 'bcrt', pubkeyHash: 0x6f, scriptHash: 0xc4 },
  opaque: null,
}

export const networks = Object.keys(rules) as Network[]

/** A native address as blocks hold it. */
export type NativeAddress =
  | { kind: 'pubkeyHash' | 'scriptHash'; hash: Uint8Array }
  | { kind: 'witness'; version: number; program: Uint8Array }
  | { kind: 'opaque'; text: Uint8Array }

export function metaText(bytes: Uint8Array): string {
  const digits = Buffer.from(bytes).toString('hex')
  const checksum = Buffer.from(keccak_256(Buffer.from(digits, 'latin1'))).toString('hex')
  return `0x${Array.from(digits, (digit, at) => (checksum.charAt(at) >= '8' ? digit.toUpperCase() : digit)).join('')}`
}

export function nativeText(address: NativeAddress, network: Network): string {
  if (address.kind === 'opaque') return Buffer.from(address.text).toString('latin1')
  const rule = rules[network]
  if (rule === null) throw new Error('this network has opaque addresses only')
  if (address.kind === 'witness') return bech32(rule.hrp, address.version, address.program)
  const prefix = address.kind === 'pubkeyHash' ? rule.pubkeyHash : rule.scriptHash
  return base58check(Uint8Array.of(prefix, ...address.hash))
}

const base58Digits = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

function base58check(body: Uint8Array): string {
  const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest()
  const bytes = [...body, ...sha256(sha256(body)).subarray(0, 4)]
  let number = BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
  let text = ''
  for (; number > 0n; number /= 58n) text = base58Digits.charAt(Number(number % 58n)) + text
  const zeros = bytes.findIndex((byte) => byte !== 0)
  return '1'.repeat(zeros === -1 ? bytes.length : zeros) + text
}

const bech32Digits = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'

function bech32(hrp: string, version: number, program: Uint8Array): string {
  const groups = [version]
  let [bits, held] = [0, 0]
  for (const byte of program) {
    bits = (bits << 8) | byte
    for (held += 8; held >= 5; held -= 5) groups.push((bits >> (held - 5)) & 31)
    bits &= (1 << held) - 1
  }
  if (held > 0) groups.push((bits << (5 - held)) & 31)
  const letters = Array.from(hrp, (letter) => letter.charCodeAt(0))
  const checked = [...letters.map((code) => code >> 5), 0, ...letters.map((code) => code & 31), ...groups, 0, 0, 0, 0, 0, 0]
  const residue = polymod(checked) ^ (version === 0 ? 1 : 0x2bc830a3)
  const checksum = Array.from({ length: 6 }, (_, at) => (residue >> (5 * (5 - at))) & 31)
  return `${hrp}1${[...groups, ...checksum].map((group) => bech32Digits.charAt(group)).join('')}`
}

function polymod(values: number[]): number {
  const generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]
  let residue = 1
  for (const value of values) {
    const top = residue >>> 25
    residue = ((residue & 0x1ffffff) << 5) ^ value
    for (const [bit, word] of generator.entries()) if ((top >> bit) & 1) residue ^= word
  }
  return residue >>> 0
}
