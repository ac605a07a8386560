// A second reader and writer of payloads, from docs/internals/payload.md alone: nothing here is this library's.
import { blake3 } from '@noble/hashes/blake3.js'
import { type MetaTransaction, type Network } from 'libmetachain'
import { metaText, type NativeAddress, nativeText } from './addresses.js'

export interface LaidOutTransaction {
  kind: 'deposit' | 'withdrawal' | 'transfer'
  /** A native address where the kind says so, else a metachain one. */
  from: NativeAddress | Uint8Array
  to: NativeAddress | Uint8Array
  amount: bigint
  txid: Uint8Array | null
}

export interface LaidOutHeader {
  version: number
  genesis: Uint8Array
  height: bigint
  parent: Uint8Array
  nativeHeight: bigint
  nativeParent: Uint8Array
  time: bigint
  txCount: number
  txRoot: Uint8Array
  withdrawalsRoot: Uint8Array
  stateRoot: Uint8Array
  supply: bigint
}

export interface LaidOutBlock {
  header: LaidOutHeader
  transactions: LaidOutTransaction[]
}

const headerBytes = 230
const rootBytes = headerBytes + 8
const transactionBytes = 83
const kinds = ['deposit', 'withdrawal', 'transfer'] as const

/** Reads fields one after the other. */
class Reader {
  readonly bytes: Uint8Array
  at: number
  readonly #view: DataView

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes
    this.at = at
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  take(length: number): Uint8Array {
    if (this.at < 0 || this.at + length > this.bytes.length) throw new RangeError(`nothing at ${this.at}`)
    this.at += length
    return this.bytes.slice(this.at - length, this.at)
  }

  u8(): number {
    return this.take(1)[0] as number
  }

  u16(): number {
    this.at += 2
    return this.#view.getUint16(this.at - 2, true)
  }

  u32(): number {
    this.at += 4
    return this.#view.getUint32(this.at - 4, true)
  }

  u64(): bigint {
    this.at += 8
    return this.#view.getBigUint64(this.at - 8, true)
  }

  /** Where a list lies, and its length. */
  list(): { at: number; length: number } {
    const here = this.at
    const offset = this.u32() | 0
    return { at: here + offset, length: this.u32() }
  }

  listBytes(): Uint8Array {
    const { at, length } = this.list()
    return new Reader(this.bytes, at).take(length)
  }
}

export function read(payload: Uint8Array): LaidOutBlock {
  const root = new Reader(payload, payload.length - rootBytes)
  const header: LaidOutHeader = {
    version: root.u16(),
    genesis: root.take(32),
    height: root.u64(),
    parent: root.take(32),
    nativeHeight: root.u64(),
    nativeParent: root.take(32),
    time: root.u64(),
    txCount: root.u32(),
    txRoot: root.take(32),
    withdrawalsRoot: root.take(32),
    stateRoot: root.take(32),
    supply: root.u64(),
  }
  const { at, length } = root.list()
  const transactions = Array.from({ length }, (_, index) => transactionAt(payload, at + index * transactionBytes))
  return { header, transactions }
}

function transactionAt(payload: Uint8Array, at: number): LaidOutTransaction {
  const reader = new Reader(payload, at)
  const kind = kinds[reader.u8()]
  if (kind === undefined) throw new RangeError(`no kind of transaction at ${at}`)
  const from = kind === 'deposit' ? nativeAt(reader) : reader.take(20)
  const to = kind === 'withdrawal' ? nativeAt(reader) : reader.take(20)
  const amount = reader.u64()
  const txid = reader.u8() === 0 ? null : reader.take(32)
  return { kind, from, to, amount, txid }
}

function nativeAt(reader: Reader): NativeAddress {
  const end = reader.at + 21
  const tag = reader.u8()
  const address = nativeOf(tag, reader)
  reader.at = end
  return address
}

function nativeOf(tag: number, reader: Reader): NativeAddress {
  switch (tag) {
    case 0:
      return { kind: 'pubkeyHash', hash: reader.take(20) }
    case 1:
      return { kind: 'scriptHash', hash: reader.take(20) }
    case 2:
      return { kind: 'witness', version: 0, program: reader.take(20) }
    case 3:
      return { kind: 'witness', version: reader.u8(), program: reader.listBytes() }
    case 4:
      return { kind: 'opaque', text: reader.listBytes() }
    default:
      throw new RangeError(`no native address has the tag ${tag}`)
  }
}

/** Fields one after the other. */
class Writer {
  readonly #parts: number[] = []

  get length(): number {
    return this.#parts.length
  }

  put(bytes: Iterable<number>): this {
    for (const byte of bytes) this.#parts.push(byte)
    return this
  }

  number(value: bigint | number, bytes: number): this {
    let rest = BigInt.asUintN(bytes * 8, BigInt(value))
    for (let count = 0; count < bytes; count += 1, rest >>= 8n) this.#parts.push(Number(rest & 255n))
    return this
  }

  /** A list that lies at `at`. */
  list(at: number, length: number): this {
    return this.number(at - this.length, 4).number(length, 4)
  }

  zerosTo(length: number): this {
    while (this.length < length) this.#parts.push(0)
    return this
  }

  done(): Uint8Array {
    return Uint8Array.from(this.#parts)
  }
}

/** What an address keeps outside of its 21 bytes. */
function outside(address: NativeAddress | Uint8Array): Uint8Array | null {
  if (address instanceof Uint8Array) return null
  if (address.kind === 'opaque') return address.text
  if (address.kind === 'witness' && !isKeyHash(address.version, address.program)) return address.program
  return null
}

const isKeyHash = (version: number, program: Uint8Array): boolean => version === 0 && program.length === 20

export function write({ header, transactions }: LaidOutBlock): Uint8Array {
  const out = new Writer()
  const places: number[] = []
  for (const { from, to } of transactions)
    for (const bytes of [outside(from), outside(to)])
      if (bytes !== null) {
        places.push(out.length)
        out.put(bytes)
      }
  const first = transactions.length === 0 ? 0 : out.length
  for (const transaction of transactions) writeTransaction(out, transaction, places)
  out.put(headerOf(header)).list(first, transactions.length)
  return out.done()
}

function writeTransaction(out: Writer, { kind, from, to, amount, txid }: LaidOutTransaction, places: number[]): void {
  const end = out.length + transactionBytes
  out.number(kinds.indexOf(kind), 1)
  for (const address of [from, to])
    if (address instanceof Uint8Array) out.put(address)
    else writeNative(out, address, places)
  out.number(amount, 8).number(txid === null ? 0 : 1, 1)
  if (txid !== null) out.put(txid)
  out.zerosTo(end)
}

function writeNative(out: Writer, address: NativeAddress, places: number[]): void {
  const end = out.length + 21
  const bytes = outside(address)
  if (address.kind === 'opaque') out.number(4, 1).list(places.shift() as number, address.text.length)
  else if (bytes !== null && address.kind === 'witness')
    out.number(3, 1).number(address.version, 1).list(places.shift() as number, bytes.length)
  else if (address.kind === 'witness') out.number(2, 1).put(address.program)
  else out.number(address.kind === 'pubkeyHash' ? 0 : 1, 1).put(address.hash)
  out.zerosTo(end)
}

/** The header's 230 bytes: in the payload, and what the block's hash commits to. */
export function headerOf(header: LaidOutHeader): Uint8Array {
  return new Writer()
    .number(header.version, 2)
    .put(header.genesis)
    .number(header.height, 8)
    .put(header.parent)
    .number(header.nativeHeight, 8)
    .put(header.nativeParent)
    .number(header.time, 8)
    .number(header.txCount, 4)
    .put(header.txRoot)
    .put(header.withdrawalsRoot)
    .put(header.stateRoot)
    .number(header.supply, 8)
    .done()
}

const context = (text: string): Uint8Array => Buffer.from(`libmetachain 2026 ${text} v1`)

export const blockHash = (header: LaidOutHeader): Uint8Array => blake3(headerOf(header), { context: context('block header') })

/** A keyed hash in the domain of a text. */
export function domain(text: string): (bytes: Uint8Array) => Uint8Array {
  const key = blake3(new Uint8Array(), { context: context(text) })
  return (bytes) => blake3(bytes, { key })
}

/** The root of a Merkle tree: leaves and nodes and the root in domains of their own, zeros where a right sibling is missing. */
export function merkle(name: string): (leaves: Uint8Array[]) => Uint8Array {
  const [leafHash, nodeHash, rootHash] = ['leaf', 'node', 'root'].map((part) => domain(`${name} ${part}`)) as [Hash, Hash, Hash]
  return (leaves) => {
    let level = leaves.map(leafHash)
    while (level.length > 1)
      level = Array.from({ length: Math.ceil(level.length / 2) }, (_, at) =>
        nodeHash(Buffer.concat([level[2 * at] as Uint8Array, level[2 * at + 1] ?? new Uint8Array(32)])),
      )
    return rootHash(new Writer().put(level[0] ?? new Uint8Array(32)).number(leaves.length, 8).zerosTo(64).done())
  }
}

type Hash = (bytes: Uint8Array) => Uint8Array

const transactionTree = merkle('transaction')
const withdrawalTree = merkle('withdrawal')

export const txRoot = (transactions: LaidOutTransaction[]): Uint8Array =>
  transactionTree(transactions.map((transaction) => leaf(new Writer(), transaction)))

export const withdrawalsRoot = (transactions: LaidOutTransaction[]): Uint8Array =>
  withdrawalTree(
    transactions
      .filter(({ kind }) => kind === 'withdrawal')
      .map((transaction, index) => withdrawalLeaf(index, transaction)),
  )

function withdrawalLeaf(index: number, transaction: LaidOutTransaction): Uint8Array {
  return leaf(new Writer().number(index, 4), transaction)
}

/** The bytes that a root commits to, padded with zeros to whole blocks of BLAKE3. */
function leaf(out: Writer, { kind, from, to, amount, txid }: LaidOutTransaction): Uint8Array {
  const start = out.length
  out.number(kinds.indexOf(kind), 1).number(txid === null ? 0 : 1, 1).number(amount, 8)
  for (const address of [from, to])
    if (address instanceof Uint8Array) out.put(address)
    else leafNative(out, address)
  if (txid !== null) out.put(txid)
  return out.zerosTo(start + Math.ceil((out.length - start) / 64) * 64).done()
}

function leafNative(out: Writer, address: NativeAddress): void {
  if (address.kind === 'witness') out.number(2, 1).number(address.version, 1).number(address.program.length, 1).put(address.program)
  else if (address.kind === 'opaque') out.number(3, 1).number(address.text.length, 1).put(address.text)
  else out.number(address.kind === 'pubkeyHash' ? 0 : 1, 1).number(20, 1).put(address.hash)
}

/** A transaction as users write it. */
export function spelt({ from, to, amount, txid }: LaidOutTransaction, network: Network): MetaTransaction {
  const text = (address: NativeAddress | Uint8Array): string =>
    address instanceof Uint8Array ? metaText(address) : nativeText(address, network)
  return { from: text(from), to: text(to), amount, ...(txid !== null && { txid }) }
}
