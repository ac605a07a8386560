// How long the last record of a store is, so that the reference writes as many bytes.
import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'

const magic = Buffer.from([0xf1, 0x6d, 0x63, 0x66, 0x0d, 0x0a, 0x1a, 0x9e])
const lengthAt = 16
const align = 64

/** Bytes of the last record in a store's block files (docs/internals/store.md has the layout). */
export function recordBytes(directory) {
  const names = readdirSync(directory).filter((file) => /^blk\d+\.dat$/.test(file)).sort()
  for (const name of names.reverse()) {
    const length = lastLength(join(directory, name))
    if (length !== null) return length
  }
  throw new Error(`${directory} holds no record`)
}

function lastLength(path) {
  const bytes = Buffer.alloc(statSync(path).size)
  const file = openSync(path)
  readSync(file, bytes, 0, bytes.length, 0)
  closeSync(file)
  for (let at = bytes.lastIndexOf(magic); at >= 0; at = at === 0 ? -1 : bytes.lastIndexOf(magic, at - 1))
    if (at % align === 0) return Math.ceil(bytes.readUInt32LE(at + lengthAt) / align) * align
  return null
}
