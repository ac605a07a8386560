// The JSON-RPC client against a server of the test's own: what it sends, and what it makes of each answer.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'ava'
import { MetachainError, RpcClient, type RpcClientOptions } from 'libmetachain'
import { refused } from './support/throws.js'

interface Seen {
  headers: IncomingMessage['headers']
  body: { jsonrpc: string; method: string; params: unknown[] }
}

/** Serves on the loopback interface until `use` is done. */
async function serving(
  answer: (response: ServerResponse, times: number) => void,
  use: (url: string, seen: Seen[]) => Promise<void>,
): Promise<void> {
  const seen: Seen[] = []
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      seen.push({ headers: request.headers, body: JSON.parse(Buffer.concat(chunks).toString()) as Seen['body'] })
      answer(response, seen.length)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen)
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

const json = (response: ServerResponse, value: unknown): void => {
  response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
}

const codeOf = async (call: Promise<unknown>): Promise<MetachainError> => {
  try {
    await call
  } catch (error) {
    if (error instanceof MetachainError) return error
    throw error
  }
  throw new Error('the call succeeded')
}

test('a call is sent as the protocol says, and its result comes back', async (t) => {
  await serving(
    (response) => json(response, { jsonrpc: '2.0', id: 0, result: { supply: '7', locked: '7' } }),
    async (url, seen) => {
      const client = new RpcClient(url, { token: 'sixteen letters!', chainId: 'test' })
      t.deepEqual(await client.call('metaConsensusRpc_supply', {}), { supply: '7', locked: '7' })
      const [{ headers, body }] = seen as [Seen]
      t.is(headers.authorization, 'Bearer sixteen letters!')
      t.is(headers['metachain-chain-id'], 'test')
      t.is(headers['metachain-protocol'], '1')
      t.like(body, { jsonrpc: '2.0', method: 'metaConsensusRpc_supply', params: [{}] })
    },
  )
})

test("the chain's errors come back as they were", async (t) => {
  const data = { code: 'NOT_TIP', verdict: false, retryable: false, details: { height: 3 } }
  await serving(
    (response) => json(response, { jsonrpc: '2.0', id: 0, error: { code: -32000, message: 'not the tip', data } }),
    async (url) => {
      const error = await codeOf(new RpcClient(url).call('metaConsensusRpc_disconnectBlock', { nativeHash: '00'.repeat(32) }))
      t.like(error, { code: 'NOT_TIP', verdict: false, retryable: false, details: { height: 3 } })
    },
  )
})

test('only what does no harm when repeated is sent again', async (t) => {
  const hangUpOnce = (response: ServerResponse, times: number): void => {
    if (times === 1) response.socket?.destroy()
    else json(response, { jsonrpc: '2.0', id: 0, result: { supply: '1', locked: '1' } })
  }
  await serving(hangUpOnce, async (url, seen) => {
    const client = new RpcClient(url, { retryPauseMs: 1 })
    t.deepEqual(await client.call('metaConsensusRpc_supply', {}), { supply: '1', locked: '1' })
    t.is(seen.length, 2)
  })
  await serving(hangUpOnce, async (url, seen) => {
    const client = new RpcClient(url, { retryPauseMs: 1 })
    const error = await codeOf(client.call('metaConsensusRpc_disconnectBlock', { nativeHash: '00'.repeat(32) }))
    t.is(error.code, 'RPC_UNAVAILABLE')
    t.is(seen.length, 1)
  })
})

test('each way to fail has its code', async (t) => {
  const cases: [string, (response: ServerResponse) => void, object?][] = [
    ['RPC_UNAUTHORIZED', (response) => void response.writeHead(401).end()],
    ['RPC_TOO_LARGE', (response) => void response.writeHead(413).end()],
    ['RPC_TOO_LARGE', (response) => json(response, { result: 'x'.repeat(100) }), { bytesMax: 50 }],
    ['RPC_PROTOCOL', (response) => void response.setHeader('content-type', 'application/json').end('{')],
    ['RPC_PROTOCOL', (response) => json(response, { jsonrpc: '2.0', id: 0 })],
    ['RPC_PROTOCOL', (response) => json(response, { error: { message: 'no code' } })],
    // No answer at all: the deadline ends the wait.
    ['RPC_TIMEOUT', () => {}, { deadlineMs: 30 }],
  ]
  for (const [code, answer, options] of cases) {
    await serving(answer, async (url) => {
      const error = await codeOf(new RpcClient(url, { retries: 0, ...options }).call('metaConsensusRpc_tip', {}))
      t.is(error.code, code)
    })
  }
  t.is((await codeOf(new RpcClient('http://127.0.0.1:1', { retries: 0 }).call('metaConsensusRpc_tip', {}))).code, 'RPC_UNAVAILABLE')
})

/** For the compiler, which would refuse these values before we can. */
const any = (value: unknown): never => value as never

test('a mistake of the caller is told before anything is sent', async (t) => {
  // Each of these was a TypeError, or went out as a call that no server could answer.
  for (const url of ['nonsense', '', 'localhost:8557', 'ftp://example', '127.0.0.1:8557', 'http://user:password@127.0.0.1', undefined, null, 7, {}, Symbol('url')])
    t.is((await refused(t, 'BAD_ARGUMENT', () => new RpcClient(any(url)))).details['field'], 'url')
  const mistakes: [keyof RpcClientOptions, unknown[]][] = [
    ['deadlineMs', [Infinity, -1, 0, 1.5, '5', Number.NaN, 2 ** 31, 5n, null]],
    ['retries', [-1, 0.5, '2', null]],
    ['retryPauseMs', [-1, 0.5, '2', 2 ** 31, null]],
    ['bytesMax', [0, -1, 0.5, '2', null]],
    ['jwtKey', ['0123456789abcdef0123456789abcdef', new Uint8Array(31), new ArrayBuffer(32), Array(32).fill(0), null]],
    ['token', ['', 7, 'line\nbreak', 'é', null]],
    ['chainId', ['', 7, 'line\nbreak', 'é', null]],
    ['genesis', ['', 7, new Uint8Array(32), null]],
  ]
  for (const [option, values] of mistakes)
    for (const value of values) {
      const { message, details } = await refused(t, 'BAD_ARGUMENT', () => new RpcClient('http://127.0.0.1:1', any({ [option]: value })))
      t.is(details['field'], `options.${option}`)
      if (option === 'jwtKey' || option === 'token') t.notRegex(message, /0123|line|é/, 'a secret is not shown')
    }
  for (const options of [null, 7, 'x', [], () => {}]) await refused(t, 'BAD_ARGUMENT', () => new RpcClient('http://127.0.0.1:1', any(options)))

  const itself: Record<string, unknown> = {}
  itself['itself'] = itself
  await serving(
    (response) => json(response, { jsonrpc: '2.0', id: 0, result: {} }),
    async (url, seen) => {
      const client = new RpcClient(url)
      for (const options of [null, 7, 'x', []]) await refused(t, 'BAD_ARGUMENT', () => client.call('metaConsensusRpc_tip', {}, any(options)))
      for (const signal of [new AbortController(), null, 'x', {}, { aborted: false }])
        t.is((await refused(t, 'BAD_ARGUMENT', () => client.call('metaConsensusRpc_tip', {}, { signal: any(signal) }))).details['field'], 'options.signal')
      for (const method of [undefined, null, 7, Symbol('method')]) await refused(t, 'BAD_ARGUMENT', () => client.call(any(method), any({})))
      t.is((await refused(t, 'BAD_ARGUMENT', () => client.call('metaConsensusRpc_tip', any(itself)))).details['field'], 'input')
      t.deepEqual(seen, [])
    },
  )
})

test('a bigint is sent as the wire writes it', async (t) => {
  // It was a TypeError of JSON.stringify, although every amount elsewhere in this library is one.
  await serving(
    (response) => json(response, { jsonrpc: '2.0', id: 0, result: {} }),
    async (url, seen) => {
      const txs = [{ from: 'a', to: 'b', amount: 2n ** 63n - 1n }, { from: 'a', to: 'b', amount: '5' }]
      await new RpcClient(url).call('metaConsensusRpc_mintBlock', any({ txs, context: { nativeHeight: 1n } }))
      const sent = { txs: [{ ...txs[0], amount: '9223372036854775807' }, txs[1]], context: { nativeHeight: '1' } }
      t.deepEqual(seen[0]?.body.params, [sent])
    },
  )
})

test('the content type may have parameters, in either case', async (t) => {
  // Any other spelling than `application/json` was a server that does not speak the protocol.
  const types: [string, boolean][] = [
    ['application/json; charset=utf-8', true],
    ['Application/JSON ;charset=utf-8', true],
    ['application/jsonp', false],
    ['text/plain; application/json', false],
  ]
  for (const [type, right] of types)
    await serving(
      (response) => response.setHeader('content-type', type).end(JSON.stringify({ jsonrpc: '2.0', id: 0, result: {} })),
      async (url) => {
        const call = (): Promise<unknown> => new RpcClient(url).call('metaConsensusRpc_tip', {})
        if (right) t.deepEqual(await call(), {}, type)
        else await refused(t, 'RPC_PROTOCOL', call)
      },
    )
})

test('a signal ends a call, whoever made it, and keeps nothing of it', async (t) => {
  // One that was not made by Node was never heard.
  const foreign = () => {
    const listeners = new Set<() => void>()
    return {
      aborted: false,
      listeners,
      addEventListener(_: string, listener: () => void) { listeners.add(listener) },
      removeEventListener(_: string, listener: () => void) { listeners.delete(listener) },
      abort() { this.aborted = true; for (const listener of listeners) listener() },
    }
  }
  const aborter = new AbortController()
  const other = foreign()
  for (const [signal, abort] of [[aborter.signal, () => aborter.abort()], [any(other), () => other.abort()]] as [AbortSignal, () => void][])
    // Aborted when the request is there, so that there is something to end; the answer comes too late.
    await serving(
      (response) => {
        abort()
        json(response, { jsonrpc: '2.0', id: 0, result: {} })
      },
      async (url, seen) => {
        const client = new RpcClient(url)
        await refused(t, 'ABORTED', () => client.call('metaConsensusRpc_tip', {}, { signal }))
        await refused(t, 'ABORTED', () => client.call('metaConsensusRpc_tip', {}, { signal }))
        t.is(seen.length, 1)
      },
    )
  const kept = foreign()
  await serving(
    (response) => json(response, { jsonrpc: '2.0', id: 0, result: {} }),
    async (url) => void (await new RpcClient(url).call('metaConsensusRpc_tip', {}, { signal: any(kept) })),
  )
  t.is(other.listeners.size + kept.listeners.size, 0)
})
