// Writes native blocks as ndjson, the input of `npm start -- --input`, to standard output:
//
//   node --import tsx examples/make-sample.ts > examples/sample.ndjson
//
// The same arguments write the same bytes. Among the transactions are bad ones, which the metachain
// rejects.
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { NativeChain } from './native-chain/native-chain.js'
import { people } from './native-chain/people.js'
import { Random } from './native-chain/random.js'
import { Workload } from './native-chain/workload.js'

const usage = `Usage: node --import tsx examples/make-sample.ts [options] > FILE.ndjson

  --blocks N    native blocks (default 40)
  --txs N       transactions in each (default 8)
  --accounts N  people who send and receive them (default 12)
  --seed TEXT   chooses all randomness (default sample)
`

const SECONDS_PER_BLOCK = 30

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** The lines of a sample. */
function* sample(blocks: number, txs: number, accounts: number, seed: string): Generator<string> {
  const workload = new Workload(people(accounts, new Random(`people ${seed}`)), new Random(`transactions ${seed}`))
  const chain = new NativeChain()
  for (let i = 0; i < blocks; i += 1) {
    const transactions = workload.arrivals(txs).map((offered) => offered.transaction)
    const block = chain.assemble(chain.tip.time + SECONDS_PER_BLOCK, new Uint8Array(), transactions)
    chain.append(block)
    yield JSON.stringify({
      nativeHeight: block.height,
      nativeHash: hex(block.hash),
      nativeParentHash: hex(block.parentHash),
      time: block.time,
      txs: transactions.map(({ from, to, amount, txid }) => ({ from, to, amount: amount.toString(), ...(txid && { txid: hex(txid) }) })),
    })
  }
}

const text = (fallback: string) => ({ type: 'string', default: fallback }) as const

function wholeNumber(name: string, value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new Error(`--${name} must be a whole number from 1, not '${value}'.`)
  return Number(value)
}

async function main(): Promise<number> {
  const options = { blocks: text('40'), txs: text('8'), accounts: text('12'), seed: text('sample') }
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: 'boolean', short: 'h' } } })
    if (values.help) {
      process.stdout.write(usage)
      return 0
    }
    const [blocks, txs, accounts] = [wholeNumber('blocks', values.blocks), wholeNumber('txs', values.txs), wholeNumber('accounts', values.accounts)]
    for (const line of sample(blocks, txs, accounts, values.seed)) if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain')
    return 0
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`)
    return 2
  }
}

process.exitCode = await main()
