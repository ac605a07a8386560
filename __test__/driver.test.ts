// Drivers from outside: the six calls on a published driver, batches, errors, limits, and the loader's shape.
import { readFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { Driver, DriverError, type Json, loadWasmDataDriver, parseJson } from 'libmetachain'
import { driverRefused } from './support/throws.js'
import { deed, driverWithout, obedientDriver, trappingModule } from './support/wasm.js'

const stakePath = fileURLToPath(new URL('../target/drivers/stake.wasm', import.meta.url))
const account = 'tCR9c1pQU1jC5QgmRi3JRb2g1Rhtrc6AxT24VQPtMY3wrsuRrnMBMP6wSoKWXH2opKTeCm5aniEG2HH8ATcUHzeWe6814e8qdECGvLLZvhaRKsi7MJgLAA33PiWZ4b6ptNt'
const signature = '7kP8oaxopsWi7g6kNGtX3PHVekMF8RKRRx74tqoo1xLmh2zGVN2FmJ5EFg7UJV9stk'

/** The object that the published README of Dusk's driver crate prints. */
const stake: Json = {
  chain_id: 1,
  keys: { account, owner: { Account: account } },
  signature: { account: signature, owner: signature },
  value: '4014086097495',
}

const deeds = (...list: number[]): { name: string; data: Uint8Array }[] => list.map((what) => ({ name: 'e', data: Uint8Array.of(what) }))

test('a published driver encodes and decodes', async (t) => {
  const driver = await Driver.load(stakePath)
  const rkyv = driver.encodeInputFn('stake', stake)
  t.deepEqual(driver.encodeInputFn('stake', JSON.stringify(stake)), rkyv)
  t.deepEqual(driver.decodeInputFn('stake', rkyv), stake)
  t.deepEqual(JSON.parse(driver.decodeInputFnJson('stake', rkyv)), stake)
  t.regex(driver.getVersion(), /^\d+\.\d+\.\d+/)
  t.regex(driver.hash, /^[0-9a-f]{64}$/)
  t.is((driver.getSchema() as { name?: string } | null)?.name, 'StakeContract')
  const error = await driverRefused(t, 'DRIVER_OPERATION', () => driver.decodeEvent('no such event', rkyv))
  t.like(error, { phase: 'decode_event', driverHash: driver.hash, verdict: false, retryable: false })
  t.regex(error.message, /no such event/)
  await driverRefused(t, 'DRIVER_OPERATION', () => driver.encodeInputFn('no_such_function', '1'))
  await driverRefused(t, 'DRIVER_OPERATION', () => driver.encodeInputFn('stake', 'no { json'))
  await driverRefused(t, 'DRIVER_OPERATION', () => driver.decodeInputFn('stake', rkyv.slice(0, -1)))
  t.deepEqual(driver.decodeInputFn('stake', rkyv), stake)
  driver.close()
  driver.close()
  await driverRefused(t, 'DRIVER_CLOSED', () => driver.getVersion())
  const [closed] = await driver.decodeEvents(deeds(0))
  t.is((closed as { error: DriverError }).error.code, 'DRIVER_CLOSED')
})

test('bytes, paths and URLs name the same driver', async (t) => {
  const bytes = await readFile(stakePath)
  const hashes = await Promise.all([bytes, new Uint8Array(bytes), stakePath, pathToFileURL(stakePath)].map(async (source) => (await Driver.load(source)).hash))
  t.is(new Set(hashes).size, 1)
  const [expectedHash] = hashes as [string]
  t.is((await Driver.load(bytes, { expectedHash: expectedHash.toUpperCase() })).hash, expectedHash)
  await driverRefused(t, 'DRIVER_HASH_MISMATCH', () => Driver.load(bytes, { expectedHash: '0'.repeat(64) }))
  await driverRefused(t, 'BAD_ARGUMENT', () => Driver.load('/no/such/file.wasm'))
  await driverRefused(t, 'BAD_ARGUMENT', () => Driver.load('/'))
  await driverRefused(t, 'BAD_ARGUMENT', () => Driver.load(new URL('https://example.org/stake.wasm')))
})

test('what is no driver is refused, with every fault', async (t) => {
  const whole = obedientDriver()
  for (const wasm of [new Uint8Array(), Uint8Array.of(0), new Uint8Array(1000), Buffer.from('not wasm at all'), whole.slice(0, -1), Uint8Array.from([...whole, 0])])
    await driverRefused(t, 'DRIVER_REJECTED', () => Driver.load(wasm))
  const missing = ['get_version', 'alloc', 'memory']
  const error = await driverRefused(t, 'DRIVER_REJECTED', () => Driver.load(driverWithout(...missing)))
  for (const name of missing) t.regex(error.message, new RegExp(name))
  t.is(error.phase, 'check')
  await driverRefused(t, 'DRIVER_REJECTED', () => Driver.load(trappingModule()))
})

test('what a driver does wrong is named, and the next call works', async (t) => {
  const driver = await Driver.load(obedientDriver(), { deadlineMs: 50 })
  const expected: [number, string][] = [
    [deed.outOfBounds, 'DRIVER_TRAP'],
    [deed.unreachable, 'DRIVER_TRAP'],
    [deed.divideByZero, 'DRIVER_TRAP'],
    [deed.loop, 'DRIVER_TIMEOUT'],
    [deed.recurse, 'DRIVER_STACK'],
    [deed.fail, 'DRIVER_OPERATION'],
    [deed.notJson, 'DRIVER_ABI'],
  ]
  for (const [what, code] of expected) {
    const error = await driverRefused(t, code, () => driver.decodeEvent('e', Uint8Array.of(what)))
    if (what === deed.fail) t.is(error.message, 'as requested')
    t.deepEqual(driver.decodeEvent('e', Uint8Array.of(deed.answer)), { big: 18446744073709551615 })
  }
  t.is(driver.decodeEventJson('e', Uint8Array.of(deed.notJson)), 'no { json')
  t.like(driver.metrics(), { traps: 4, timeouts: 1 })
  t.is(driver.getSchema(), null)
  t.is(driver.getVersion(), '1.2.3')
})

test('code is compiled as well as the options say', async (t) => {
  // With an empty section of its own it shares no code with the drivers of other tests.
  const wasm = Buffer.concat([obedientDriver(), Buffer.of(0, 2, 1, 0x71)])
  const quick = await Driver.load(wasm, { optimization: 'quick' })
  const answer = quick.encodeInputFn('f', '1')
  t.is(quick.metrics()['optimised'], 0)
  const full = await Driver.load(wasm, { optimization: 'full' })
  t.is(full.metrics()['optimised'], 1)
  t.deepEqual(full.encodeInputFn('f', '1'), answer)
})

test('limits and isolation are taken from the options', async (t) => {
  const small = await Driver.load(obedientDriver(), { inputBytesMax: 100, outputBytesMax: 50 })
  t.is(small.encodeInputFn('f', '1'.repeat(46)).length, 46)
  await driverRefused(t, 'DRIVER_INPUT_TOO_LARGE', () => small.encodeInputFn('f', '1'.repeat(101)))
  await driverRefused(t, 'DRIVER_OUTPUT_TOO_LARGE', () => small.encodeInputFn('f', '1'.repeat(90)))
  await driverRefused(t, 'DRIVER_MEMORY', () => Driver.load(obedientDriver(), { memoryBytesMax: 1 << 20 }))
  const fresh = await Driver.load(obedientDriver(), { isolation: 'fresh' })
  for (let count = 0; count < 5; count += 1) fresh.encodeInputFn('f', '1')
  t.true((fresh.metrics()['instancesCreated'] ?? 0) >= 5)
})

test('integers beyond 2^53 are exact where asked for', async (t) => {
  const lossless = await Driver.load(obedientDriver(), { integers: 'lossless' })
  t.deepEqual(lossless.decodeEvent('e', Uint8Array.of(deed.answer)), { big: 18446744073709551615n })
  t.deepEqual(await lossless.decodeEvents(deeds(deed.answer)), [{ value: { big: 18446744073709551615n } }])
  const value: Json = { max: 2n ** 64n - 1n, list: [-(2n ** 63n), 1, '2', null] }
  const text = '{"max":18446744073709551615,"list":[-9223372036854775808,1,"2",null]}'
  t.is(Buffer.from(lossless.encodeInputFn('f', value)).toString(), text)
  t.deepEqual(lossless.decodeInputFn('f', Buffer.from(text)), value)
  t.deepEqual(parseJson(lossless.decodeOutputFnJson('f', Buffer.from(text))), value)
})

test('batches keep the order, and an error stays with its item', async (t) => {
  const driver = await Driver.load(obedientDriver(), { deadlineMs: 200 })
  const texts = Array.from({ length: 5_000 }, (_, index) => JSON.stringify({ index, text: index % 7 === 0 ? 'ä€😀' : 'plain' }))
  const encoded = await driver.encodeInputs(texts.map((json) => ({ name: 'f', json })))
  t.deepEqual(encoded.map((result) => Buffer.from((result as { value: Uint8Array }).value).toString()), texts)
  const items = encoded.map((result, index) => ({ name: `f${index % 3}`, data: (result as { value: Uint8Array }).value }))
  t.deepEqual(await driver.decodeInputs(items), texts.map((text) => ({ value: JSON.parse(text) as Json })))
  t.deepEqual(await driver.decodeOutputs(items), texts.map((text) => ({ value: JSON.parse(text) as Json })))
  t.deepEqual(await driver.decodeEvents([]), [])

  const mixed = await driver.decodeEvents(deeds(deed.answer, deed.unreachable, deed.fail, deed.answer, deed.notJson, deed.outOfBounds, deed.loop, deed.answer))
  const codes = mixed.map((result) => ('error' in result ? result.error.code : 'value'))
  t.deepEqual(codes, ['value', 'DRIVER_TRAP', 'DRIVER_OPERATION', 'value', 'DRIVER_ABI', 'DRIVER_TRAP', 'DRIVER_TIMEOUT', 'value'])
  t.true(mixed.every((result) => !('error' in result) || result.error instanceof DriverError))
  t.deepEqual(await driver.decodeEventsJson(deeds(deed.notJson)), [{ value: 'no { json' }])
})

test('a batch of a closed driver says so with each item', async (t) => {
  const driver = await Driver.load(obedientDriver())
  driver.close()
  const results = await driver.decodeEvents(deeds(deed.answer, deed.fail))
  t.deepEqual(results.map((result) => ('error' in result ? result.error.code : 'value')), ['DRIVER_CLOSED', 'DRIVER_CLOSED'])
})

test('a batch gives way to its caller, and to the event loop', async (t) => {
  const driver = await Driver.load(obedientDriver())
  const items = deeds(...Array<number>(50_000).fill(deed.answer))
  await driverRefused(t, 'ABORTED', () => driver.decodeEvents(items, { signal: AbortSignal.abort() }))
  const aborter = new AbortController()
  const aborted = driver.decodeEvents(items, { signal: aborter.signal })
  setImmediate(() => aborter.abort())
  await driverRefused(t, 'ABORTED', () => aborted)

  let turns = 0
  let running = true
  const turn = (): void => {
    turns += 1
    if (running) setImmediate(turn)
  }
  setImmediate(turn)
  t.is((await driver.decodeEvents(items)).length, items.length)
  running = false
  t.true(turns > 20, `the event loop turned ${turns} times`)
  await driverRefused(t, 'BAD_ARGUMENT', () => driver.decodeEvents([...items, null as never]))
})

test('a batch that is aborted runs nothing more', async (t) => {
  const driver = await Driver.load(obedientDriver(), { deadlineMs: 20 })
  const items = deeds(...Array<number>(1_000).fill(deed.loop))
  const aborter = new AbortController()
  const aborted = driver.decodeEvents(items, { signal: aborter.signal })
  while ((driver.metrics()['timeouts'] ?? 0) < 3) await new Promise((resolve) => setImmediate(resolve))
  aborter.abort()
  await driverRefused(t, 'ABORTED', () => aborted)
  // All of them were handed over at once, and each takes its deadline.
  t.true((driver.metrics()['timeouts'] ?? 0) < items.length / 2)
})

test('the answers of a batch take no more room than they may', async (t) => {
  const driver = await Driver.load(obedientDriver())
  const text = JSON.stringify('x'.repeat(998))
  const items = Array.from({ length: 3_000 }, () => ({ name: 'f', json: text }))
  const kinds = async (options?: { outputBytesMax: number }): Promise<string[]> => {
    const results = await driver.encodeInputs(items, options)
    return results.map((result) => ('error' in result ? result.error.code : Buffer.from(result.value).toString() === text ? 'right' : 'wrong'))
  }
  t.true((await kinds()).every((kind) => kind === 'right'))
  const some = await kinds({ outputBytesMax: 1_000_000 })
  t.deepEqual(new Set(some), new Set(['right', 'DRIVER_OUTPUT_TOO_LARGE']))
  // A chunk of items that is under way is finished or sent again: there are a few at once.
  const right = some.filter((kind) => kind === 'right').length
  t.true(right >= 1_000 && right < 2_500, `${right} answers`)
  t.is(some[0], 'right')
  for (const outputBytesMax of [0, -1, 1.5, Number.NaN, '5' as never]) await driverRefused(t, 'BAD_ARGUMENT', () => driver.encodeInputs(items, { outputBytesMax }))
})

test('one import switches from the ecosystem loader', async (t) => {
  const bytes = await readFile(stakePath)
  const driver = await loadWasmDataDriver(bytes)
  t.is(driver.init(), 0)
  const { encodeInputFn, decodeInputFn, getSchema, getVersion, decodeEvent, decodeOutputFn } = driver
  const rkyv = encodeInputFn('stake', JSON.stringify(stake))
  t.true(rkyv instanceof Uint8Array)
  t.deepEqual(decodeInputFn('stake', rkyv), stake)
  t.is(getSchema().name, 'StakeContract')
  t.is(typeof getVersion(), 'string')
  t.throws(() => decodeEvent('no such event', rkyv), { instanceOf: Error, message: /no such event/ })
  t.throws(() => decodeOutputFn('no such function', rkyv), { instanceOf: Error })
  const buffer = new Uint8Array(bytes).buffer
  t.deepEqual((await loadWasmDataDriver(buffer)).decodeInputFn('stake', rkyv), stake)
})
