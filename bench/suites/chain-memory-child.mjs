// Connects blocks from files and says, at the end of each stage, what memory is resident and what was at most.
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { genesis, nativeBlock } from '../harness/chain.mjs'
import { implementations } from './implementations.mjs'

const { store, payloads } = JSON.parse(readFileSync(process.argv[2], 'utf8'))

/** Blocks between snapshots: several are written on the way. */
const snapshotEvery = 40

const status = (name) => Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024

/** One buffer for all payloads, so that none of them counts. */
const buffer = Buffer.alloc(Math.max(...payloads.map(({ path }) => statSync(path).size)), 1)

function payloadOf(path) {
  const file = openSync(path)
  const length = readSync(file, buffer, 0, buffer.length, 0)
  closeSync(file)
  return buffer.subarray(0, length)
}

async function collect() {
  for (let turn = 0; turn < 3; turn += 1) {
    globalThis.gc()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const [{ implementation }] = await implementations()
const chain = await implementation.Metachain.open({ path: store, genesis, snapshotEvery })
let base = null
let last = null
for (const [index, { path, rested }] of payloads.entries()) {
  chain.connectBlockSync({ ...nativeBlock(index + 1, payloadOf(path)), transactions: 'unchecked' })
  if (rested === undefined) continue
  await collect()
  const resident = status('VmRSS')
  base ??= resident
  if (last !== null) console.log(JSON.stringify(last))
  last = rested === 0 ? null : { accounts: rested, resident: resident - base, peak: status('VmHWM') - base }
}
await chain.close()
console.log(JSON.stringify({ ...last, peak: status('VmHWM') - base }))
