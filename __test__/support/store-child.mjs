// A process that does one thing to a store, and prints what came of it as one line of JSON.
import { createHash } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import { writeSync } from 'node:fs'
import { Metachain } from 'libmetachain'

const [deed, path] = process.argv.slice(2)
const say = (found) => writeSync(1, `${JSON.stringify(found)}\n`)
const codeOf = async (call) => {
  try {
    await call()
    return 'done'
  } catch (error) {
    return error.code ?? String(error)
  }
}
const hash = (text) => new Uint8Array(createHash('sha256').update(text).digest())
const genesis = { chainId: 'processes', network: 'opaque', balances: {} }

/** Blocks without transactions, on top of the tip. */
function extend(chain) {
  const { nativeHeight, nativeHash } = chain.tip
  const context = { nativeHeight: (nativeHeight ?? 9) + 1, nativeParentHash: nativeHash ?? hash('9'), time: 0 }
  const { payload } = chain.mintBlock(context, [])
  return chain.connectBlock({ ...context, nativeHash: hash(`${context.nativeHeight}`), payload, transactions: [] })
}

const deeds = {
  /** Opens, says so, and closes. */
  async open() {
    const chain = await Metachain.open({ path, genesis })
    const { height } = chain.tip
    await chain.close()
    return { code: 'done', height }
  },
  /** Opens, connects, and ends without closing anything. */
  async leave() {
    const chain = await Metachain.open({ path, genesis })
    for (let count = 0; count < 3; count += 1) await extend(chain)
    say({ code: 'done', height: chain.tip.height })
    process.exit()
  },
  /** As `leave`, but nobody says that it is the end: an open store keeps no process alive. */
  async forget() {
    const chain = await Metachain.open({ path, genesis })
    await extend(chain)
    return { code: 'done', height: chain.tip.height }
  },
  /** Leaves a reader of events half way, and closes: the process hung. */
  async abandon() {
    const chain = await Metachain.open({ path, genesis })
    await extend(chain)
    const { value } = await chain.events().next()
    await chain.close()
    return { code: 'done', height: value.block.height }
  },
  /** Waits for an event with nothing else to do; another thread of the library brings it. */
  async wait() {
    const chain = await Metachain.open({ path, genesis })
    const events = chain.events()
    const first = events.next()
    // Not awaited: only the reader keeps the process going.
    extend(chain)
    const { value } = await first
    await events.return()
    await chain.close()
    return { code: 'done', height: value.block.height }
  },
  /** Connects until the disk takes no more: files may not grow beyond a page from then on. */
  async fail() {
    const chain = await Metachain.open({ path, genesis })
    await extend(chain)
    const told = []
    chain.onFatal((error) => told.push(error.code))
    const removed = chain.onFatal(() => told.push('removed'))
    removed()
    const { status } = spawnSync('prlimit', ['--pid', `${process.pid}`, '--fsize=4096:unlimited'])
    if (status !== 0) return { code: 'no prlimit' }
    const { height, durableHeight } = chain.tip
    const first = await codeOf(() => extend(chain))
    // Listeners are told by the event loop.
    await new Promise(setImmediate)
    const afterwards = {
      told,
      height,
      durableHeight,
      connect: await codeOf(() => extend(chain)),
      account: await codeOf(() => chain.account(`0x${'11'.repeat(20)}`)),
      flush: await codeOf(() => chain.flush()),
      events: await codeOf(async () => {
        for await (const { cursor } of chain.events()) void cursor
      }),
      close: await codeOf(() => chain.close()),
      closeAgain: await codeOf(() => chain.close()),
      closed: await codeOf(() => chain.flush()),
    }
    spawnSync('prlimit', ['--pid', `${process.pid}`, '--fsize=unlimited:unlimited'])
    const again = await Metachain.open({ path })
    const reopened = again.tip.height
    const goesOn = await codeOf(() => extend(again))
    await again.close()
    return { code: first, ...afterwards, reopened, goesOn }
  },
}

try {
  say(await deeds[deed]())
} catch (error) {
  say({ code: error.code ?? String(error), message: error.message, retryable: error.retryable })
}
