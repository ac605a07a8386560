// kill -9 of a process that connects, disconnects and syncs: what it was told is there, and nothing is half done.
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { Metachain } from 'libmetachain'
import { hex } from './support/native.js'
import { NativeTree } from './support/native-tree.js'
import { Random, seedOf } from './support/random.js'

const kills = Number(process.env['METACHAIN_KILLS'] ?? 50)
const childFile = fileURLToPath(new URL('support/kill-child.mjs', import.meta.url))

/** What a child said before it was gone. */
interface Said {
  /** Where the store stood when it was opened, and with which state; null where it was killed before that. */
  opened: { at: number; root: string } | null
  /** Where each call that was begun leads. */
  begun: number[]
  /** How many of them were acknowledged. */
  done: number
}

interface Life {
  durability: 'block' | 'batch'
  /** It is killed once it has written so many bytes, or when it begins to close. */
  bytes: number
  stepsMax: number
  lies?: boolean
}

class Harness {
  readonly #t: ExecutionContext
  readonly random: Random
  readonly tree: NativeTree
  readonly #directory: string
  /** Where the last judgement left the store. */
  at = -1

  private constructor(t: ExecutionContext, random: Random, tree: NativeTree, directory: string) {
    this.#t = t
    this.random = random
    this.tree = tree
    this.#directory = directory
  }

  static async begin(t: ExecutionContext): Promise<Harness> {
    const directory = await mkdtemp(join(tmpdir(), 'libmetachain-'))
    t.teardown(() => rm(directory, { recursive: true, force: true }))
    const random = new Random(seedOf(t))
    const tree = await NativeTree.grow(random, { length: 240, every: 15, branch: 6 })
    const harness = new Harness(t, random, tree, directory)
    await tree.save(join(directory, 'tree.json'))
    await (await Metachain.open({ path: harness.path, genesis: tree.genesis })).close()
    return harness
  }

  get path(): string {
    return join(this.#directory, 'store')
  }

  /** Lets a child live until it is killed. */
  async live({ bytes, durability, stepsMax, lies = false }: Life): Promise<Said> {
    const options = { file: join(this.#directory, 'tree.json'), path: this.path, seed: this.random.next(), durability, stepsMax, lies }
    const child = spawn(process.execPath, [childFile, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.setEncoding('latin1').on('data', (more: string) => {
      text += more
      if (text.length >= bytes || text.includes('closing')) child.kill('SIGKILL')
    })
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => child.on('close', (...end) => resolve(end)))
    // Closing a store may be faster than killing its process.
    const ended = text.includes('closing') && code === 0
    this.#t.true(ended || signal === 'SIGKILL', `code ${code}, signal ${signal}: ${text.slice(-300)}`)
    // The last line may be cut.
    const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n')
    const said: Said = { opened: null, begun: [], done: 0 }
    for (const [word, number, root] of lines.map((line) => line.split(' '))) {
      if (word === 'opened') said.opened = { at: Number(number), root: root as string }
      else if (word === 'begin') said.begun.push(Number(number))
      else if (word === 'done') said.done = Number(number)
    }
    return said
  }

  /** Whether a store may stand at a block, after a life that began at one of `before`. */
  permitted(before: number[], { opened, begun, done }: Said): number[] {
    return [...(opened === null ? before : [opened.at]), ...begun].slice(opened === null ? 0 : done)
  }

  /** Opens what is there and finds fault with it, or nothing. */
  async judge(permitted: number[], full: boolean, spoil?: Parameters<NativeTree['replay']>[1]): Promise<string | null> {
    await using chain = await Metachain.open({ path: this.path })
    const at = this.tree.idOf(chain.tip.nativeHash)
    if (!permitted.includes(at)) return `the store stands at ${at}, not at one of ${permitted.join(' ')}`
    const line = this.tree.line(at)
    const payloads: Uint8Array[] = []
    for await (const block of chain.blocks({ from: 1 })) {
      const expected = line[payloads.length]
      const payload = chain.payload(block.height)
      if (!expected || !payload || !block.nativeHash || hex(block.nativeHash) !== hex(expected.nativeHash) || hex(payload) !== hex(expected.payload))
        return `block ${block.height} is not the one that was connected`
      payloads.push(payload)
    }
    if (payloads.length !== line.length) return `${payloads.length} blocks, not ${line.length}`
    const ledger = this.tree.replay(payloads, spoil)
    if (hex(ledger.root()) !== hex(chain.tip.stateRoot)) return `at ${at} the state root is not that of a replay`
    if (ledger.supply !== chain.supply) return `at ${at} the supply is not that of a replay`
    await chain.verify({ full })
    // Whatever the native chain is by now, both find together.
    const target = this.random.below(this.tree.blocks.length)
    const tip = await chain.sync(this.tree.source(target))
    if (this.tree.idOf(tip.nativeHash) !== target) return `sync to ${target} ended elsewhere`
    this.at = target
    const { status } = await chain.handshake({ ...this.tree.source(target), tip: async () => ({ ...(await this.tree.source(target).tip()), locked: chain.locked }) })
    return status === 'in-sync' ? null : `after sync the handshake says ${status}`
  }
}

test.serial(`a process is killed ${kills} times, and whatever was acknowledged is there`, async (t) => {
  t.timeout(60_000 + kills * 10_000)
  const harness = await Harness.begin(t)
  const { random, tree } = harness
  let permitted = [-1]
  const counts = { begun: 0, acknowledged: 0, underWay: 0, opening: 0, closing: 0 }
  for (let round = 0; round < kills; round += 1) {
    const closes = random.chance(8)
    const life: Life = {
      durability: random.chance(4) ? 'batch' : 'block',
      bytes: closes ? Infinity : random.chance(8) ? 1 : 20 + random.below(random.chance(2) ? 400 : 6_000),
      stepsMax: closes ? random.below(12) : 20_000,
    }
    const said = await harness.live(life)
    const { opened } = said
    if (opened) {
      t.true(permitted.includes(opened.at), `round ${round}: opened at ${opened.at}, not at one of ${permitted.join(' ')}`)
      const ledger = tree.replay(tree.line(opened.at).map(({ payload }) => payload))
      t.is(opened.root, hex(ledger.root()), `round ${round}`)
    }
    permitted = harness.permitted(permitted, said)
    counts.begun += said.begun.length
    counts.acknowledged += said.done
    counts.underWay += said.begun.length > said.done ? 1 : 0
    counts.opening += opened === null ? 1 : 0
    counts.closing += closes ? 1 : 0
    // In the others the next process opens what this one left.
    if (round % 3 === 2 && round !== kills - 1) continue
    t.is(await harness.judge(permitted, round % 5 === 0), null, `round ${round}, ${JSON.stringify(life)}`)
    permitted = [harness.at]
  }
  t.log(`${kills} kills: ${JSON.stringify(counts)}`)
  t.true(counts.acknowledged > kills)
  t.true(counts.underWay > kills / 5, 'hardly any kill came in the middle of something')
})

test.serial('a process that acknowledges too early is found out', async (t) => {
  t.timeout(120_000)
  const harness = await Harness.begin(t)
  let found: string | null = null
  for (let round = 0; round < 20 && found === null; round += 1) {
    const { at } = harness
    const said = await harness.live({ durability: 'block', bytes: 100 + harness.random.below(300), stepsMax: 20_000, lies: true })
    found = await harness.judge(harness.permitted([at], said), false)
  }
  t.regex(found ?? '', /^the store stands at/)
})

test.serial('a state that differs from the replay is found out', async (t) => {
  const harness = await Harness.begin(t)
  await harness.judge([-1], false)
  const spoil: Parameters<NativeTree['replay']>[1] = (ledger) =>
    ledger.execute({ kind: 'transfer', from: Buffer.from('5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', 'hex'), to: new Uint8Array(20), amount: 1n, txid: null })
  t.regex((await harness.judge([harness.at], false, spoil)) ?? '', /state root/)
})
