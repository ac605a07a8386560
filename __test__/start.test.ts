// The start command: its options, a whole run, runs from a file, and what a bad file leaves behind.
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { InputError, parseBlock } from '../examples/native-chain/input.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const sample = join(root, 'examples', 'sample.ndjson')

interface Finished {
  code: number | null
  out: string
  err: string
}

type OnError = (text: string, kill: (signal: NodeJS.Signals) => void) => void

/** Programs of these tests that run at once: ava starts all tests of a file together. */
const RUNNING_MAX = 3
let running = 0
const waiting: (() => void)[] = []

/** Runs a program of the repository to its end; `onError` sees its error stream as it comes. */
async function run(args: readonly string[], onError?: OnError): Promise<Finished> {
  if (running >= RUNNING_MAX) await new Promise<void>((resolve) => waiting.push(resolve))
  running += 1
  try {
    return await finish(args, onError)
  } finally {
    running -= 1
    waiting.shift()?.()
  }
}

function finish(args: readonly string[], onError?: OnError): Promise<Finished> {
  return new Promise((resolve, reject) => {
    // A run that hangs must end before its test does, or it stays behind.
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], timeout: 280_000, killSignal: 'SIGKILL' })
    let out = ''
    let err = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text
      onError?.(text, (signal) => child.kill(signal))
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, out, err }))
  })
}

/** The command as `npm start` runs it, set-up included. */
const start = (...args: string[]) => run(['scripts/start.mjs', ...args])

/** The example itself, without set-up. */
const example = (...args: string[]) => run(['--import', 'tsx', 'examples/native-chain/main.ts', ...args])

async function directory(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'libmetachain-test-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

/** What `--json` prints, as far as the tests look at it. */
interface Report {
  height: number
  nativeHeight: number
  stateRoot: string
  supply: string
  locked: string
  nativeLocked: string
  blocks: number
  known: number
  accepted: number
  rejected: number
  rejections: Record<string, number>
  surprises: number
  reorganisation: { undone: number; mined: number; rejected: number } | null
  restart: { height: number } | null
  stopped: boolean
  stake: { same: boolean; rkyv: string; decoded: { value: string; chain_id: number } }
}

const report = ({ out }: Finished): Report => JSON.parse(out) as Report

test('--help prints the options and builds nothing', async (t) => {
  const { code, out, err } = await start('--help')
  t.is(code, 0)
  t.is(err, '')
  for (const option of ['--blocks', '--txs', '--accounts', '--seed', '--input', '--dir', '--json', '--quiet']) t.true(out.includes(option), option)
})

const mistakes: [string[], RegExp][] = [
  [['--block', '3'], /'--block'/],
  [['here'], /'here'/],
  [['--blocks'], /--blocks/],
  [['--blocks', 'many'], /--blocks must be a whole number from 1 .*'many'/],
  [['--blocks', '0'], /--blocks must be/],
  [['--blocks', '1.5'], /--blocks must be/],
  [['--blocks=-1'], /--blocks must be/],
  [['--txs', '1000000000'], /--txs must be/],
  [['--accounts', '1'], /--accounts must be/],
  [['--dir', ''], /--dir must not be empty/],
  [['--json=yes'], /--json/],
  [['--input', 'x', '--blocks', '3'], /--blocks has no meaning with --input/],
  [['--network', 'bitcoin-mainnet'], /--network has a meaning only with --input/],
  [['--input', 'x', '--network', 'litecoin'], /--network must be one of .*'litecoin'/],
]

for (const [args, message] of mistakes)
  test(`a mistake in the options is said, with exit code 2: ${args.join(' ')}`, async (t) => {
    const { code, out, err } = await start(...args)
    t.is(code, 2)
    t.is(out, '')
    t.regex(err, message)
    t.notRegex(err, /\n\s+at /, 'no stack')
  })

test('a whole run keeps both ledgers equal through bad transactions, a reorganisation and a restart', async (t) => {
  const finished = await example('--blocks', '40', '--txs', '60', '--accounts', '30', '--json')
  t.is(finished.code, 0, finished.err)
  const result = report(finished)
  t.is(result.height, 40)
  t.is(result.nativeHeight, 2_000_040)
  t.true(BigInt(result.supply) > 0n)
  t.is(result.supply, result.locked)
  t.is(result.supply, result.nativeLocked)
  t.is(result.reorganisation?.undone, 3)
  t.is(result.reorganisation?.mined, 4)
  t.is(result.restart?.height, 30)
  t.is(result.blocks, 40 + 3)
  t.deepEqual(Object.keys(result.rejections).sort(), ['DUPLICATE_TXID', 'INSUFFICIENT_BALANCE', 'INVALID_ADDRESS', 'INVALID_AMOUNT', 'INVALID_KIND'])
  t.is(result.surprises, 0)
  t.true(result.stake.same)
  t.is(result.stake.decoded.value, '4014086097495')
  t.true(result.stake.rkyv.length > 0)
})

test('the start command makes everything ready and runs the example', async (t) => {
  const finished = await start('--blocks', '3', '--txs', '5', '--json')
  t.is(finished.code, 0, finished.err)
  t.is(report(finished).height, 3)
  t.regex(finished.err, /Set-up complete in/)
})

test('the summary for people says what the JSON says', async (t) => {
  const options = ['--blocks', '8', '--txs', '30', '--accounts', '10', '--quiet']
  const [text, json] = await Promise.all([example(...options), example(...options, '--json')])
  t.is(text.code, 0, text.err)
  t.is(text.err, '', 'quiet')
  const { stateRoot } = report(json)
  t.true(text.out.includes(stateRoot))
  t.regex(text.out, /all three are equal/)
  t.regex(text.out, /The decoded object equals the given one/)
})

test('a seed determines the chain', async (t) => {
  const seeded = async (seed: string) => report(await example('--blocks', '6', '--txs', '20', '--seed', seed, '--json', '--quiet')).stateRoot
  const [first, again, other] = await Promise.all([seeded('a'), seeded('a'), seeded('b')])
  t.is(first, again)
  t.not(first, other)
})

test('a store that is there is continued', async (t) => {
  const dir = await directory(t)
  const options = ['--blocks', '5', '--txs', '20', '--accounts', '10', '--dir', dir, '--json', '--quiet']
  const first = await example(...options)
  t.is(first.code, 0, first.err)
  const second = await example(...options)
  t.is(second.code, 0, second.err)
  t.is(report(second).height, 10)
  t.is(report(second).nativeHeight, report(first).nativeHeight + 5)
  t.is(report(second).supply, report(second).nativeLocked)
})

test('an interrupt closes the store', async (t) => {
  const dir = await directory(t)
  const stopped = await run(
    ['--import', 'tsx', 'examples/native-chain/main.ts', '--blocks', '10000000', '--txs', '5', '--dir', dir, '--json'],
    // The first line of progress: blocks are being mined.
    (text, kill) => text.includes('blocks/s') && kill('SIGINT'),
  )
  t.is(stopped.code, 130, stopped.err)
  t.true(report(stopped).stopped)
  const { height } = report(stopped)
  const next = await example('--blocks', '1', '--dir', dir, '--json', '--quiet')
  t.is(next.code, 0, next.err)
  t.is(report(next).height, height + 1)
})

test('the sample runs, and its generator writes it', async (t) => {
  const finished = await example('--input', sample, '--json', '--quiet')
  t.is(finished.code, 0, finished.err)
  const result = report(finished)
  t.is(result.height, 40)
  t.is(result.accepted + result.rejected, 40 * 8)
  t.true(result.rejected > 0)
  t.is(result.supply, result.nativeLocked)
  const { out } = await run(['--import', 'tsx', 'examples/make-sample.ts'])
  t.is(out, await readFile(sample, 'utf8'))
})

test('progress goes to the error stream and says how fast it goes', async (t) => {
  const { out, err } = await example('--input', sample, '--json')
  t.regex(err, /100%.*blocks\/s.*tx\/s/)
  t.notThrows(() => JSON.parse(out))
})

test('line ends of other systems, blank lines and a missing last line end are read', async (t) => {
  const dir = await directory(t)
  const [first, second, third] = await goodLines(3)
  const path = join(dir, 'blocks.ndjson')
  await writeFile(path, `\ufeff${first}\r\n\r\n${second}\r\n   \n${third}`)
  const finished = await example('--input', path, '--json', '--quiet')
  t.is(finished.code, 0, finished.err)
  t.is(report(finished).height, 3)
})

type Fields = Record<string, unknown>

/** Each makes one field of a good line bad; the pattern is what the message must say. */
const malformed: [string, (line: Fields, txs: Fields[]) => unknown, RegExp][] = [
  ['a missing field', (line) => delete line.time, /^time is missing/],
  ['an unknown field', (line) => (line.fee = 1), /^fee is not a known field/],
  ['a height as text', (line) => (line.nativeHeight = '2000003'), /^nativeHeight must be a whole number/],
  ['a height past 2^53', (line) => (line.nativeHeight = 2 ** 53), /^nativeHeight must be a whole number/],
  ['a negative time', (line) => (line.time = -1), /^time must be a whole number/],
  ['a broken time', (line) => (line.time = 1.5), /^time must be a whole number/],
  ['a short hash', (line) => (line.nativeHash = 'abcd'), /^nativeHash must be 64 hex digits/],
  ['a parent hash that is no hex', (line) => (line.nativeParentHash = 'z'.repeat(64)), /^nativeParentHash must be 64 hex digits/],
  ['transactions that are no array', (line) => (line.txs = {}), /^txs must be an array/],
  ['a transaction that is null', (line) => (line.txs = [null]), /^txs\[0\] must be a JSON object/],
  ['a transaction without amount', (_, txs) => delete txs[1]?.amount, /^txs\[1\]\.amount is missing/],
  ['an amount as number', (_, txs) => ((txs[1] as Fields).amount = 5), /^txs\[1\]\.amount must be a string of decimal digits/],
  ['an amount with a point', (_, txs) => ((txs[1] as Fields).amount = '0.5'), /^txs\[1\]\.amount must be/],
  ['an amount past 64 bits', (_, txs) => ((txs[1] as Fields).amount = '9223372036854775808'), /^txs\[1\]\.amount does not fit in 64 bits/],
  ['a misspelt txid', (_, txs) => ((txs[0] as Fields).txId = ''), /^txs\[0\]\.txId is not a known field/],
  ['a short txid', (_, txs) => ((txs[0] as Fields).txid = '00'), /^txs\[0\]\.txid must be 64 hex digits/],
  ['a sender that is no text', (_, txs) => ((txs[2] as Fields).from = 7), /^txs\[2\]\.from must be a string/],
]

/** The first lines of the sample. */
const goodLines = async (count: number) => (await readFile(sample, 'utf8')).split('\n').slice(0, count)

for (const [name, spoil, message] of malformed)
  test(`a malformed line is refused by the name of its field: ${name}`, async (t) => {
    const [good] = await goodLines(1)
    t.notThrows(() => parseBlock(good as string))
    const line = JSON.parse(good as string) as Fields
    spoil(line, line.txs as Fields[])
    t.throws(() => parseBlock(JSON.stringify(line)), { instanceOf: InputError, message })
  })

test('a line that is no JSON object is refused', (t) => {
  t.throws(() => parseBlock('{"nativeHeight": 1,'), { instanceOf: InputError, message: /^not valid JSON/ })
  for (const line of ['[]', 'null', '7', '"text"']) t.throws(() => parseBlock(line), { instanceOf: InputError, message: /must be a JSON object/ })
})

const stops: [string, (line: string) => string, RegExp][] = [
  ['half a line', (line) => line.slice(0, 200), /not valid JSON/],
  ['a bad field', (line) => line.replace('"time":', '"tme":'), /time is missing/],
  ['a parent of another chain', (line) => line.replace(/"nativeParentHash":"\w+"/, `"nativeParentHash":"${'00'.repeat(32)}"`), /UNKNOWN_PARENT/],
  ['a height that is left out', (line) => line.replace('"nativeHeight":2000003', '"nativeHeight":2000004'), /BAD_ARGUMENT/],
]

for (const [name, spoil, message] of stops)
  test(`a bad line stops the run with its number and keeps what came before: ${name}`, async (t) => {
    const dir = await directory(t)
    const path = join(dir, 'blocks.ndjson')
    const good = await goodLines(4)
    const bad = spoil(good[2] as string)
    t.not(bad, good[2])
    await writeFile(path, [good[0], good[1], bad, good[3], ''].join('\n'))

    const store = join(dir, 'store')
    const stopped = await example('--input', path, '--dir', store, '--json', '--quiet')
    t.is(stopped.code, 1)
    t.is(stopped.out, '')
    t.true(stopped.err.startsWith(`${path}:3: `), stopped.err)
    t.regex(stopped.err, message)
    t.regex(stopped.err, /last good block: height 2, native block 2000002/)

    await writeFile(path, [...good, ''].join('\n'))
    const mended = await example('--input', path, '--dir', store, '--json', '--quiet')
    t.is(mended.code, 0, mended.err)
    t.is(report(mended).known, 2)
    t.is(report(mended).height, 4)
  })

test('bytes that are no UTF-8 are named by their line', async (t) => {
  const dir = await directory(t)
  const path = join(dir, 'blocks.ndjson')
  const [first] = await goodLines(1)
  await writeFile(path, Buffer.concat([Buffer.from(`${first}\n`), Buffer.from([0x7b, 0xff, 0x7d])]))
  const { code, err } = await example('--input', path, '--quiet')
  t.is(code, 1)
  t.regex(err, /:2: not UTF-8 text/)
})

test('an input that is missing, a directory or empty is said', async (t) => {
  const dir = await directory(t)
  const empty = join(dir, 'empty.ndjson')
  await writeFile(empty, '\n')
  for (const [path, message] of [[join(dir, 'none'), /cannot be read/], [dir, /is a directory/], [empty, /holds no block/]] as const) {
    const { code, err } = await example('--input', path, '--quiet')
    t.is(code, 1)
    t.regex(err, message)
  }
})

test('a store of another network is refused', async (t) => {
  const dir = await directory(t)
  const first = await example('--input', sample, '--dir', dir, '--quiet')
  t.is(first.code, 0, first.err)
  const other = await example('--input', sample, '--network', 'defichain-testnet', '--dir', dir, '--quiet')
  t.is(other.code, 1)
  t.regex(other.err, /^GENESIS_MISMATCH: /)
})
