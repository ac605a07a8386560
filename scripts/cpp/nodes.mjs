// The example native node: two instances, the metachain in-process and over JSON-RPC, lies, reorganisations,
// crashes at every moment, and ends of either side.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from '../process.mjs'
import { Child } from './child.mjs'
import { MetachainServer } from './metachain-server.mjs'
import { check } from './tally.mjs'

const ALICE = 'bcrt1qxvenxvenxvenxvenxvenxvenxvenxvenztev8a'
const BOB = 'mh5CE8Nbj38iND267s4XnvhSmhDW7yWc6Q'
const META_ALICE = '0x1111111111111111111111111111111111111111'
const META_BOB = '0x2222222222222222222222222222222222222222'
const CHAIN = 'chain_id=example network=defichain-regtest native_start=1'

const BLOCKS = 200
/** Blocks between two looks of the second node. */
const PULL_EVERY = 20

/** One native node with its folder and, over RPC, its metachain's server. */
class NativeNode {
  constructor(context, name, mode, options = []) {
    this.context = context
    this.mode = mode
    this.options = options
    this.folder = mkdtempSync(join(context.work, `${name}-`))
  }

  static async start(context, name, mode, options) {
    const node = new NativeNode(context, name, mode, options)
    await node.open()
    return node
  }

  get chain() {
    return `datadir=${this.folder}/meta ${CHAIN}`
  }

  async open() {
    if (this.mode === 'rpc' && !this.server) this.server = await MetachainServer.start(this.context.tools.server, { chain: this.chain })
    const args = [`-datadir=${this.folder}`, `-miner=${ALICE}`, '-listen=0', ...this.options]
    if (this.mode === 'rpc') {
      writeFileSync(join(this.folder, 'token'), `${this.server.token}\n`)
      args.push('-meta_rpc', this.server.url, '-meta_rpc_token_file', join(this.folder, 'token'))
    } else {
      args.push('-meta', this.chain)
    }
    this.child = new Child(this.context.program, args)
    const ready = await this.child.line(/^ready /)
    this.port = Number(/port=(\d+)/.exec(ready)[1])
    return ready
  }

  /** Sends a command and returns its answer, without the word before it. */
  async ask(command) {
    this.child.send(command)
    const line = await this.child.line(/^(ok|error) /)
    check(line.startsWith('ok '), `${command.slice(0, 60)}: ${line}`)
    return line.slice(3)
  }

  async refused(command) {
    this.child.send(command)
    const line = await this.child.line(/^(ok|error) /)
    check(line.startsWith('error '), `${command.slice(0, 60)} was not refused: ${line.slice(0, 200)}`)
    return line.slice(6)
  }

  /** What it stands at: the same text for nodes that agree. */
  async status() {
    const status = (await this.ask('status')).replace(/ waiting=\d+$/, '')
    const { height, meta_height: metaHeight, supply, locked } = Object.fromEntries(status.split(' ').map((pair) => pair.split('=')))
    check(height === metaHeight && supply === locked, `native chain and metachain are not in step: ${status}`)
    return status
  }

  async crash() {
    this.child.kill('SIGKILL')
    await this.child.ended()
  }

  /** Expects the node to have died where it was told to, and starts it again. */
  async reborn() {
    const { signal, errors } = await this.child.ended()
    check(signal === 'SIGKILL', `it did not die: ${errors}`)
    return this.open()
  }

  async stop() {
    if (this.child && !this.child.end) {
      this.child.send('stop')
      const { code, errors } = await this.child.ended()
      check(code === 0, `it did not stop cleanly: ${code} ${errors}`)
    }
    if (this.server) {
      const { code, errors } = await this.server.stop()
      this.server = undefined
      check(code === 0, `the server did not stop cleanly: ${code} ${errors}`)
    }
  }

  /** Whatever a failed test left behind. */
  async remove() {
    if (this.child && !this.child.end) await this.crash()
    await this.server?.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Runs a body with nodes, and clears them away whatever comes of it. */
async function withNodes(context, starts, body) {
  const nodes = []
  try {
    for (const start of starts) nodes.push(await NativeNode.start(context, ...start))
    await body(...nodes)
    for (const node of nodes) await node.stop()
  } finally {
    for (const node of nodes) await node.remove()
  }
}

/** Numbers that are the same in every run. */
function* numbers(seed) {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    yield state >>> 8
  }
}

/** Puts transactions into a node's mempool, some of which the metachain will reject. */
async function trade(node, random) {
  const next = (below) => random.next().value % below
  await node.ask(`deposit ${ALICE} ${META_ALICE} ${1 + next(1_000_000)}`)
  if (next(2) === 0) await node.ask(`transfer ${META_ALICE} ${META_BOB} ${1 + next(1_500_000)}`)
  if (next(3) === 0) await node.ask(`withdraw ${META_BOB} ${BOB} ${1 + next(1_000_000)}`)
}

async function agree(a, b) {
  const [left, right] = [await a.status(), await b.status()]
  check(left === right, `the nodes differ:\n${left}\n${right}`)
  return left
}

/** Two nodes over many blocks, a reorganisation and a crash of each. */
async function life(context, modes) {
  const [first, second] = modes
  await withNodes(context, [['a', first], ['b', second]], async (a, b) => {
    const random = numbers(7)
    await a.ask('mine')
    for (let height = 2; height <= BLOCKS; height += 1) {
      await trade(a, random)
      await a.ask('mine')
      if (height % PULL_EVERY === 0) {
        await b.ask(`pull ${a.port}`)
        await agree(a, b)
      }
    }
    check(Number(await a.ask(`balance ${BOB}`)) > 0, 'nothing was withdrawn')
    check((await a.ask(`balance ${META_ALICE}`)) === (await b.ask(`balance ${META_ALICE}`)), 'balances differ')

    // Both go on alone; the longer branch wins on both.
    for (let n = 0; n < 3; n += 1) {
      await trade(b, random)
      await b.ask('mine')
    }
    for (let n = 0; n < 6; n += 1) {
      await trade(a, random)
      await a.ask('mine')
    }
    b.child.send(`pull ${a.port}`)
    await b.child.line(new RegExp(`^disconnected ${BLOCKS + 1} `))
    await b.child.line(/^ok 6 blocks/)
    await agree(a, b)

    for (const [node, other] of [[a, b], [b, a]]) {
      // Dies somewhere among these blocks, wherever that finds it.
      node.child.send('mine 40')
      await node.child.line(/^connected /)
      await node.crash()
      await node.open()
      await node.status()
      await other.ask(`pull ${node.port}`)
      await agree(node, other)
    }
    await a.stop()
    await a.open()
    await agree(a, b)
  })
}

/** Dies at one moment, and is in step again after the next start. */
async function deaths(context, mode) {
  await withNodes(context, [['dying', mode], ['other', 'in-process']], async (node, other) => {
    const random = numbers(3)
    for (const moment of ['stored', 'connected']) {
      await trade(node, random)
      await node.ask(`die ${moment}`)
      node.child.send('mine')
      await node.reborn()
      const status = await node.status()
      // The block had been stored: it is not lost.
      check(/^height=(1|3) /.test(status), `died when ${moment}: ${status}`)
      await node.ask('mine')
    }
    await other.ask(`pull ${node.port}`)
    await other.ask('mine 3')
    // A transaction of its own: two blocks of one second that say the same are the same.
    await trade(node, random)
    await node.ask('mine')
    await node.ask('die disconnected')
    node.child.send(`pull ${other.port}`)
    await node.reborn()
    await node.ask(`pull ${other.port}`)
    await agree(node, other)
  })
}

/** A dishonest miner's blocks are refused, by their verdict, and honest ones go on. */
async function lies(context, mode) {
  await withNodes(context, [['liar', 'in-process'], ['honest', mode]], async (liar, honest) => {
    await liar.ask('mine 3')
    await honest.ask(`pull ${liar.port}`)
    const before = await honest.status()
    const expected = { payload: /invalid block: INVALID_/, invented: /invalid block: INVALID_TRANSACTIONS/, missing: /invalid block: INVALID_TRANSACTIONS/ }
    for (const [lie, verdict] of Object.entries(expected)) {
      const block = await liar.ask(`forge ${lie}`)
      for (let times = 0; times < 2; times += 1) {
        const said = await honest.refused(`submit ${block}`)
        check(verdict.test(said), `${lie}: ${said}`)
      }
      check((await honest.status()) === before, `${lie} moved the chain`)
    }
    check(/no block/.test(await honest.refused('submit 00')), 'a block that is none was not named so')
    await liar.ask('mine')
    await honest.ask(`pull ${liar.port}`)
    await agree(liar, honest)
  })
}

/** A branch that is longer and bad is tried, given up, and leaves the chain where it was. */
async function badBranch(context, mode) {
  await withNodes(context, [['liar', 'in-process'], ['honest', mode]], async (liar, honest) => {
    await liar.ask('mine 2')
    await honest.ask(`pull ${liar.port}`)
    await honest.ask(`deposit ${ALICE} ${META_ALICE} 77`)
    await honest.ask('mine')
    const before = await honest.status()
    // A side branch of one honest block and one lie: only the second makes it the longer one.
    await liar.ask('mine')
    await honest.ask(`pull ${liar.port}`)
    const lie = await liar.ask('forge missing')
    check(/INVALID_TRANSACTIONS/.test(await honest.refused(`submit ${lie}`)), 'the bad branch was taken')
    check((await honest.status()) === before, 'the chain is not where it was')
    await honest.ask('mine 3')
    await liar.ask(`pull ${honest.port}`)
    await agree(liar, honest)
  })
}

/** The program ends with the reason, and with this code. */
async function ends(context, args, code, reason) {
  const child = new Child(context.program, args)
  // Nothing to command: a node that runs in spite of it all stops here, with another code.
  child.endInput()
  const end = await child.ended()
  check(end.code === code && reason.test(end.errors), `expected ${code} and ${reason}, found ${end.code}: ${end.errors}`)
}

async function mistakes(context) {
  const folder = mkdtempSync(join(context.work, 'mistakes-'))
  const base = [`-datadir=${folder}/node`, `-miner=${ALICE}`]
  const meta = ['-meta', `datadir=${folder}/meta ${CHAIN}`]
  await ends(context, base, 2, /one of -meta and -meta_rpc is needed, and only one/)
  await ends(context, [...base, ...meta, '-meta_rpc', 'http://127.0.0.1:1'], 2, /one of -meta and -meta_rpc/)
  await ends(context, [...base, ...meta, '-colour=red'], 2, /no option -colour/)
  await ends(context, [...base, '-meta', 'colour=red'], 1, /BAD_ARGUMENT: .*colour/)
  await ends(context, [...base, '-meta_rpc', 'http://127.0.0.1:1'], 1, /RPC_UNAVAILABLE: /)
  await ends(context, [...base, ...meta, '-locked=5'], 1, /LOCKED_MISMATCH: /)
  await ends(context, [...base, ...meta], 0, /^$/)
  await ends(context, [...base, '-meta', `datadir=${folder}/meta ${CHAIN} replay_window=5`], 1, /GENESIS_MISMATCH: /)
  rmSync(folder, { recursive: true, force: true })
}

/** Either side's end is the program's. */
async function sidesFail(context) {
  const node = await NativeNode.start(context, 'lonely', 'rpc')
  try {
    await node.ask('mine 2')
    // Two nodes on one metachain, or on one native chain: the second ends.
    await ends(context, [`-datadir=${node.folder}`, `-miner=${ALICE}`, '-meta', 'memory=1 chain_id=x network=defichain-regtest'], 1, /another node uses/)
    await ends(context, [`-datadir=${node.folder}/second`, `-miner=${ALICE}`, '-meta', node.chain], 1, /STORE_LOCKED: /)
    await ends(context, [`-datadir=${node.folder}/second`, `-miner=${ALICE}`, '-meta_rpc', node.server.url], 1, /RPC_UNAUTHORIZED: /)
    // The metachain's server dies while the node waits: the node notices by itself.
    const { port, token } = node.server
    await node.server.kill()
    const end = await node.child.ended()
    check(end.code === 1 && /RPC_UNAVAILABLE: /.test(end.errors), `expected 1 and RPC_UNAVAILABLE, found ${end.code}: ${end.errors}`)
    node.server = await MetachainServer.start(context.tools.server, { chain: node.chain, port, token })
    await node.open()
    await node.ask('mine')
    check(/^height=3 /.test(await node.status()), 'blocks were lost with the server')
    await node.stop()
  } finally {
    await node.remove()
  }
}

/** A store that cannot grow ends the node, with the reason, and is whole afterwards. */
async function diskFull(context) {
  const folder = mkdtempSync(join(context.work, 'full-'))
  const args = [`-datadir=${folder}`, `-miner=${ALICE}`, '-meta', `datadir=${folder}/meta ${CHAIN}`]
  // No file may grow beyond some kilobytes, as on a full disk; the signal is ignored, so that writes fail.
  const limited = new Child('sh', ['-c', 'trap "" XFSZ; ulimit -f 8; exec "$@"', 'sh', context.program, ...args])
  limited.send('mine 100')
  const end = await limited.ended()
  check(end.code === 1 && /native-node: .+/.test(end.errors), `expected 1 with a reason, found ${end.code}: ${end.errors}`)
  const node = new NativeNode(context, 'unused', 'in-process')
  rmSync(node.folder, { recursive: true, force: true })
  node.folder = folder
  try {
    await node.open()
    await node.ask('mine')
    await node.status()
    await node.stop()
  } finally {
    await node.remove()
  }
}

async function timerAndSignals(context) {
  for (const signal of ['SIGTERM', 'SIGINT']) {
    const node = await NativeNode.start(context, 'timer', 'in-process', ['-mine_every_ms=1'])
    try {
      await node.child.line(/^connected 3 /)
      node.child.kill(signal)
      const end = await node.child.ended()
      check(end.code === 0, `${signal}: ${end.code} ${end.errors}`)
    } finally {
      await node.remove()
    }
  }
}

/** Builds the example with every compiler, and puts the nodes through it all. */
export async function checkNodes({ tools, tally, work }) {
  mkdirSync(work, { recursive: true })
  const source = join(root, 'examples', 'native-node')
  let built = true
  for (const [index, compiler] of tools.compilers.entries()) {
    const standard = index === 0 ? 'c++17' : 'c++20'
    await tally.test(`native-node builds (${compiler}, ${standard})`, async () => {
      const args = ['--no-print-directory', '-j2', '-C', source, `CXX=${compiler}`, `STANDARD=${standard}`, `LIBMC=${tools.library}`, `OUT=${join(work, compiler)}`]
      const { code, lines } = await run('make', args)
      if (code !== 0) built &&= index > 0
      check(code === 0, lines.slice(-40).join('\n'))
    })
  }
  if (!built) return
  const context = { tools, work, program: join(work, tools.compilers[0], 'native-node') }
  for (const modes of [['in-process', 'in-process'], ['in-process', 'rpc']])
    await tally.test(`two nodes, ${modes.join(' and ')}: ${BLOCKS} blocks, a reorganisation, a crash of each`, () => life(context, modes))
  for (const mode of ['in-process', 'rpc']) {
    await tally.test(`a node dies between its steps, ${mode}`, () => deaths(context, mode))
    await tally.test(`a dishonest miner is found out, ${mode}`, () => lies(context, mode))
    await tally.test(`a longer branch with a lie in it is given up, ${mode}`, () => badBranch(context, mode))
  }
  await tally.test('mistakes in the options and arguments end the program with the reason', () => mistakes(context))
  await tally.test("the end of the metachain's side is the program's end", () => sidesFail(context))
  await tally.test('a disk that is full ends the program, and is no loss', () => diskFull(context))
  await tally.test('mines on a timer, and stops on a signal', () => timerAndSignals(context))
}
