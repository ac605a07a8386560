// The vectors that every binding is held to, through TypeScript: on a chain of this process, and over JSON-RPC.
import test, { type ExecutionContext } from 'ava'
import { decodePayload, Metachain, RpcClient, serve } from 'libmetachain'
import { hex } from './support/native.js'
import { callChain, callServer, bytes, type GenesisVector, genesisOf, openScenario, outcome, type Scenario, type Step, vectors } from './support/vectors.js'

const { scenarios } = await vectors<{ scenarios: Scenario[] }>('chain.json')
const encodings = await vectors<{ genesis: (GenesisVector & { hash: string })[]; addresses: { text: string; network: string; canonical: string | null; code: string | null }[] }>('encodings.json')

/** Runs every step of a scenario, and compares what it came to with what the vectors say. */
async function follow(t: ExecutionContext, { name, steps }: Scenario, call: (step: Step) => Promise<unknown>): Promise<void> {
  t.true(steps.length > 5)
  for (const [index, step] of steps.entries()) {
    const expected = step.error ? { error: step.error } : { answer: step.answer }
    t.deepEqual(await outcome(() => call(step)), expected, `${name}, step ${index}: ${step.call}`)
  }
}

for (const scenario of scenarios) {
  test(`in this process: ${scenario.name}`, async (t) => {
    const chain = await openScenario(scenario)
    await follow(t, scenario, (step) => callChain(chain, step))
    await chain.close()
  })

  test(`over JSON-RPC: ${scenario.name}`, async (t) => {
    const chain = await openScenario(scenario)
    const token = 'vectors-vectors-vectors'
    const server = await serve(chain, { token })
    const client = new RpcClient(server.url, { token, chainId: scenario.genesis.chainId, genesis: hex(chain.genesisHash) })
    await follow(t, scenario, (step) => callServer(client, step))
    await server.close()
    await chain.close()
  })
}

test('the vectors cover what a chain can be asked, and how it can fail', (t) => {
  const steps = scenarios.flatMap((scenario) => scenario.steps)
  const calls = new Set(steps.map(({ call }) => call))
  for (const call of ['mintBlock', 'checkBlock', 'connectBlock', 'disconnectBlock', 'finalize', 'tip', 'account', 'withdrawals', 'transaction', 'payload', 'proveAccount', 'proveWithdrawal'])
    t.true(calls.has(call), call)
  const codes = new Set(steps.flatMap(({ error }) => error?.code ?? []))
  for (const code of ['UNKNOWN_PARENT', 'CONFLICT', 'NOT_TIP', 'FINALIZED', 'UNDO_TOO_DEEP', 'BAD_ARGUMENT', 'INVALID_ADDRESS', 'INVALID_ENCODING', 'INVALID_TRANSACTIONS'])
    t.true(codes.has(code), code)
})

test('genesis hashes are those of the vectors, in this process and over JSON-RPC', async (t) => {
  t.true(encodings.genesis.length > 0)
  for (const vector of encodings.genesis) {
    const chain = await Metachain.open({ genesis: genesisOf(vector) })
    t.is(hex(chain.genesisHash), vector.hash)
    const readToken = 'readers-readers-readers'
    const server = await serve(chain, { readToken })
    t.is((await new RpcClient(server.url, { token: readToken }).call('metaConsensusRpc_version', {})).genesisHash, vector.hash)
    await server.close()
    await chain.close()
  }
})

test('addresses are read and printed as the vectors say', async (t) => {
  t.true(encodings.addresses.length > 100)
  const payer = `0x${'01'.repeat(20)}`
  for (const network of new Set(encodings.addresses.map((vector) => vector.network))) {
    const chain = await Metachain.open({ genesis: genesisOf({ ...(scenarios[0] as Scenario).genesis, network } as GenesisVector) })
    for (const vector of encodings.addresses.filter((other) => other.network === network)) {
      const context = { nativeHeight: 500, nativeParentHash: bytes('50'.repeat(32)), time: 1_700_000_100 }
      const { payload, rejected } = chain.mintBlock(context, [{ from: payer, to: vector.text, amount: 1n }])
      t.is(rejected[0]?.code ?? null, vector.code, vector.text)
      if (vector.code === null) t.is(decodePayload(payload, chain.network).transactions[0]?.to ?? null, vector.canonical)
    }
    await chain.close()
  }
})
