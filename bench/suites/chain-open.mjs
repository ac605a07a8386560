// How long opening takes: after a clean close, and after a kill, when blocks since the last snapshot are read again.
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Limit } from '../contestants/limit.mjs'
import { ChainUnderTest } from '../harness/chain.mjs'
import { implementations } from './implementations.mjs'
import { label } from './index.mjs'

const child = new URL('./chain-open-child.mjs', import.meta.url).pathname
/** Blocks, and transactions of each, that come between the last snapshot and the kill. */
const since = { blocks: 100, txs: 1000 }

export async function run({ accounts, directory, progress, measure }) {
  mkdirSync(directory, { recursive: true })
  const store = join(directory, 'store')
  await build(store, accounts, progress)
  const limit = new Limit()
  await limit.ask('accounts', accounts)
  await limit.ask('save', join(directory, 'limit.accounts'))
  const [killed, clean] = ['killed', 'clean'].map((way) => `open.${way}.${label(accounts)}`)
  let counter = 0
  // Together, so that the reference has to do its part only once a round.
  await measure({
    id: killed,
    unit: 'ms',
    warmup: 1,
    contestants: [
      {
        name: 'ours',
        ids: [killed],
        note: `a new process opens what a kill -9 left: the newest snapshot and ${since.blocks} blocks of ${since.txs} transfers; files in the page cache`,
        prepare: async () => {
          await connectAndDie(store, counter, accounts)
          counter += since.blocks * since.txs * 3
        },
        run: () => [open(store)],
      },
      { name: 'ours', ids: [clean], note: 'a new process opens a store that was closed; files in the page cache', run: () => [open(store)] },
      {
        name: 'limit',
        ids: [killed, clean],
        note: 'Rust: reads a file of all accounts, makes the look-up table, hashes the whole tree; no blocks to read again',
        run: async () => (await limit.times('load', join(directory, 'limit.accounts'))).map((micros) => micros / 1000),
      },
    ],
  })
  limit.close()
}

/** A store of so many accounts, closed. */
async function build(store, accounts, progress) {
  const [{ implementation }] = await implementations()
  // One chain: what it minted it adopts.
  const chain = new ChainUnderTest('ours', implementation, { minter: { path: store, durability: 'batch' } })
  await chain.open(accounts, progress)
  await chain.close()
}

/** Opens in a process of its own, closes, and gives the milliseconds that opening took. */
function open(store) {
  return Number(execFileSync(process.execPath, ['--no-warnings', child, 'open', store], { encoding: 'utf8' }))
}

/** Connects blocks in a process of its own, and kills it. */
function connectAndDie(store, counter, accounts) {
  const process_ = spawn(process.execPath, ['--no-warnings', child, 'connect', store, JSON.stringify({ ...since, counter, accounts })], { stdio: ['ignore', 'pipe', 'inherit'] })
  return new Promise((resolve, reject) => {
    process_.on('error', reject)
    let ready = false
    process_.on('exit', (code) => (ready ? resolve() : reject(new Error(`connecting blocks ended with ${code}`))))
    createInterface({ input: process_.stdout }).on('line', () => {
      ready = true
      process_.kill('SIGKILL')
    })
  })
}
