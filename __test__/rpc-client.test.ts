// The JSON-RPC client against a server of the test's own: what it sends, and what it makes of each answer.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'ava'
import { MetachainError, RpcClient } from 'libmetachain'

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
  t.throws(() => new RpcClient('ftp://example'), { instanceOf: MetachainError })
  t.throws(() => new RpcClient('http://127.0.0.1:1', { jwtKey: new Uint8Array(31) }), { instanceOf: MetachainError })
})
