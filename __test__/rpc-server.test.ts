// serve(): a chain of this process over JSON-RPC, from its start to each of its ends.
import { type ChildProcess, spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import test from 'ava'
import { Metachain, MetachainError, RpcClient, RpcServer, serve, type ServeOptions } from 'libmetachain'
import { alice, carry, deposit, genesis, hash, hex, mine, nativeP2pkh, next, openInMemory } from './support/native.js'
import { refused } from './support/throws.js'

const token = 'control-control-control'
const readToken = 'readers-readers-readers'
const key = new Uint8Array(32).fill(5)
const child = fileURLToPath(new URL('support/rpc-child.mjs', import.meta.url))

/** Serves a chain in memory until `use` is done, whatever comes of it. */
async function serving(options: ServeOptions, use: (server: RpcServer, chain: Metachain) => Promise<void>): Promise<void> {
  const chain = await openInMemory()
  const server = await serve(chain, options)
  try {
    await use(server, chain)
  } finally {
    await server.close()
    await chain.close()
  }
}

/** Whether somebody listens at the address. */
const listens = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.once('connect', () => (socket.destroy(), resolve(true)))
    socket.once('error', () => resolve(false))
  })

/** Returns once nobody listens there any more. */
async function ended(url: string): Promise<void> {
  while (await listens(url)) await new Promise(setImmediate)
}

interface Answer {
  status: number
  body: { result?: Record<string, unknown>; error?: { data: { code: string; details: { limit?: string } } } }
}

/** Sends a body as it is. */
async function post(url: string, body: string, bearer = token): Promise<Answer> {
  const response = await fetch(url, { method: 'POST', headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' }, body })
  return { status: response.status, body: (await response.json()) as Answer['body'] }
}

const call = (method: string, params: unknown = {}): string => JSON.stringify({ jsonrpc: '2.0', id: 1, method: `metaConsensusRpc_${method}`, params })

/** A request whose header the server has read, and which still owes its body. */
async function begun(url: string, length: number): Promise<{ sending: ClientRequest; answer: Promise<IncomingMessage> }> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'content-length': length, expect: '100-continue' }
  const sending = request(url, { method: 'POST', headers })
  const answer = new Promise<IncomingMessage>((resolve, reject) => sending.once('response', resolve).once('error', reject))
  // Not looked at where the test fails before.
  answer.catch(() => {})
  sending.flushHeaders()
  // The server asks for the body: it has judged the header and waits.
  await new Promise((resolve, reject) => sending.once('continue', resolve).once('error', reject))
  return { sending, answer }
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

test('what is called over JSON-RPC happens on the chain, and gives its bytes', async (t) => {
  await serving({ token }, async (server, chain) => {
    t.true(server instanceof RpcServer)
    t.is(server.url, `http://127.0.0.1:${server.port}`)
    const client = new RpcClient(server.url, { token, chainId: genesis.chainId, genesis: hex(chain.genesisHash) })
    const { nativeHeight, nativeParentHash, time } = next(chain)
    const context = { nativeHeight: String(nativeHeight), nativeParentHash: hex(nativeParentHash), time: String(time) }
    const txs = [{ from: nativeP2pkh, to: alice, amount: '7', txid: hex(hash('id')) }]
    const minted = await client.call('metaConsensusRpc_mintBlock', { txs, context })
    const own = chain.mintBlock(next(chain), [{ ...deposit(7n), txid: hash('id') }])
    t.is(minted.payload, hex(own.payload))
    const block = { ...context, nativeHash: hex(hash('native')), payload: minted.payload, carried: { txs } }
    t.like(await client.call('metaConsensusRpc_connectBlock', block), { status: 'connected', height: '1' })
    t.is(hex(chain.tip.hash), minted.hash)
    t.like(await client.call('metaConsensusRpc_transaction', { txid: hex(hash('id')) }), { found: { height: '1', index: 0 } })

    const { events } = await client.call('metaConsensusRpc_events', {})
    t.is(events.length, 1)
    // A cursor is the same whoever gave it.
    const iterator = chain.events({ from: (events[0] as (typeof events)[0]).cursor })
    await mine(chain)
    t.is((await iterator.next()).value?.block.height, 2)
    await iterator.return?.()
    t.is((await client.call('metaConsensusRpc_events', { after: (events[0] as (typeof events)[0]).cursor })).events.length, 1)
  })
})

test('each secret opens what it was given for', async (t) => {
  const readJwtKey = new Uint8Array(32).fill(6)
  const everything = { token, jwtKey: key, readToken, readJwtKey }
  await serving(everything, async (server) => {
    for (const secret of [{ token }, { jwtKey: key }]) await t.notThrowsAsync(new RpcClient(server.url, secret).call('metaConsensusRpc_mintBlock', { txs: [] }))
    for (const secret of [{ token: readToken }, { jwtKey: readJwtKey }]) {
      const client = new RpcClient(server.url, secret)
      t.is((await client.call('metaConsensusRpc_supply', {})).supply, '1000500')
      await refused(t, 'RPC_UNAUTHORIZED', () => client.call('metaConsensusRpc_mintBlock', { txs: [] }))
    }
    for (const secret of [{}, { token: `${token}x` }, { jwtKey: new Uint8Array(32) }, { token: Buffer.from(key).toString('hex') }])
      await refused(t, 'RPC_UNAUTHORIZED', () => new RpcClient(server.url, secret).call('metaConsensusRpc_tip', {}))
    // A signed token lasts for a minute, on either side of the server's clock.
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    for (const [offset, status] of [[-3_600, 401], [-1, 200], [1, 200], [3_600, 401]] as const) {
      const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iat: Math.floor(Date.now() / 1000) + offset })}`
      const bearer = `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`
      t.is((await post(server.url, call('tip'), bearer)).status, status, String(offset))
    }
  })
  await serving({ readToken }, async (server) => {
    await refused(t, 'RPC_UNAUTHORIZED', () => new RpcClient(server.url, { token: readToken }).call('metaConsensusRpc_disconnectBlock', { nativeHash: '00'.repeat(32) }))
  })
})

test('limits are those that were given, at each of them and one beyond', async (t) => {
  const limits = { bodyBytesMax: 500, blockBodyBytesMax: 2_000, batchMax: 3, depthMax: 8, responseBytesMax: 2_000 }
  await serving({ token, limits }, async (server) => {
    const padded = (body: string, length: number) => body + ' '.repeat(length - body.length)
    const nested = (levels: number) => call('tip', { x: JSON.parse('['.repeat(levels - 2) + ']'.repeat(levels - 2)) as unknown })
    const cases: [number, string, number | undefined][] = [
      [200, padded(call('tip'), 500), undefined],
      [413, padded(call('tip'), 501), 500],
      [200, padded(call('mintBlock', { txs: [] }), 2_000), undefined],
      [413, padded(call('mintBlock', { txs: [] }), 2_001), 2_000],
      [200, `[${Array<string>(3).fill(call('tip')).join()}]`, undefined],
      [200, `[${Array<string>(4).fill(call('tip')).join()}]`, 3],
      [413, nested(9), 8],
    ]
    for (const [status, body, limit] of cases) {
      const answer = await post(server.url, body)
      t.is(answer.status, status, body.slice(0, 80))
      t.is(answer.body.error?.data.details.limit, limit === undefined ? undefined : String(limit), body.slice(0, 80))
    }
    t.is((await post(server.url, nested(8))).body.error?.data.code, 'BAD_ARGUMENT')
  })
})

test('a server listens where it was told to', async (t) => {
  await serving({ token, host: 'localhost' }, async (server, chain) => {
    // Two servers on one chain; then an address that is taken.
    const other = await serve(chain, { readToken })
    t.not(other.port, server.port)
    t.is((await new RpcClient(other.url, { token: readToken }).call('metaConsensusRpc_tip', {})).height, '0')
    await refused(t, 'INTERNAL_IO', () => serve(chain, { token, port: server.port }))
    await other.close()
    const again = await serve(chain, { token, port: other.port })
    t.is(again.port, other.port)
    await again.close()
  })
  const six = Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1'))
  if (!six) return t.log('this machine has no ::1')
  await serving({ token, host: '::1' }, async (server) => {
    t.is(server.url, `http://[::1]:${server.port}`)
    t.is((await new RpcClient(server.url, { token }).call('metaConsensusRpc_tip', {})).height, '0')
  })
})

test('what cannot be served is refused, and nothing listens', async (t) => {
  const chain = await openInMemory()
  const bad: Record<string, unknown>[] = [
    {},
    { token: 'fifteen-letters' },
    { token: 'with a blank inside it' },
    { token: 7 },
    { readToken: null },
    { jwtKey: new Uint8Array(31) },
    { jwtKey: hex(key) },
    { readJwtKey: new ArrayBuffer(32) },
    { token, host: 'example.org' },
    { token, host: '' },
    { token, host: '127.0.0.1:80' },
    { token, port: -1 },
    { token, port: 65_536 },
    { token, port: '80' },
    { token, limits: 5 },
    { token, limits: { bodyBytes: 5 } },
    { token, limits: { toString: 5 } },
    { token, limits: { batchMax: 0 } },
    { token, limits: { headerDeadlineMs: 0 } },
    { token, limits: { callsMax: 1.5 } },
    { token, limits: { connectionsMax: 2 ** 31 } },
    { token, limits: { bodyBytesMax: 2 ** 20, blockBodyBytesMax: 2 ** 19 } },
  ]
  for (const options of bad) {
    const error = await refused(t, 'BAD_ARGUMENT', () => serve(chain, options as ServeOptions))
    // No message repeats what may have been a secret.
    t.notRegex(error.message, /0505|letters|blank/)
  }
  for (const options of [undefined, null, [], 'token']) await refused(t, 'BAD_ARGUMENT', () => serve(chain, options as never))
  for (const other of [undefined, null, {}, Object.create(Metachain.prototype) as unknown])
    await refused(t, 'BAD_ARGUMENT', () => serve(other as Metachain, { token }))
  await refused(t, 'BAD_ARGUMENT', () => new (RpcServer as unknown as new () => unknown)())
  await chain.close()
  // Whoever comes too late to the chain still gets a server, which says so.
  const late = await serve(chain, { token })
  await refused(t, 'CLOSED', () => new RpcClient(late.url, { token }).call('metaConsensusRpc_tip', {}))
  await late.close()
})

test('closing answers what is in flight, and can be asked for again and again', async (t) => {
  const chain = await openInMemory()
  const server = await serve(chain, { token, limits: { stopDeadlineMs: 300_000 } })
  const body = call('tip')
  const { sending, answer } = await begun(server.url, body.length)
  const idle = connect(server.port, '127.0.0.1')
  await new Promise((resolve) => idle.once('connect', resolve))
  const hungUp = new Promise((resolve) => idle.once('close', resolve).resume())

  const closing = [server.close(), server.close(), server[Symbol.asyncDispose]()]
  await ended(server.url)
  await hungUp
  sending.end(body)
  const got = await answer
  t.is(got.statusCode, 200)
  t.is((JSON.parse(await textOf(got)) as { result: { height: string } }).result.height, '0')
  await Promise.all(closing)
  await server.close()
  t.is(server.ref(), server)
  t.is(server.unref(), server)
  await refused(t, 'RPC_UNAVAILABLE', () => new RpcClient(server.url, { token, retries: 0 }).call('metaConsensusRpc_tip', {}))
  // The chain goes on.
  await mine(chain, [deposit(1n)])
  t.is(chain.tip.height, 1)
  await chain.close()
})

test('calls under way when the server closes are answered, or fail by their code, and none is half done', async (t) => {
  const chain = await openInMemory()
  const server = await serve(chain, { token })
  const client = new RpcClient(server.url, { token, retries: 0 })
  const txs = Array.from({ length: 2_000 }, (_, index) => ({ from: nativeP2pkh, to: alice, amount: String(index + 1) }))
  const minted = chain.mintBlock(next(chain), [])
  const block = carry(chain, minted)
  const connecting = client.call('metaConsensusRpc_connectBlock', {
    nativeHash: hex(block.nativeHash),
    nativeHeight: String(block.nativeHeight),
    nativeParentHash: hex(block.nativeParentHash),
    time: String(block.time),
    payload: hex(block.payload),
    carried: { unchecked: true },
  })
  const others = Array.from({ length: 12 }, () => client.call('metaConsensusRpc_mintBlock', { txs }))
  // The first to end shows that they have begun.
  await Promise.race([connecting, ...others])
  await server.close()
  for (const result of await Promise.allSettled(others)) {
    if (result.status === 'fulfilled') t.is(result.value.accepted, 2_000)
    else t.regex((result.reason as MetachainError).code, /^RPC_UNAVAILABLE$/)
  }
  const [connected] = await Promise.allSettled([connecting])
  t.is(chain.tip.height, connected?.status === 'fulfilled' ? 1 : 0)
  await chain.close()
})

test('a chain that is closed first leaves a server that says so', async (t) => {
  const chain = await openInMemory()
  const server = await serve(chain, { token })
  const client = new RpcClient(server.url, { token })
  t.is((await client.call('metaConsensusRpc_tip', {})).height, '0')
  await chain.close()
  for (const error of await Promise.all([1, 2, 3].map(() => refused(t, 'CLOSED', () => client.call('metaConsensusRpc_tip', {}))))) t.false(error.retryable)
  await refused(t, 'CLOSED', () => client.call('metaConsensusRpc_mintBlock', { txs: [] }))
  // What needs no open chain still answers.
  t.is((await client.call('metaConsensusRpc_version', {})).chainId, genesis.chainId)
  await server.close()
})

/** Starts the child, and waits until it says where it serves. */
async function started(options: object, ...nodeArguments: string[]): Promise<{ process: ChildProcess; url: string; code: Promise<number | null> }> {
  const process = spawn(globalThis.process.execPath, [...nodeArguments, child, JSON.stringify({ token, ...options })], { stdio: ['ignore', 'pipe', 'inherit'] })
  const code = new Promise<number | null>((resolve) => process.once('exit', resolve))
  const lines = createInterface({ input: process.stdout as NodeJS.ReadableStream })
  const url = await new Promise<string>((resolve, reject) => {
    lines.once('line', resolve)
    void code.then((code) => reject(new Error(`it ended with ${code}`)))
  })
  return { process, url, code }
}

test('a server that nobody holds keeps its process alive and answers; one that is let go does not', async (t) => {
  const held = await started({}, '--expose-gc')
  t.teardown(() => held.process.kill('SIGKILL'))
  for (let times = 0; times < 5; times += 1) t.is((await new RpcClient(held.url, { token }).call('metaConsensusRpc_tip', {})).height, '0')
  t.is(held.process.exitCode, null)
  held.process.kill('SIGTERM')
  await held.code
  t.is(await (await started({ leave: 'unref' })).code, 0)
})

test('a process that exits while it serves ends, with its own code', async (t) => {
  const { url, code } = await started({ leave: 'exit' })
  t.is(await code, 7)
  t.false(await listens(url))
})

test('a worker takes its servers along', async (t) => {
  for (const how of ['ends', 'terminated']) {
    const worker = new Worker(child, { workerData: { token, ...(how === 'ends' && { leave: 'exit' }) }, execArgv: [] })
    const gone = new Promise((resolve) => worker.once('exit', resolve))
    const url = await new Promise<string>((resolve, reject) => worker.once('message', resolve).once('error', reject))
    if (how === 'terminated') {
      t.is((await new RpcClient(url, { token }).call('metaConsensusRpc_tip', {})).height, '0')
      await worker.terminate()
    }
    await gone
    await ended(url)
    t.pass(how)
  }
})

test('a server killed in the middle of a call is a typed error, and its store is whole', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'libmetachain-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'chain')
  const before = await Metachain.open({ path, genesis })
  await mine(before, [deposit(5n)])
  const { tip } = before
  await before.close()

  const server = await started({ path })
  t.teardown(() => server.process.kill('SIGKILL'))
  const client = new RpcClient(server.url, { token, retryPauseMs: 1 })
  t.is((await client.call('metaConsensusRpc_tip', {})).hash, hex(tip.hash))
  // Begun, and never to be finished: the server is in the middle of it.
  const { answer } = await begun(server.url, 1_000)
  const calls = [client.call('metaConsensusRpc_mintBlock', { txs: Array.from({ length: 5_000 }, () => ({ from: nativeP2pkh, to: alice, amount: '1' })) }), client.call('metaConsensusRpc_disconnectBlock', { nativeHash: '00'.repeat(32) })]
  server.process.kill('SIGKILL')
  await t.throwsAsync(answer)
  for (const result of await Promise.allSettled(calls)) if (result.status === 'rejected') t.regex((result.reason as MetachainError).code, /^(RPC_UNAVAILABLE|NOT_TIP)$/)
  await server.code
  await refused(t, 'RPC_UNAVAILABLE', () => client.call('metaConsensusRpc_tip', {}))

  const after = await Metachain.open({ path })
  t.deepEqual(after.tip, tip)
  await after.verify({ full: true })
  await after.close()
})
