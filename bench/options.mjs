// The command line of `npm run bench`.
import { parseArgs } from 'node:util'
import { suiteNames } from './suites/index.mjs'

/** A mistake in the options; the message says which. */
export class OptionError extends Error {}

export const usage = `Usage: npm run bench -- [options]

Measures this package beside its peers and its limits, contestants turn by turn, and prints a table for
each row.

  --suite NAME,...   only these suites: ${suiteNames.join(', ')}
  --row NAME,...     only these rows, or families of rows: mint.packed.1000, connect
  --quick            fewer accounts, sizes and rounds: for a first look
  --accounts N       accounts of the rows of blocks (default 1000000, quick 50000)
  --json FILE        writes all rows to a file too
  --plot             draws the rows, as SVG and PNG, into bench/results
  --write            writes docs/benchmarks.md with its plots and the README's table
  --from FILE        measures nothing, and takes the rows from a file that --json wrote
  --check FILE       compares ratios with a baseline, measuring only its rows where --row names
                     none; what is worse than half is measured once more, and fails if it stays so
  --baseline FILE    writes the ratios of this run as a baseline
  --contestant NAME=MODULE
                     another implementation of the same interface, measured beside ours
  -h, --help         this text

Results of the last run are kept in bench/results. Exit codes: 0 measured, 1 a check or a contestant
failed, 2 a mistake in the options, 130 interrupted.
`

const names = {
  suite: { type: 'string' },
  row: { type: 'string' },
  quick: { type: 'boolean', default: false },
  accounts: { type: 'string' },
  json: { type: 'string' },
  plot: { type: 'boolean', default: false },
  write: { type: 'boolean', default: false },
  from: { type: 'string' },
  check: { type: 'string' },
  baseline: { type: 'string' },
  contestant: { type: 'string', multiple: true, default: [] },
  help: { type: 'boolean', short: 'h', default: false },
}

/** Where results went is nobody's business. */
const files = new Set(['--json', '--from', '--baseline'])

/** Reads the options, or throws `OptionError`. */
export function parseOptions(args) {
  let values
  try {
    ;({ values } = parseArgs({ args, options: names }))
  } catch (error) {
    throw new OptionError(error.message)
  }
  const suites = values.suite?.split(',') ?? suiteNames
  const shown = args.filter((arg, at) => ![arg, args[at - 1]].some((text) => files.has(text)) && !/^--(json|from|baseline)=/.test(arg))
  const unknown = suites.find((name) => !suiteNames.includes(name))
  if (unknown !== undefined) throw new OptionError(`There is no suite '${unknown}'. Suites: ${suiteNames.join(', ')}.`)
  return {
    ...values,
    suites,
    rows: values.row?.split(',') ?? null,
    accounts: accountsOf(values.accounts),
    contestants: values.contestant.map(contestantOf),
    command: ['npm run bench', ...(shown.length > 0 ? ['--', ...shown] : [])].join(' '),
  }
}

function accountsOf(text) {
  if (text === undefined) return null
  const accounts = Number(text)
  if (!Number.isInteger(accounts) || accounts < 1000 || accounts > 20_000_000) throw new OptionError(`--accounts is a number from 1000 to 20000000, not '${text}'.`)
  return accounts
}

function contestantOf(text) {
  const [name, module] = text.split(/=(.*)/s)
  if (!/^[a-z][a-z0-9-]*$/.test(name) || !module) throw new OptionError(`--contestant is NAME=MODULE with a name of small letters, not '${text}'.`)
  return { name, module }
}
