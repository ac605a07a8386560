// The built drivers in a plain WebAssembly loader: Dusk's own, and the metachain's.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { driversFolder } from '../../scripts/build-drivers.mjs'
import { root } from '../../scripts/process.mjs'
import { PlainDriver, status } from './plain-loader.mjs'

const load = (name, options) => new PlainDriver(join(driversFolder, `${name}.wasm`), options)
const fails = (code, message) => (error) => error.code === code && (message instanceof RegExp ? message.test(error.message) : error.message === message)

/** A key and a signature as the published documentation of Dusk's driver framework shows them. */
const key = 'tCR9c1pQU1jC5QgmRi3JRb2g1Rhtrc6AxT24VQPtMY3wrsuRrnMBMP6wSoKWXH2opKTeCm5aniEG2HH8ATcUHzeWe6814e8qdECGvLLZvhaRKsi7MJgLAA33PiWZ4b6ptNt'
const signature = '7kP8oaxopsWi7g6kNGtX3PHVekMF8RKRRx74tqoo1xLmh2zGVN2FmJ5EFg7UJV9stk'
const stake = {
  chain_id: 1,
  keys: { account: key, owner: { Account: key } },
  signature: { account: signature, owner: signature },
  value: '4014086097495',
}

test("Dusk's stake driver converts the published Stake object both ways", () => {
  const driver = load('stake')
  const rkyv = driver.encodeInputFn('stake', stake)
  assert.deepEqual(driver.decodeInputFn('stake', rkyv), stake)
  assert.deepEqual(driver.encodeInputFn('stake', stake), rkyv)
})

test("Dusk's drivers name what they convert", () => {
  for (const [name, contract] of [['stake', 'StakeContract'], ['transfer', 'TransferContract']]) {
    const driver = load(name)
    const schema = JSON.parse(driver.getSchema())
    assert.equal(schema.name, contract)
    assert.ok(schema.functions.length > 10 && schema.events.length > 5)
    assert.match(driver.getVersion(), /^\d+\.\d+\.\d+$/)
    assert.throws(() => driver.decodeEvent('nope', new Uint8Array()), fails(status.operationError, 'Unsupported("event nope")'))
  }
})

test("Dusk's transfer driver writes 64-bit integers as strings", () => {
  const driver = load('transfer')
  const rkyv = driver.encodeInputFn('deposit', '"18446744073709551615"')
  assert.deepEqual([...rkyv], Array(8).fill(255))
  assert.equal(driver.decodeInputFn('deposit', rkyv), '18446744073709551615')
  assert.deepEqual(driver.decodeInputFn('sync', driver.encodeInputFn('sync', ['1', '2'])), ['1', '2'])
})

test("the metachain's driver reads the payloads that the chain is pinned by", () => {
  const driver = load('metachain')
  const { blocks } = JSON.parse(readFileSync(join(root, 'spec', 'vectors', 'encodings.json'), 'utf8'))
  assert.ok(blocks.length > 0)
  for (const { payload, hash } of blocks) {
    const bytes = new Uint8Array(Buffer.from(payload, 'hex'))
    const block = driver.decodeInputFn('payload', bytes)
    assert.equal(block.hash, hash)
    assert.equal(block.transactions.length, block.txCount)
    assert.deepEqual(driver.encodeInputFn('payload', block), bytes)
    assert.deepEqual(driver.decodeEvent('connected', bytes), block)
    const listed = ['deposits', 'withdrawals', 'transfers'].flatMap((kind) => driver.decodeEvent(kind, bytes))
    assert.equal(listed.length, block.transactions.length)
    for (const at of [0, 7, bytes.length >> 1, bytes.length - 1])
      assert.throws(() => driver.decodeInputFn('payload', bytes.subarray(0, at)), fails(status.operationError, /^Rkyv\("INVALID_ENCODING/))
  }
})

test("the metachain's driver writes addresses as the network does", () => {
  const driver = load('metachain')
  const deposit = { from: 'df1qxvenxvenxvenxvenxvenxvenxvenxvenzqfu8c', to: '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', amount: '9223372036854775807', txid: '07'.repeat(32) }
  const rkyv = driver.encodeInputFn('transaction@defichain-mainnet', deposit)
  assert.deepEqual(driver.decodeInputFn('transaction@defichain-mainnet', rkyv), deposit)
  assert.equal(driver.decodeInputFn('transaction@bitcoin-mainnet', rkyv).from, 'bc1qxvenxvenxvenxvenxvenxvenxvenxven2ymjt8')
  assert.deepEqual(driver.decodeInputFn('transaction', rkyv).from, { witness: { version: 0, program: '33'.repeat(20) } })
  assert.throws(() => driver.decodeInputFn('transaction@opaque', rkyv), fails(status.operationError, /^Other\("INVALID_ADDRESS/))
})

test('a module of our framework keeps its promises about memory and order of calls', () => {
  const driver = load('metachain', { init: false })
  const { exports } = driver
  assert.throws(() => driver.getVersion(), fails(status.notInitialised, 'the driver is not initialised'))
  exports.init()
  exports.init()
  const version = driver.getVersion()
  for (const size of [1, 15, 33, 100_000]) {
    const start = exports.alloc(size)
    assert.equal(start % 16, 0)
    exports.dealloc(start, size)
  }
  assert.equal(exports.alloc(-1), 0, 'more than there is')

  const end = exports.memory.buffer.byteLength
  driver.region(64, (out) => {
    assert.equal(exports.get_version(out, 3), status.outputTooSmall)
    assert.equal(exports.get_version(end - 4, 64), status.invalidInput)
    assert.equal(exports.get_version(-1, 64), status.invalidInput)
    assert.equal(exports.get_version(0, 64), status.invalidInput)
    assert.equal(exports.get_version(out, -1), status.invalidInput)
    assert.equal(exports.decode_event(end, 1, 0, 0, out, 64), status.invalidInput)
    assert.equal(exports.decode_event(out, -1, 0, 0, out, 64), status.invalidInput)
    assert.equal(exports.get_last_error(out, 8), status.outputTooSmall)
    assert.equal(exports.get_last_error(out, 8), status.outputTooSmall)
  })
  assert.equal(driver.lastError(), "a region lies outside of the module's memory")
  assert.equal(driver.lastError(), '')
  assert.equal(driver.getVersion(), version)
})

test('memory stays flat over many calls, failing ones among them', () => {
  const driver = load('metachain')
  const list = Array.from({ length: 200 }, (_, index) => ({ from: `0x${'01'.repeat(20)}`, to: `0x${'02'.repeat(20)}`, amount: `${index + 1}` }))
  const call = () => {
    const rkyv = driver.encodeInputFn('transactions', list)
    driver.decodeOutputFn('transactions', rkyv)
    assert.throws(() => driver.decodeOutputFn('transactions', rkyv.subarray(8)))
  }
  for (let calls = 0; calls < 50; calls += 1) call()
  const before = driver.memory.length
  for (let calls = 0; calls < 200; calls += 1) call()
  assert.equal(driver.memory.length, before)
})
