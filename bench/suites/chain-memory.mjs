// What an account costs in memory, in a process that only connects: when all is quiet, and at the peak of
// growing and writing snapshots.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Limit } from '../contestants/limit.mjs'
import { ChainUnderTest } from '../harness/chain.mjs'
import { spread } from '../harness/statistics.mjs'
import { implementations } from './implementations.mjs'
import { label } from './index.mjs'

/** Blocks without transactions: they push the last large records out of the chain's own cache. */
const emptyBlocks = 40

const child = new URL('./chain-memory-child.mjs', import.meta.url).pathname

export async function run({ stages, quick, directory, progress, rows }) {
  mkdirSync(directory, { recursive: true })
  const payloads = await mintDeposits(stages, directory, progress)
  const measured = new Map(stages.map((accounts) => [accounts, { resident: [], peak: [] }]))
  for (let round = 0; round < (quick ? 1 : 3); round += 1) {
    progress(`growing a chain to ${stages.join(', ')} accounts, round ${round + 1}`)
    const store = join(directory, 'store')
    writeFileSync(join(directory, 'order.json'), JSON.stringify({ store, payloads }))
    const order = join(directory, 'order.json')
    const lines = execFileSync(process.execPath, ['--expose-gc', '--no-warnings', child, order], { encoding: 'utf8', maxBuffer: 1 << 24 })
    for (const { accounts, resident, peak } of lines.trim().split('\n').map((line) => JSON.parse(line))) {
      measured.get(accounts).resident.push(resident / accounts)
      measured.get(accounts).peak.push(peak / accounts)
    }
    rmSync(store, { recursive: true, force: true })
  }
  for (const accounts of stages) {
    const { resident, peak } = measured.get(accounts)
    const reference = [await limitBytes(accounts)]
    await rows([
      row(accounts, 'ours', 'resident memory over that of the same process with an empty chain; addresses, balances, state tree, order, look-up', resident, reference),
      row(accounts, 'ours-peak', 'the highest it was on the way there, snapshots in the background and at close included', peak, reference),
      row(accounts, 'limit', 'Rust: flat array, state tree and look-up table of the reference; no order, nothing for readers beside it', reference),
    ])
  }
}

function row(accounts, contestant, note, values, reference = null) {
  const ratios = reference === null ? {} : { limit: spread(values.map((value) => reference[0] / value)) }
  return { id: `memory.per-account.${label(accounts)}`, contestant, note, unit: 'bytes an account', better: 'lower', ...spread(values), rounds: values.length, ratio_to: ratios }
}

/** Deposit blocks as files of payloads, with empty blocks at the beginning and at the end of each stage. */
async function mintDeposits(stages, directory, progress) {
  const [{ implementation }] = await implementations()
  const payloads = []
  const chain = new ChainUnderTest('ours', implementation, {
    onPayload(payload, { deposits }) {
      const path = join(directory, `${payloads.length}.payload`)
      writeFileSync(path, payload)
      payloads.push({ path, deposits })
    },
  })
  await chain.start()
  for (const [index, accounts] of [0, ...stages].entries()) {
    if (index > 0) await chain.grow([0, ...stages][index - 1], accounts, progress)
    for (let block = 0; block < emptyBlocks; block += 1) await chain.empty()
    payloads.at(-1).rested = accounts
  }
  await chain.close()
  return payloads
}

/** Resident bytes an account of the reference. */
async function limitBytes(accounts) {
  const limit = new Limit()
  await limit.ask('accounts', 1)
  const before = residentOf(limit.pid)
  await limit.ask('accounts', accounts)
  const bytes = residentOf(limit.pid) - before
  limit.close()
  return bytes / accounts
}

const residentOf = (pid) => Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
