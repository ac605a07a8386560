// The example's program: opens a store, runs blocks through it, converts a contract's data, sums up.
import { realpathSync } from 'node:fs'
import { DriverError, MetachainError } from 'libmetachain'
import { InputError, inputBytes } from './input.js'
import { mineBlocks } from './mining.js'
import { DisagreementError } from './node.js'
import { parseOptions, usage, UsageError, type Options } from './options.mjs'
import { Progress } from './progress.js'
import { replayFile } from './replay.js'
import { convertStake } from './stake.js'
import { Store } from './store.js'
import { summaryJson, summaryText, type Summary } from './summary.js'
import { Tally } from './tally.js'

type Outcome = Pick<Summary, 'nativeLocked' | 'known' | 'reorganisation' | 'restart' | 'stopped'>

async function runBlocks(store: Store, options: Options, tally: Tally, progress: Progress, stop: AbortSignal): Promise<Outcome> {
  if (options.input === undefined) {
    const { locked, ...rest } = await mineBlocks(store, options, tally, progress, stop)
    return { ...rest, nativeLocked: locked, known: 0 }
  }
  const { locked, ...rest } = await replayFile(store, options.input, tally, progress, stop)
  return { ...rest, nativeLocked: locked, reorganisation: null, restart: null }
}

async function summarise(store: Store, options: Options, stop: AbortSignal): Promise<Summary> {
  const tally = new Tally()
  const progress = new Progress(!options.quiet)
  const started = performance.now()
  const outcome = await runBlocks(store, options, tally, progress, stop)
  const seconds = (performance.now() - started) / 1000
  return {
    ...outcome,
    source: options.input ?? `mined with --blocks ${options.blocks} --txs ${options.txs} --accounts ${options.accounts} --seed ${options.seed}`,
    metachain: store.metachain,
    tally,
    seconds,
    storeBytes: await store.bytes(),
    directory: options.dir === undefined ? null : store.directory,
    conversion: await convertStake(),
  }
}

/** Runs the example to its exit code. Stopping it with an interrupt closes the store properly. */
async function run(options: Options): Promise<number> {
  const interrupt = new AbortController()
  const onInterrupt = (): void => interrupt.abort()
  process.once('SIGINT', onInterrupt)
  process.once('SIGTERM', onInterrupt)
  try {
    if (options.input !== undefined) await inputBytes(options.input)
    const store = await Store.open(options.dir, options.network)
    try {
      const summary = await summarise(store, options, interrupt.signal)
      process.stdout.write(options.json ? `${summaryJson(summary)}\n` : `\n${summaryText(summary)}`)
      if (summary.stopped) return 130
      return summary.tally.surprises === 0 && summary.conversion.same ? 0 : 1
    } finally {
      await store.close()
    }
  } finally {
    process.off('SIGINT', onInterrupt)
    process.off('SIGTERM', onInterrupt)
  }
}

/** The program with its arguments, to its exit code: 0 done, 1 failed, 2 a mistake in the options. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(args)
    if (options.help) {
      process.stdout.write(usage)
      return 0
    }
    return await run(options)
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\nTry: npm start -- --help\n`)
      return 2
    }
    if (error instanceof InputError || error instanceof DisagreementError) process.stderr.write(`${error.message}\n`)
    else if (error instanceof MetachainError || error instanceof DriverError) process.stderr.write(`${error.code}: ${error.message}\n`)
    else throw error
    return 1
  }
}

const program = process.argv[1]
if (program !== undefined && realpathSync(program) === import.meta.filename) process.exitCode = await main(process.argv.slice(2))
