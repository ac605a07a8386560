// The test programs of crates/libmc/tests/cpp: compiled by each compiler for each standard, run plainly,
// under sanitizers and under valgrind.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, run } from '../process.mjs'
import { duration } from '../terminal.mjs'
import { MetachainServer } from './metachain-server.mjs'
import { check, Failure } from './tally.mjs'

const sources = join(root, 'crates', 'libmc', 'tests', 'cpp')
/** Planted panics are no news: their backtraces stay out of the output. */
const env = { LIBMC_VECTORS: join(root, 'spec', 'vectors'), RUST_BACKTRACE: '0' }
const warnings = ['-Wall', '-Wextra', '-Wpedantic', '-Wshadow', '-Werror']
/** Compilers at work at one time. */
const JOBS = 2

/** One way of compiling. */
const ways = (compilers) => [
  ...compilers.flatMap((compiler) => ['c++17', 'c++20'].map((standard) => ({ compiler, standard, flags: ['-O1'], programs: ['api', 'lifecycle', 'vectors'] }))),
  { compiler: compilers[0], standard: 'c++17', flags: ['-O1'], programs: ['rpc', 'rpc_vectors', 'panic', 'exit_order'] },
  {
    compiler: compilers[0],
    standard: 'c++17',
    flags: ['-O1', '-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-fno-omit-frame-pointer'],
    sanitized: true,
    programs: ['api', 'lifecycle', 'vectors', 'rpc', 'rpc_vectors', 'exit_order'],
  },
]

const label = ({ compiler, standard, sanitized }) => `${compiler}, ${standard}${sanitized ? ', address and undefined-behaviour sanitizers' : ''}`

async function compile(way, program, { tools, work }) {
  const output = join(work, `${program}-${way.compiler}-${way.standard}${way.sanitized ? '-sanitized' : ''}`)
  const library = program === 'panic' ? tools.planted : tools.library
  const flags = [`-std=${way.standard}`, ...warnings, ...way.flags, '-isystem', join(library, 'include')]
  const { code, lines } = await run(way.compiler, [...flags, join(sources, `${program}.cpp`), '-o', output, `-L${join(library, 'lib')}`, '-lmetachain', '-lpthread', '-ldl', '-lm'])
  if (code !== 0) throw new Failure(lines.slice(0, 40).join('\n'))
  return output
}

/** Runs a program that counts its own tests. */
async function count(tally, name, command, args) {
  const started = performance.now()
  const { code, lines } = await run(command, args, { env })
  const found = lines.map((line) => /^(\d+) passed, (\d+) failed$/.exec(line)).findLast(Boolean)
  const [passed, failed] = found ? [Number(found[1]), Number(found[2])] : [0, 0]
  if (passed > 0) tally.pass(name, passed, `${passed} tests, ${duration(performance.now() - started)}`)
  if (failed > 0 || code !== 0) tally.fail(name, lines.slice(-60).join('\n'), Math.max(failed, 1))
  else if (passed === 0) tally.fail(name, 'it ran no test')
}

/** A port of the loopback interface where nobody listens: taken, and given back. */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

async function runClient(tally, name, binary, { tools }) {
  const chain = 'memory=1 chain_id=tests network=opaque native_start=100 genesis_time=1000 balance=0x0101010101010101010101010101010101010101:1000'
  const server = await MetachainServer.start(tools.server, { chain })
  try {
    await count(tally, name, binary, [server.url, server.token, `http://127.0.0.1:${await freePort()}`])
  } finally {
    await server.stop()
  }
}

/** The arguments of a chain with a scenario's genesis. */
function scenarioArguments({ genesis, undoDepth }) {
  const { chainId, network, transactionsMax, payloadBytesMax, replayWindow, time, nativeStart, balances } = genesis
  const fixed = `memory=1 chain_id=${chainId} network=${network} transactions_max=${transactionsMax} payload_bytes_max=${payloadBytesMax} replay_window=${replayWindow} genesis_time=${time} undo_depth=${undoDepth}`
  const rest = Object.entries(balances).map(([address, units]) => ` balance=${address}:${units}`)
  return `${fixed}${nativeStart === null ? '' : ` native_start=${nativeStart}`}${rest.join('')}`
}

/** The vectors through the client: each scenario on a server of its own. */
async function runRemoteVectors(tally, name, binary, { tools }) {
  const { scenarios } = JSON.parse(readFileSync(join(root, 'spec', 'vectors', 'chain.json'), 'utf8'))
  const servers = []
  try {
    for (const scenario of scenarios) servers.push(await MetachainServer.start(tools.server, { chain: scenarioArguments(scenario) }))
    await count(tally, name, binary, servers.flatMap(({ url, token }) => [url, token]))
  } finally {
    for (const server of servers) await server.stop()
  }
}

/** The process ends in each way while the metachain is open; the directory is free and whole afterwards. */
async function runExits(tally, name, command, args) {
  const expected = { atexit: 'stopped in atexit', static: 'stopped in a static destructor', thread_local: 'stopped in a thread_local destructor', never: 'left running', abort: 'aborted' }
  for (const [how, line] of Object.entries(expected))
    await tally.test(`${name}, ${how}`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'libmc-exit-'))
      try {
        const chain = `datadir=${folder}/meta chain_id=tests network=opaque native_start=100`
        for (let round = 0; round < 2; round += 1) {
          // The second time the store is there with its block: whatever ended the first left it whole.
          const { code, lines } = await run(command, [...args, how, chain], { env })
          check(code === 0 && lines.includes(line), `round ${round}: exit code ${code}\n${lines.join('\n')}`)
        }
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    })
}

async function runProgram(way, program, binary, context) {
  const { tally } = context
  const name = `${program} (${label(way)})`
  if (program === 'rpc') return runClient(tally, name, binary, context)
  if (program === 'rpc_vectors') return runRemoteVectors(tally, name, binary, context)
  if (program === 'exit_order') return runExits(tally, name, binary, [])
  return count(tally, name, binary, [])
}

/** Compiles everything, some at a time, then runs it one after the other. */
export async function checkPrograms(context) {
  const { tally, tools, work } = context
  mkdirSync(work, { recursive: true })
  const jobs = ways(tools.compilers).flatMap((way) => way.programs.map((program) => ({ way, program })))
  const waiting = [...jobs]
  const worker = async () => {
    for (let job = waiting.shift(); job; job = waiting.shift())
      try {
        job.binary = await compile(job.way, job.program, context)
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        tally.fail(`${job.program} compiles (${label(job.way)})`, error.message)
      }
  }
  await Promise.all(Array.from({ length: JOBS }, worker))
  for (const { way, program, binary } of jobs) if (binary) await runProgram(way, program, binary, context)

  if (!tools.valgrind) return
  const under = ['--quiet', '--error-exitcode=99', '--leak-check=full', '--errors-for-leak-kinds=definite']
  const plain = (program) => jobs.find((job) => job.program === program && !job.way.sanitized)?.binary
  if (plain('vectors')) await count(tally, 'vectors (valgrind)', 'valgrind', [...under, plain('vectors')])
  if (plain('exit_order')) await runExits(tally, 'exit_order (valgrind)', 'valgrind', [...under, plain('exit_order')])
}
