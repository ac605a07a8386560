// The other half of the library: a Dusk contract's data driver turns JSON into the bytes the contract
// reads, and back.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Driver, type Json } from 'libmetachain'

/** The `Stake` object as the README of the published crate `dusk-data-driver` prints it. */
export const STAKE_JSON = `{
  "chain_id": 1,
  "keys": {
    "account": "tCR9c1pQU1jC5QgmRi3JRb2g1Rhtrc6AxT24VQPtMY3wrsuRrnMBMP6wSoKWXH2opKTeCm5aniEG2HH8ATcUHzeWe6814e8qdECGvLLZvhaRKsi7MJgLAA33PiWZ4b6ptNt",
    "owner": {
      "Account": "tCR9c1pQU1jC5QgmRi3JRb2g1Rhtrc6AxT24VQPtMY3wrsuRrnMBMP6wSoKWXH2opKTeCm5aniEG2HH8ATcUHzeWe6814e8qdECGvLLZvhaRKsi7MJgLAA33PiWZ4b6ptNt"
    }
  },
  "signature": {
    "account": "7kP8oaxopsWi7g6kNGtX3PHVekMF8RKRRx74tqoo1xLmh2zGVN2FmJ5EFg7UJV9stk",
    "owner": "7kP8oaxopsWi7g6kNGtX3PHVekMF8RKRRx74tqoo1xLmh2zGVN2FmJ5EFg7UJV9stk"
  },
  "value": "4014086097495"
}`

export interface Conversion {
  driverHash: string
  driverVersion: string
  json: string
  rkyv: Uint8Array
  decoded: Json
  /** Whether the decoded object says the same as the given text. */
  same: boolean
}

/** Set-up puts the drivers that it builds here. */
const driver = fileURLToPath(new URL('../../target/drivers/stake.wasm', import.meta.url))

/** JSON text with the keys of every object in order, for comparing. */
function ordered(value: Json): string {
  return JSON.stringify(value, (_, item: Json) =>
    item !== null && typeof item === 'object' && !Array.isArray(item) ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1))) : item,
  )
}

/** Encodes the example with the stake contract's driver and decodes it again. */
export async function convertStake(): Promise<Conversion> {
  if (!existsSync(driver)) throw new Error(`the stake driver is not built: run node scripts/setup.mjs (expected ${driver})`)
  const stake = await Driver.load(driver)
  try {
    const rkyv = stake.encodeInputFn('stake', STAKE_JSON)
    const decoded = stake.decodeInputFn('stake', rkyv)
    const same = ordered(decoded) === ordered(JSON.parse(STAKE_JSON) as Json)
    return { driverHash: stake.hash, driverVersion: stake.getVersion(), json: STAKE_JSON, rkyv, decoded, same }
  } finally {
    stake.close()
  }
}
