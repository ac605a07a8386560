// The single calls of drivers where values cross: every size, every kind of text, every kind of array.
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { Driver, DriverError } from 'libmetachain'
import { driverRefused } from './support/throws.js'
import { deed, obedientDriver } from './support/wasm.js'

const stakePath = fileURLToPath(new URL('../target/drivers/stake.wasm', import.meta.url))

/** Around the sizes at which texts and answers change the way they take. */
const sizes = [0, 1, 2, 15, 16, 17, ...[256, 16 << 10, 64 << 10, 200 << 10].flatMap((size) => Array.from({ length: 13 }, (_, index) => size - 8 + index))]

/** A character for each number of bytes of UTF-8, and one for each way V8 keeps texts. */
const characters = ['a', 'ÿ', '€', '😀', '\ud800']

test('texts of every size and kind go in and come out whole', async (t) => {
  const driver = await Driver.load(obedientDriver())
  for (const size of sizes)
    for (const character of characters) {
      const text = '-'.repeat(Math.max(0, size - 2)) + character
      const bytes = Buffer.from(text)
      const encoded = driver.encodeInputFn('f', text)
      if (!bytes.equals(encoded)) t.fail(`encoding ${size} and ${JSON.stringify(character)}`)
      if (driver.decodeInputFnJson('f', bytes) !== bytes.toString()) t.fail(`decoding ${size} and ${JSON.stringify(character)}`)
    }
  t.pass()
})

test('names of every size and kind reach the driver whole', async (t) => {
  const driver = await Driver.load(stakePath)
  for (const size of sizes.filter((size) => size < 20_000))
    for (const character of characters) {
      const name = '-'.repeat(Math.max(0, size - 2)) + character
      const { message } = t.throws(() => driver.decodeEventJson(name, new Uint8Array(8)), { instanceOf: DriverError })
      const wellFormed = Buffer.from(name).toString()
      if (!message.includes(wellFormed)) t.fail(`${size} and ${JSON.stringify(character)}: ${message.slice(0, 80)}`)
    }
})

test('bytes come from any kind of array', async (t) => {
  const driver = await Driver.load(obedientDriver())
  const bytes = Buffer.from('[1,2,3]')
  const shared = new Uint8Array(new SharedArrayBuffer(7))
  shared.set(bytes)
  const wide = new Uint8Array(100)
  wide.set(bytes, 50)
  for (const array of [bytes, new Uint8Array(bytes), shared, wide.subarray(50, 57)]) t.deepEqual(driver.decodeInputFn('f', array), [1, 2, 3])
  t.is(driver.decodeInputFnJson('f', new Uint8Array()), '')
  const given = new Uint8Array(bytes)
  structuredClone(given.buffer, { transfer: [given.buffer] })
  t.is(driver.decodeInputFnJson('f', given), '', 'memory that was given away is empty')
  for (const other of [new Int8Array(7), new Float64Array(7), new DataView(new ArrayBuffer(7)), [1], 'text', null])
    await driverRefused(t, 'BAD_ARGUMENT', () => driver.decodeInputFn('f', other as never))
})

test('an encoding is the caller’s own', async (t) => {
  const driver = await Driver.load(obedientDriver())
  const first = driver.encodeInputFn('f', '"first"')
  driver.encodeInputFn('f', '"other"')
  t.is(Buffer.from(first).toString(), '"first"')
  t.is(first.byteLength, first.buffer.byteLength)
})

test('every call reaches its own driver, whichever came and went', async (t) => {
  const kept = await Promise.all([Driver.load(stakePath), Driver.load(obedientDriver())])
  const versions = kept.map((driver) => driver.getVersion())
  for (let round = 0; round < 50; round += 1) {
    const passing = await Driver.load(obedientDriver())
    if (round % 2 === 0) passing.close()
    t.deepEqual(kept.map((driver) => driver.getVersion()), versions)
  }
  t.is(kept[1]?.decodeEventJson('e', Uint8Array.of(deed.answer)), '{"big":18446744073709551615}')
})

test('an error is made once, where the call was', async (t) => {
  const driver = await Driver.load(obedientDriver())
  function theCaller(): void {
    driver.decodeEventJson('e', Uint8Array.of(deed.fail))
  }
  const error = await driverRefused(t, 'DRIVER_OPERATION', theCaller)
  t.deepEqual({ ...error }, { code: 'DRIVER_OPERATION', phase: 'decode_event', driverHash: driver.hash, verdict: false, retryable: false })
  t.is(error.message, 'as requested')
  t.is(error.cause, undefined)
  t.regex(error.stack as string, /^DriverError: as requested\n[^]*theCaller/)
})
