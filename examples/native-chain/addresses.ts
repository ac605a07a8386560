// Prints addresses as wallets do, with their checksums: DeFiChain mainnet base58 and bech32 on the
// native side, EIP-55 on the metachain's.
import { createHash } from 'node:crypto'
import { keccak256 } from './keccak.js'

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const BECH32 = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'

/** DeFiChain mainnet. */
const PUBKEY_HASH_PREFIX = 0x12
const SCRIPT_HASH_PREFIX = 0x5a
const HRP = 'df'

const sha256 = (data: Uint8Array): Uint8Array => createHash('sha256').update(data).digest()

function base58check(prefix: number, hash: Uint8Array): string {
  const body = Uint8Array.of(prefix, ...hash)
  const checksum = sha256(sha256(body)).subarray(0, 4)
  let number = BigInt('0x' + Buffer.concat([body, checksum]).toString('hex'))
  let text = ''
  while (number > 0n) {
    text = BASE58.charAt(Number(number % 58n)) + text
    number /= 58n
  }
  return text
}

/** One step of the checksum's polynomial over 5-bit groups (BIP 173). */
function polymod(checksum: number, value: number): number {
  const generators = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]
  const top = checksum >>> 25
  let next = ((checksum & 0x1ffffff) << 5) ^ value
  generators.forEach((generator, bit) => {
    if ((top >>> bit) & 1) next ^= generator
  })
  return next
}

/** A witness version 0 program as bech32. */
function segwit(program: Uint8Array): string {
  const values = [0]
  let bits = 0
  let count = 0
  for (const byte of program) {
    bits = ((bits << 8) | byte) & 0xfff
    count += 8
    while (count >= 5) {
      count -= 5
      values.push((bits >>> count) & 31)
    }
  }
  if (count > 0) values.push((bits << (5 - count)) & 31)
  const letters = [...HRP].map((letter) => letter.charCodeAt(0))
  const expanded = [...letters.map((code) => code >>> 5), 0, ...letters.map((code) => code & 31)]
  const checksum = [...expanded, ...values, 0, 0, 0, 0, 0, 0].reduce(polymod, 1) ^ 1
  for (let i = 5; i >= 0; i -= 1) values.push((checksum >>> (5 * i)) & 31)
  return `${HRP}1${values.map((value) => BECH32.charAt(value)).join('')}`
}

export type NativeForm = 'pubkey-hash' | 'script-hash' | 'witness'

/** A native address from a 20-byte hash. */
export function nativeAddress(form: NativeForm, hash: Uint8Array): string {
  if (form === 'witness') return segwit(hash)
  return base58check(form === 'pubkey-hash' ? PUBKEY_HASH_PREFIX : SCRIPT_HASH_PREFIX, hash)
}

/** A metachain address with its EIP-55 checksum. */
export function metachainAddress(bytes: Uint8Array): string {
  const digits = Buffer.from(bytes).toString('hex')
  const digest = keccak256(Buffer.from(digits, 'ascii'))
  const cased = [...digits].map((digit, i) => {
    const nibble = ((digest[i >>> 1] as number) >>> (i % 2 === 0 ? 4 : 0)) & 15
    return nibble >= 8 ? digit.toUpperCase() : digit
  })
  return `0x${cased.join('')}`
}

/** Whether an address belongs to the metachain: what decides a transaction's kind. */
export function isMetachain(address: string): boolean {
  return /^0[xX]/.test(address)
}
