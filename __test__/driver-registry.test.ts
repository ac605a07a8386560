// The registry from outside: one module for many contracts, versions, pins, owners, and a directory found again.
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { DriverRegistry, driverThreads, setDriverThreads } from 'libmetachain'
import { boundSignature, owner, plainSignature, signedDriver, signedFor } from './support/signed-driver.js'
import { driverRefused } from './support/throws.js'
import { deed, driverWithout, obedientDriver } from './support/wasm.js'

const wasm = obedientDriver()
/** The same driver as another module: a custom section changes nothing but the hash. */
const other = Uint8Array.from([...wasm, 0, 2, 1, 0x78])

async function directory(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'libmetachain-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

test('drivers are named per contract, kept once, and found again', async (t) => {
  const path = await directory(t)
  const registry = await DriverRegistry.open({ path, defaults: { integers: 'lossless' } })
  const { hash } = await registry.put('a', wasm)
  t.deepEqual(await registry.put('b', wasm, { version: '9' }), { hash })
  t.deepEqual(registry.list(), [
    { contractId: 'a', hash, version: '1.2.3', pinned: false },
    { contractId: 'b', hash, version: '9', pinned: false },
  ])
  const files = await readdir(path, { recursive: true })
  t.is(files.filter((file) => file.includes(hash)).length, 1)
  const driver = await registry.get('a')
  t.is(driver?.hash, hash)
  t.deepEqual(driver?.decodeEvent('e', Uint8Array.of(deed.answer)), { big: 18446744073709551615n })
  t.is(await registry.get('unknown'), null)

  const newer = await registry.put('a', other, { version: '2.0.0' })
  t.is((await registry.get('a'))?.hash, newer.hash)
  await registry.pin('a', hash)
  t.is((await registry.get('a'))?.hash, hash)
  t.deepEqual(registry.versions('a').map(({ version, pinned }) => [version, pinned]), [['1.2.3', true], ['2.0.0', false]])
  const used = await registry.get('b')
  await registry.close()
  await registry.close()
  await driverRefused(t, 'DRIVER_CLOSED', () => registry.list())
  // That of a contract which has moved on too.
  for (const given of [used, driver]) await driverRefused(t, 'DRIVER_CLOSED', () => given?.getVersion())

  await using again = await DriverRegistry.open({ path })
  t.is((await again.get('a'))?.hash, hash)
  await again.unpin('a')
  t.is((await again.get('a'))?.hash, newer.hash)
  await again.prune('a')
  t.deepEqual(again.versions('a').map((entry) => entry.hash), [newer.hash])
  await again.remove('a')
  t.is(await again.get('a'), null)
  t.deepEqual(again.list().map(({ contractId }) => contractId), ['b'])
})

test('what cannot be used is not stored', async (t) => {
  const path = await directory(t)
  const registry = await DriverRegistry.open({ path })
  await driverRefused(t, 'DRIVER_REJECTED', () => registry.put('a', driverWithout('alloc')))
  await driverRefused(t, 'DRIVER_REJECTED', () => registry.put('a', new Uint8Array()))
  await driverRefused(t, 'BAD_ARGUMENT', () => registry.put('', wasm))
  await driverRefused(t, 'BAD_ARGUMENT', () => registry.pin('a', '00'.repeat(32)))
  await driverRefused(t, 'BAD_ARGUMENT', () => registry.pin('a', 'no hash'))
  await driverRefused(t, 'BAD_ARGUMENT', () => registry.put(7 as never, wasm))
  await driverRefused(t, 'BAD_ARGUMENT', () => registry.put('a', 'wasm' as never))
  await driverRefused(t, 'BAD_ARGUMENT', () => DriverRegistry.open({ path, ownerKeys: { a: 'no key' } }))
  await driverRefused(t, 'BAD_ARGUMENT', () => DriverRegistry.open({ path, defaults: { expectedHash: '00'.repeat(32) } }))
  await driverRefused(t, 'BAD_ARGUMENT', () => DriverRegistry.open(null as never))
  await driverRefused(t, 'BAD_ARGUMENT', () => new (DriverRegistry as unknown as new () => unknown)())
  t.deepEqual(registry.list(), [])
})

test('only the owner may put, where one is named', async (t) => {
  const { contractId, version } = signedFor
  const path = await directory(t)
  await using registry = await DriverRegistry.open({ path, ownerKeys: { [contractId]: owner.base58, b: owner.hex } })
  const wrong = Uint8Array.from(plainSignature, (byte, index) => (index === 40 ? byte ^ 1 : byte))
  for (const signature of [undefined, new Uint8Array(48), plainSignature.subarray(1), wrong])
    await driverRefused(t, 'DRIVER_SIGNATURE', () => registry.put(contractId, signedDriver, signature && { signature }))
  await driverRefused(t, 'DRIVER_SIGNATURE', () => registry.put(contractId, other, { signature: plainSignature }))
  await driverRefused(t, 'BAD_ARGUMENT', () => registry.put(contractId, signedDriver, { signature: 'text' as never }))
  t.is(await registry.get(contractId), null)

  const { hash } = await registry.put(contractId, signedDriver, { signature: plainSignature })
  const entry = { contractId, hash, version, pinned: false, signedBy: owner.base58 }
  t.deepEqual(registry.list(), [{ ...entry, signatureForm: 'bytecode' }])
  t.is((await registry.get(contractId))?.getVersion(), version)
  // The plain form says nothing about contract and version, so it serves for any; the bound one for its own alone.
  await registry.put('b', signedDriver, { version: '7', signature: plainSignature })
  await driverRefused(t, 'DRIVER_SIGNATURE', () => registry.put('b', signedDriver, { version, signature: boundSignature }))
  await driverRefused(t, 'DRIVER_SIGNATURE', () => registry.put(contractId, signedDriver, { version: '2', signature: boundSignature }))
  await registry.put(contractId, signedDriver, { version, signature: boundSignature })
  t.deepEqual(registry.list()[0], { ...entry, signatureForm: 'bound' })
  // Nobody owns this contract: a signature is kept, and nothing is claimed of it.
  await registry.put('free', signedDriver, { signature: plainSignature })
  t.deepEqual(registry.versions('free'), [{ contractId: 'free', hash, version, pinned: false }])
})

test('where only bound signatures count, plain ones do not', async (t) => {
  const { contractId, version } = signedFor
  const path = await directory(t)
  await using registry = await DriverRegistry.open({ path, ownerKeys: { [contractId]: owner.hex }, boundSignaturesOnly: true })
  await driverRefused(t, 'DRIVER_SIGNATURE', () => registry.put(contractId, signedDriver, { version, signature: plainSignature }))
  await registry.put(contractId, signedDriver, { version, signature: boundSignature })
  t.like(registry.list()[0], { signedBy: owner.base58, signatureForm: 'bound' })
  await driverRefused(t, 'BAD_ARGUMENT', () => DriverRegistry.open({ path, boundSignaturesOnly: 1 as never }))
})

test('what was put unsigned is not used once the contract has an owner', async (t) => {
  const { contractId } = signedFor
  const path = await directory(t)
  const before = await DriverRegistry.open({ path })
  await before.put(contractId, signedDriver)
  await before.close()
  await using registry = await DriverRegistry.open({ path, ownerKeys: { [contractId]: owner.base58 } })
  await driverRefused(t, 'DRIVER_SIGNATURE', () => registry.get(contractId))
})

test('batches use as many threads as they are told', async (t) => {
  const before = driverThreads()
  t.true(before >= 1)
  setDriverThreads(3)
  t.is(driverThreads(), 3)
  setDriverThreads(before)
  for (const threads of [0, -1, 1.5, 1025, '2']) await driverRefused(t, 'BAD_ARGUMENT', () => setDriverThreads(threads as number))
})
