// Arguments of the wrong type: a typed error that names the field, nothing changed, the process alive.
import test from 'ava'
import { decodePayload, Driver, loadWasmDataDriver, Metachain, TxBatch, verifyAccountProof, verifyWithdrawalProof } from 'libmetachain'
import { alice, carry, deposit, genesis, hash, nativeP2pkh, next, openInMemory } from './support/native.js'
import { driverRefused, refused } from './support/throws.js'
import { obedientDriver } from './support/wasm.js'

/** Values of every JavaScript type; each test leaves out those that are right where it puts them. */
const values: Record<string, unknown> = {
  undefined: undefined,
  null: null,
  boolean: true,
  number: 7,
  fraction: 0.5,
  negative: -1,
  NaN: Number.NaN,
  infinity: Infinity,
  huge: 2 ** 60,
  bigint: 7n,
  text: 'text',
  symbol: Symbol('symbol'),
  function: () => 7,
  object: {},
  array: [],
  'typed array of another kind': new Uint16Array(32),
  'array buffer': new ArrayBuffer(32),
  'short bytes': new Uint8Array(31),
  'long bytes': new Uint8Array(33),
}

const except = (...names: string[]): [string, unknown][] => Object.entries(values).filter(([name]) => !names.includes(name))

/** For the compiler, which would refuse these values before we can. */
const any = (value: unknown): never => value as never

const wholeNumbers = ['number']

test('contexts and blocks', async (t) => {
  const chain = await openInMemory()
  const txs = [deposit(1n)]
  const minted = chain.mintBlock(next(chain), txs)
  const block = carry(chain, minted, txs)
  const { tip } = chain
  const fields: [string, string[]][] = [
    ['nativeHeight', wholeNumbers],
    ['nativeParentHash', []],
    ['time', wholeNumbers],
  ]
  for (const [field, right] of fields)
    for (const [name, value] of except(...right)) {
      const label = `${field}: ${name}`
      const context = { ...next(chain), [field]: value }
      for (const call of [() => chain.mintBlock(any(context), []), () => chain.checkBlock(any({ ...block, [field]: value })), () => chain.connectBlock(any({ ...block, [field]: value }))]) {
        const error = await refused(t, 'BAD_ARGUMENT', call)
        t.true(String(error.details['field']).endsWith(field), label)
      }
    }
  for (const [, value] of except()) await refused(t, 'BAD_ARGUMENT', () => chain.connectBlock(any({ ...block, nativeHash: value })))
  for (const [, value] of except('short bytes', 'long bytes')) await refused(t, 'BAD_ARGUMENT', () => chain.connectBlock(any({ ...block, payload: value })))
  for (const [, value] of except('array')) await refused(t, 'BAD_ARGUMENT', () => chain.connectBlock(any({ ...block, transactions: value })))
  for (const [, value] of except()) {
    await refused(t, 'BAD_ARGUMENT', () => chain.mintBlock(any(value), []))
    await refused(t, 'BAD_ARGUMENT', () => chain.checkBlock(any(value)))
    await refused(t, 'BAD_ARGUMENT', () => chain.connectBlock(any(value)))
    await refused(t, 'BAD_ARGUMENT', () => chain.connectBlockSync(any(value)))
    await refused(t, 'BAD_ARGUMENT', () => chain.connectBlocks([any(value)]))
    await refused(t, 'BAD_ARGUMENT', () => chain.disconnectBlock(any(value)))
    await refused(t, 'BAD_ARGUMENT', () => chain.finalize(any(value)))
  }
  for (const [, value] of except('array')) {
    await refused(t, 'BAD_ARGUMENT', () => chain.connectBlocks(any(value)))
    await refused(t, 'BAD_ARGUMENT', () => chain.mintBlock(next(chain), any(value)))
  }
  t.deepEqual(chain.tip, tip)
  t.is((await chain.connectBlock(block)).status, 'connected')
})

test('transactions name index and field', async (t) => {
  const chain = await openInMemory()
  const right: Record<string, string[]> = { from: ['text'], to: ['text'], amount: ['bigint'], txid: ['undefined'] }
  for (const [field, names] of Object.entries(right))
    for (const [name, value] of except(...names)) {
      const txs = [deposit(1n), { ...deposit(1n), [field]: value }]
      for (const call of [() => chain.mintBlock(next(chain), any(txs)), () => TxBatch.from(any(txs)), () => chain.checkBlock({ ...next(chain), payload: new Uint8Array(), transactions: any(txs) })]) {
        const error = await refused(t, 'BAD_ARGUMENT', call)
        t.like(error.details, { index: 1, field }, name)
      }
    }
  for (const [, value] of except('object', 'array', 'typed array of another kind', 'array buffer', 'short bytes', 'long bytes'))
    t.is((await refused(t, 'BAD_ARGUMENT', () => TxBatch.from([any(value)]))).details['index'], 0)
  // A refused transaction leaves the batch as it was.
  const batch = TxBatch.from([deposit(1n)])
  await refused(t, 'BAD_ARGUMENT', () => batch.add(nativeP2pkh, alice, 1n, new Uint8Array(5)))
  await refused(t, 'BAD_ARGUMENT', () => batch.add(nativeP2pkh, alice, any(1)))
  t.is(batch.add(nativeP2pkh, alice, 2n).length, 2)
  t.is(chain.mintBlock(next(chain), batch).supply, chain.supply + 3n)
})

test('a transaction of a run of blocks is named with its block', async (t) => {
  // The message said `txs[1].amount`, whichever block of the run it was in.
  const chain = await openInMemory()
  const block = carry(chain, chain.mintBlock(next(chain), []), [])
  const bad = { ...block, transactions: [deposit(1n), { ...deposit(1n), amount: any(1) }] }
  const { message, details } = await refused(t, 'BAD_ARGUMENT', () => chain.connectBlocks([block, block, bad]))
  t.is(message, 'blocks[2].transactions[1].amount must be a bigint, not the number 1')
  t.deepEqual(details, { index: 2, transaction: 1, field: 'amount' })
  const none = await refused(t, 'BAD_ARGUMENT', () => chain.connectBlocks([block, { ...block, transactions: [any(null)] }]))
  t.is(none.message, 'blocks[1].transactions[0] must be an object, not null')
  t.like(none.details, { index: 1, transaction: 0 })
  const single = await refused(t, 'BAD_ARGUMENT', () => chain.connectBlock(bad))
  t.true(single.message.startsWith('block.transactions[1].amount'), single.message)
  const minted = await refused(t, 'BAD_ARGUMENT', () => chain.mintBlock(next(chain), bad.transactions))
  t.true(minted.message.startsWith('txs[1].amount'), minted.message)
  t.is(chain.tip.height, 0)
})

/** What has some of a signal's interface, and what has none of it. */
const noSignals = [...Object.values(values).filter((value) => value !== undefined), new AbortController(), new EventTarget(), { aborted: false }]

test('signals, listeners and options of calls that wait', async (t) => {
  // A controller given for its signal was a bare TypeError, or was never heard of.
  const chain = await openInMemory()
  const block = carry(chain, chain.mintBlock(next(chain), []), [])
  const source = { tip: async () => ({ nativeHeight: block.nativeHeight, nativeHash: block.nativeHash }), block: async () => block }
  for (const signal of noSignals) {
    for (const call of [() => chain.connectBlocks([block], { signal: any(signal) }), () => chain.events({ signal: any(signal) }), () => chain.sync(source, { signal: any(signal) })])
      t.is((await refused(t, 'BAD_ARGUMENT', call)).details['field'], 'options.signal')
  }
  for (const value of [null, true, 7, 7n, 'text', Symbol('symbol'), () => 7, []]) {
    await refused(t, 'BAD_ARGUMENT', () => chain.connectBlocks([block], any(value)))
    await refused(t, 'BAD_ARGUMENT', () => chain.events(any(value)))
    await refused(t, 'BAD_ARGUMENT', () => chain.sync(source, any(value)))
    await refused(t, 'BAD_ARGUMENT', () => chain.verify(any(value)))
  }
  for (const [, value] of except('function', 'undefined')) {
    t.is((await refused(t, 'BAD_ARGUMENT', () => chain.sync(source, { onProgress: any(value) }))).details['field'], 'options.onProgress')
    t.is((await refused(t, 'BAD_ARGUMENT', () => chain.sync({ ...source, hash: any(value) }))).details['field'], 'source.hash')
    t.is((await refused(t, 'BAD_ARGUMENT', () => chain.handshake({ ...source, hash: any(value) }))).details['field'], 'source.hash')
    await refused(t, 'BAD_ARGUMENT', () => chain.verify({ onProgress: any(value) }))
  }
  t.is(chain.tip.height, 0)
  // Not Node's own, and as good.
  const foreign = { aborted: true, reason: undefined, addEventListener: () => {}, removeEventListener: () => {} }
  await refused(t, 'ABORTED', () => chain.connectBlocks([block], { signal: any(foreign) }))
  await refused(t, 'ABORTED', () => chain.events({ signal: any(foreign) }).next())
  await refused(t, 'ABORTED', () => chain.sync(source, { signal: any(foreign) }))
  t.is((await chain.sync(source)).height, 1)
})

test('queries', async (t) => {
  const chain = await openInMemory()
  for (const [, value] of except('text')) {
    await refused(t, 'BAD_ARGUMENT', () => chain.account(any(value)))
    await refused(t, 'BAD_ARGUMENT', () => chain.balance(any(value)))
    await refused(t, 'BAD_ARGUMENT', () => chain.proveAccount(any(value)))
    await refused(t, 'BAD_ARGUMENT', () => verifyAccountProof(hash(''), any(value), new Uint8Array()))
  }
  for (const text of ['', '0x', nativeP2pkh, `${alice}0`, alice.slice(0, -1), 'é', '\ud800', `0x${'g'.repeat(40)}`])
    await refused(t, 'INVALID_ADDRESS', () => chain.account(text))
  for (const [, value] of except('number')) {
    await refused(t, 'BAD_ARGUMENT', () => chain.block(any(value)))
    await refused(t, 'BAD_ARGUMENT', () => chain.payload(any({ hash: value })))
    await refused(t, 'BAD_ARGUMENT', () => chain.withdrawals(any({ nativeHash: value })))
    await refused(t, 'BAD_ARGUMENT', () => chain.proveWithdrawal(1, any(value)))
    await refused(t, 'BAD_ARGUMENT', () => chain.blocks(any({ from: value })).next())
  }
  for (const [, value] of except('function')) await refused(t, 'BAD_ARGUMENT', () => chain.onFatal(any(value)))
  for (const [, value] of except('object', 'undefined')) {
    await refused(t, 'BAD_ARGUMENT', () => chain.handshake(any(value)))
    await refused(t, 'BAD_ARGUMENT', () => chain.sync(any(value)))
  }
  for (const [, value] of except('undefined', 'text')) await refused(t, 'BAD_ARGUMENT', () => chain.events({ from: any(value) }))
  for (const [, value] of except('short bytes', 'long bytes')) {
    await refused(t, 'BAD_ARGUMENT', () => decodePayload(any(value)))
    await refused(t, 'BAD_ARGUMENT', () => verifyWithdrawalProof(hash(''), any(value)))
    await refused(t, 'BAD_ARGUMENT', () => verifyWithdrawalProof(any(value), new Uint8Array()))
  }
})

test('opening', async (t) => {
  for (const [, value] of except('object')) await refused(t, 'BAD_ARGUMENT', () => Metachain.open(any(value)))
  const fields: [string, string[]][] = [
    ['path', ['undefined', 'text']],
    ['genesis', []],
    ['durability', ['undefined']],
    ['undoDepth', ['undefined', 'number']],
  ]
  for (const [field, right] of fields)
    for (const [name, value] of except(...right)) {
      await refused(t, 'BAD_ARGUMENT', () => Metachain.open(any({ genesis, [field]: value })))
      t.pass(`${field}: ${name}`)
    }
  const genesisFields: [string, string[]][] = [
    ['chainId', ['text']],
    ['network', []],
    ['balances', ['undefined', 'object', 'array', 'array buffer']],
    ['nativeStart', ['undefined', 'number']],
    ['transactionsMax', ['undefined', 'number']],
    ['time', ['undefined', 'number']],
    ['replayWindow', ['undefined', 'number']],
    ['payloadBytesMax', ['undefined']],
  ]
  for (const [field, right] of genesisFields)
    for (const [name, value] of except(...right)) {
      await refused(t, 'BAD_ARGUMENT', () => Metachain.open({ genesis: any({ ...genesis, [field]: value }) }))
      t.pass(`${field}: ${name}`)
    }
  const balances: unknown[] = [
    { [alice]: 0n }, { [alice]: -1n }, { [alice]: 2n ** 63n }, { [alice]: 1 }, { nonsense: 1n }, { [nativeP2pkh]: 1n },
    { [alice]: 1n, [alice.toLowerCase()]: 1n }, [[alice]], [[1n, alice]], [alice], { [alice]: 2n ** 62n, [`0x${'1'.repeat(40)}`]: 2n ** 62n },
  ]
  for (const given of balances) await refused(t, 'BAD_ARGUMENT', () => Metachain.open({ genesis: { ...genesis, balances: any(given) } }))
  for (const chainId of ['', 'é', 'x'.repeat(65)]) await refused(t, 'BAD_ARGUMENT', () => Metachain.open({ genesis: { ...genesis, chainId } }))
  for (const path of ['', 'a\0b']) await refused(t, 'BAD_ARGUMENT', () => Metachain.open({ path, genesis }))
  await refused(t, 'BAD_ARGUMENT', () => new (any(Metachain) as new () => unknown)())
})

test('drivers', async (t) => {
  const driver = await Driver.load(obedientDriver())
  const name = except('text')
  const bytes = except('short bytes', 'long bytes')
  for (const [, value] of name) {
    await driverRefused(t, 'BAD_ARGUMENT', () => driver.encodeInputFn(any(value), '1'))
    for (const method of ['decodeInputFn', 'decodeOutputFn', 'decodeEvent', 'decodeInputFnJson', 'decodeOutputFnJson', 'decodeEventJson'] as const)
      await driverRefused(t, 'BAD_ARGUMENT', () => driver[method](any(value), new Uint8Array(1)))
    for (const method of ['decodeInputs', 'decodeOutputs', 'decodeEvents', 'decodeEventsJson'] as const)
      await driverRefused(t, 'BAD_ARGUMENT', () => driver[method]([any({ name: value, data: new Uint8Array() })]))
    await driverRefused(t, 'BAD_ARGUMENT', () => driver.encodeInputs([any({ name: value, json: '1' })]))
  }
  for (const [, value] of bytes) {
    for (const method of ['decodeInputFn', 'decodeOutputFn', 'decodeEvent', 'decodeInputFnJson', 'decodeOutputFnJson', 'decodeEventJson'] as const)
      await driverRefused(t, 'BAD_ARGUMENT', () => driver[method]('f', any(value)))
    for (const method of ['decodeInputs', 'decodeOutputs', 'decodeEvents', 'decodeEventsJson'] as const)
      await driverRefused(t, 'BAD_ARGUMENT', () => driver[method]([any({ name: 'f', data: value })]))
  }
  for (const value of [undefined, () => {}, Symbol('symbol')]) {
    await driverRefused(t, 'BAD_ARGUMENT', () => driver.encodeInputFn('f', any(value)))
    await driverRefused(t, 'BAD_ARGUMENT', () => driver.encodeInputs([{ name: 'f', json: any(value) }]))
  }
  for (const [, value] of except('array')) await driverRefused(t, 'BAD_ARGUMENT', () => driver.decodeEvents(any(value)))
  for (const [, value] of except('text', 'short bytes', 'long bytes')) await driverRefused(t, 'BAD_ARGUMENT', () => Driver.load(any(value)))
  for (const [, value] of except('array buffer', 'short bytes', 'long bytes')) await driverRefused(t, 'BAD_ARGUMENT', () => loadWasmDataDriver(any(value)))
  const options: [string, string[]][] = [
    ['deadlineMs', wholeNumbers],
    ['memoryBytesMax', ['number']],
    ['inputBytesMax', wholeNumbers],
    ['outputBytesMax', wholeNumbers],
    ['isolation', []],
    ['optimization', []],
    ['integers', []],
    ['cacheDir', ['text']],
    ['expectedHash', []],
  ]
  for (const [option, right] of options)
    for (const [, value] of except('undefined', ...right))
      await driverRefused(t, 'BAD_ARGUMENT', () => Driver.load(obedientDriver(), any({ [option]: value })))
  await driverRefused(t, 'BAD_ARGUMENT', () => new (any(Driver) as new () => unknown)())
})
