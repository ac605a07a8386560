// Keccak-256 as Ethereum uses it (padding byte 0x01), which Node's SHA-3 is not.

const MASK = (1n << 64n) - 1n

const ROUND_CONSTANTS = [
  0x0000000000000001n, 0x0000000000008082n, 0x800000000000808an, 0x8000000080008000n,
  0x000000000000808bn, 0x0000000080000001n, 0x8000000080008081n, 0x8000000000008009n,
  0x000000000000008an, 0x0000000000000088n, 0x0000000080008009n, 0x000000008000000an,
  0x000000008000808bn, 0x800000000000008bn, 0x8000000000008089n, 0x8000000000008003n,
  0x8000000000008002n, 0x8000000000000080n, 0x000000000000800an, 0x800000008000000an,
  0x8000000080008081n, 0x8000000000008080n, 0x0000000080000001n, 0x8000000080008008n,
]

const ROTATIONS = [
  0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14,
]

function rotate(lane: bigint, by: number): bigint {
  return by === 0 ? lane : ((lane << BigInt(by)) | (lane >> BigInt(64 - by))) & MASK
}

/** The permutation Keccak-f[1600] on 25 lanes, lane (x, y) at index x + 5y. */
function permute(lanes: bigint[]): void {
  const at = (i: number) => lanes[i] as bigint
  for (const constant of ROUND_CONSTANTS) {
    const columns = [0, 1, 2, 3, 4].map((x) => at(x) ^ at(x + 5) ^ at(x + 10) ^ at(x + 15) ^ at(x + 20))
    for (let i = 0; i < 25; i += 1) {
      const x = i % 5
      lanes[i] = at(i) ^ (columns[(x + 4) % 5] as bigint) ^ rotate(columns[(x + 1) % 5] as bigint, 1)
    }
    const moved = new Array<bigint>(25)
    for (let i = 0; i < 25; i += 1) {
      const x = i % 5
      const y = Math.floor(i / 5)
      moved[y + 5 * ((2 * x + 3 * y) % 5)] = rotate(at(i), ROTATIONS[i] as number)
    }
    for (let i = 0; i < 25; i += 1) {
      const row = i - (i % 5)
      const next = moved[row + ((i + 1) % 5)] as bigint
      lanes[i] = (moved[i] as bigint) ^ (~next & MASK & (moved[row + ((i + 2) % 5)] as bigint))
    }
    lanes[0] = at(0) ^ constant
  }
}

/** Keccak-256 of a message of at most 135 bytes, which is one block: addresses are shorter. */
export function keccak256(message: Uint8Array): Uint8Array {
  if (message.length > 135) throw new RangeError('keccak256: only messages of one block')
  const block = new DataView(new ArrayBuffer(200))
  message.forEach((byte, i) => block.setUint8(i, byte))
  block.setUint8(message.length, 0x01)
  block.setUint8(135, block.getUint8(135) | 0x80)
  const lanes = Array.from({ length: 25 }, (_, i) => block.getBigUint64(i * 8, true))
  permute(lanes)
  const digest = new DataView(new ArrayBuffer(32))
  for (let i = 0; i < 4; i += 1) digest.setBigUint64(i * 8, lanes[i] as bigint, true)
  return new Uint8Array(digest.buffer)
}
