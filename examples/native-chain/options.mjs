// The command line of the example. Plain JavaScript, because it is read before anything is installed.
import { parseArgs } from 'node:util'

/** A mistake on the command line; the message says which. */
export class UsageError extends Error {}

export const networks = [
  'defichain-mainnet', 'defichain-testnet', 'defichain-regtest',
  'bitcoin-mainnet', 'bitcoin-testnet', 'bitcoin-regtest', 'opaque',
]

const defaults = { blocks: 200, txs: 100, accounts: 500, seed: '1', network: 'defichain-mainnet' }

export const usage = `Usage: npm start -- [options]

Mines a small native chain whose blocks carry a metachain, through one
reorganisation and one restart, then converts a Dusk contract's data.

  --blocks N      native blocks to mine (default ${defaults.blocks})
  --txs N         transactions offered to each block (default ${defaults.txs})
  --accounts N    people who send and receive them (default ${defaults.accounts})
  --seed TEXT     chooses all randomness; the same seed gives the same chain (default ${defaults.seed})
  --input FILE    run the native blocks of an ndjson file instead of mining
                  (one JSON object a line; format: examples/README.md)
  --network NAME  network of the file's native addresses (default ${defaults.network}):
                  ${networks.slice(0, 3).join(', ')},
                  ${networks.slice(3).join(', ')}
  --dir DIR       keep the store there; a store found there is continued
                  (default: a temporary directory, removed at the end)
  --json          print the summary as JSON
  --quiet         no progress, only the summary
  -h, --help      this text

Exit codes: 0 done, 1 a block or the store failed, 2 a mistake in the options.
`

const spec = /** @type {const} */ ({
  blocks: { type: 'string' },
  txs: { type: 'string' },
  accounts: { type: 'string' },
  seed: { type: 'string' },
  input: { type: 'string' },
  network: { type: 'string' },
  dir: { type: 'string' },
  json: { type: 'boolean' },
  quiet: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
})

function count(values, name, least, most) {
  const text = values[name]
  if (text === undefined) return defaults[name]
  const number = Number(text)
  if (!/^\d+$/.test(text) || number < least || number > most)
    throw new UsageError(`--${name} must be a whole number from ${least} to ${most}, not '${text}'.`)
  return number
}

function given(values, name) {
  if (values[name] === '') throw new UsageError(`--${name} must not be empty.`)
  return values[name]
}

/** Reads the command line. Throws `UsageError`. */
export function parseOptions(args) {
  let values
  try {
    values = parseArgs({ args, options: spec, strict: true, allowPositionals: false }).values
  } catch (error) {
    // Node's second sentence explains how to pass words that begin with a dash: of no use here.
    throw new UsageError(String(error.message).split(/(?<=[.'])\s/)[0])
  }
  if (values.input !== undefined)
    for (const name of ['blocks', 'txs', 'accounts', 'seed'])
      if (values[name] !== undefined) throw new UsageError(`--${name} has no meaning with --input: the file says what the blocks hold.`)
  if (values.input === undefined && values.network !== undefined)
    throw new UsageError('--network has a meaning only with --input: it says how to read the addresses of the file.')
  if (values.network !== undefined && !networks.includes(values.network))
    throw new UsageError(`--network must be one of ${networks.join(', ')}, not '${values.network}'.`)
  return {
    blocks: count(values, 'blocks', 1, 100_000_000),
    txs: count(values, 'txs', 0, 100_000),
    accounts: count(values, 'accounts', 2, 1_000_000),
    seed: given(values, 'seed') ?? defaults.seed,
    input: given(values, 'input'),
    network: values.network ?? defaults.network,
    dir: given(values, 'dir'),
    json: values.json ?? false,
    quiet: values.quiet ?? false,
    help: values.help ?? false,
  }
}
