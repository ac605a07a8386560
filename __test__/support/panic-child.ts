// Runs under the addon with planted panics: makes each export panic in turn, and prints what came of it as JSON.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as lib from 'libmetachain'
import { genesis, hash, mine, openInMemory, deposit, withdrawal, next, carry, alice } from './native.js'
import { deed, obedientDriver } from './wasm.js'

const { Driver, DriverRegistry, TxBatch } = lib
const wasm = obedientDriver()

let planted: string | null = null
function plant(name: string | null): void {
  if (name === null) delete process.env['LIBMETACHAIN_PANIC_IN']
  else process.env['LIBMETACHAIN_PANIC_IN'] = name
}

// Made with the first driver, and only then.
plant('driverCalls')
const unmade = { code: await codeOf(() => Driver.load(wasm)), after: null }
plant(null)
const driver = await Driver.load(wasm)
const chain = await openInMemory()
const first = await mine(chain, [deposit(1n), withdrawal(1n)])
const second = await mine(chain, [{ ...deposit(1n), txid: hash('txid') }])
const payload = chain.payload(2) as Uint8Array
const accountProof = chain.proveAccount(alice)
const withdrawalProof = chain.proveWithdrawal(1, 0)
const path = mkdtempSync(join(tmpdir(), 'libmetachain-'))
const registry = await DriverRegistry.open({ path })
const { hash: module } = await registry.put('a', wasm)
const token = 'a-token-of-no-value'
const item = { name: 'e', data: Uint8Array.of(0) }
const source: lib.NativeSource = {
  tip: async () => ({ nativeHeight: second.nativeHeight, nativeHash: second.nativeHash }),
  block: async (height) => (height === second.nativeHeight ? second : first),
}

/** What is left of calls that cannot be made twice on one chain. */
async function onAnother<T>(use: (other: lib.Metachain, block: lib.NativeBlock) => Promise<T>): Promise<T> {
  const other = await openInMemory()
  const block = await mine(other)
  try {
    return await use(other, block)
  } finally {
    plant(null)
    await other.close()
  }
}

/** Runs with the panic planted only once `prepare` is done. */
const prepared = <T>(prepare: () => T | Promise<T>, use: (made: T) => unknown) => async () => {
  plant(null)
  const made = await prepare()
  plant(planted)
  return use(made)
}

const importTo = (name: string) => lib.Metachain.importSnapshot(join(path, 'state'), { path: join(path, name), genesis })

/** A call for each export, by the name that its guard has. */
const calls: Record<string, () => unknown> = {
  AbortFlag: () => chain.connectBlocks([]),
  'AbortFlag.abort': () => chain.connectBlocks([], { signal: AbortSignal.abort() }),
  NativeBatch: () => chain.mintBlock(next(chain), TxBatch.from([deposit(1n)])),
  'NativeBatch.root': () => TxBatch.from([deposit(1n)], { network: 'opaque' }).clear().root,
  'NativeBlock.head': () => chain.block(1),
  'NativeBlock.transactions': () => chain.block(1)?.transactions,
  buildInfo: () => lib.buildInfo(),
  decodePayload: () => lib.decodePayload(payload),
  verifyAccountProof: () => lib.verifyAccountProof(accountProof.stateRoot, alice, accountProof.proof),
  verifyWithdrawalProof: () => lib.verifyWithdrawalProof(withdrawalProof.withdrawalsRoot, withdrawalProof.proof),
  loadDriver: () => Driver.load(wasm),
  'Driver.load': () => Driver.load(wasm),
  'Driver.hash': () => Driver.load(wasm),
  'Driver.number': () => Driver.load(wasm),
  'Driver.batch': () => driver.decodeEvents([item]),
  'Driver.close': prepared(() => Driver.load(wasm), (other) => other.close()),
  'Driver.decodeEvent': () => driver.decodeEvent('e', item.data),
  'Driver.decodeInputFn': () => driver.decodeInputFn('f', Uint8Array.of(0x31)),
  'Driver.decodeOutputFn': () => driver.decodeOutputFn('f', Uint8Array.of(0x31)),
  'Driver.encodeInputFn': () => driver.encodeInputFn('f', '1'),
  'Driver.failure': () => {
    try {
      driver.decodeEvent('e', Uint8Array.of(deed.fail))
    } catch (error) {
      if ((error as { code?: string }).code !== 'DRIVER_OPERATION') throw error
    }
  },
  'Driver.getSchema': () => driver.getSchema(),
  'Driver.getVersion': () => driver.getVersion(),
  'Driver.metrics': () => driver.metrics(),
  startRpcServer: async () => (await lib.serve(chain, { token })).close(),
  serve: async () => (await lib.serve(chain, { token })).close(),
  'RpcServer.address': async () => (await lib.serve(chain, { token })).close(),
  'rpcServer.close': prepared(() => lib.serve(chain, { token }), (server) => server.close()),
  'RpcServer.close': prepared(() => lib.serve(chain, { token }), (server) => server.close()),
  driverThreads: () => lib.driverThreads(),
  setDriverThreads: () => lib.setDriverThreads(2),
  openRegistry: () => DriverRegistry.open({ path }),
  'DriverRegistry.open': () => DriverRegistry.open({ path }),
  'registry.put': () => registry.put('a', wasm),
  'DriverRegistry.put': () => registry.put('a', wasm),
  'registry.pin': () => registry.pin('a', module),
  'DriverRegistry.pin': () => registry.pin('a', module),
  'registry.get': () => registry.get('a'),
  'DriverRegistry.get': () => registry.get('a'),
  'registry.remove': () => registry.remove('b'),
  'DriverRegistry.remove': () => registry.remove('b'),
  'registry.prune': () => registry.prune('a'),
  'DriverRegistry.prune': () => registry.prune('a'),
  'DriverRegistry.list': () => registry.list(),
  'DriverRegistry.close': prepared(() => DriverRegistry.open({ path }), (other) => other.close()),
  openMetachain: () => openInMemory(),
  'Metachain.open': () => openInMemory(),
  'Metachain.account': () => chain.account(alice),
  'Metachain.block': () => chain.block(1),
  'Metachain.blocks': () => chain.blocks({ from: 1000 }).next(),
  'Metachain.chainId': () => chain.chainId,
  'Metachain.checkBlock': prepared(() => carry(chain, chain.mintBlock(next(chain), [])), (block) => chain.checkBlock(block)),
  'Metachain.close': prepared(() => openInMemory(), (other) => other.close()),
  'Metachain.connectBlock': () => chain.connectBlock(second),
  'Metachain.connectBlockSync': () => chain.connectBlockSync(second),
  'Metachain.connectBlocks': () => chain.connectBlocks([second]),
  'Metachain.disconnectBlock': prepared(
    () => null,
    () => onAnother((other, block) => (plant(planted), other.disconnectBlock(block.nativeHash))),
  ),
  'Metachain.events': () => chain.events().next(),
  'Metachain.finalize': () => chain.finalize(first.nativeHash),
  'Metachain.flush': () => chain.flush(),
  'Metachain.genesisHash': () => chain.genesisHash,
  'Metachain.handshake': () => chain.handshake(source),
  'Metachain.metrics': () => chain.metrics(),
  'Metachain.mintBlock': prepared(() => next(chain), (context) => chain.mintBlock(context, [])),
  'Metachain.network': () => chain.network,
  'Metachain.onEvents': () => chain.events().next(),
  'Metachain.onFatal': () => chain.onFatal(() => {}),
  'Metachain.payload': () => chain.payload(1),
  'Metachain.proveAccount': () => chain.proveAccount(alice),
  'Metachain.proveWithdrawal': () => chain.proveWithdrawal(1, 0),
  'Metachain.removeEventListener': async () => {
    const events = chain.events()
    await events.next()
    await events.return?.()
  },
  'Metachain.removeFatalListener': () => chain.onFatal(() => {})(),
  'Metachain.supply': () => chain.supply,
  'Metachain.tip': () => chain.tip,
  'Metachain.transaction': () => chain.transaction(hash('txid')),
  exportSnapshot: () => chain.exportSnapshot(join(path, 'state')),
  'Metachain.exportSnapshot': () => chain.exportSnapshot(join(path, 'state')),
  importSnapshot: async () => (await importTo('c')).close(),
  'Metachain.importSnapshot': async () => (await importTo('d')).close(),
  'Metachain.verify': () => chain.verify(),
  'Metachain.withdrawals': () => chain.withdrawals(1),
}

async function codeOf(call: () => unknown): Promise<string | null> {
  try {
    await call()
    return null
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

const found: Record<string, { code: string | null; after: string | null }> = { driverCalls: unmade }
for (const [name, call] of Object.entries(calls)) {
  planted = name
  plant(name)
  const code = await codeOf(call)
  plant(null)
  planted = null
  found[name] = { code, after: await codeOf(call) }
}
await chain.close()
rmSync(path, { recursive: true })
process.stdout.write(JSON.stringify(found))
// A waiting reader whose listener could not be removed may be left.
process.exit()
