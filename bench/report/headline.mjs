// The few rows that a reader of the README wants to see.
import { count, time, times } from './format.mjs'
import { byId, limitOf } from './table.mjs'

/** What is said of a row, and how many transactions its blocks have, if any. */
const chosen = [
  ['mint.packed.1000', 'mint a block of 1,000 transfers', 1000],
  ['mint.objects.1000', 'the same, given as objects', 1000],
  ['connect.block.1', 'connect a block of 1, durable', 1],
  ['connect.block.1000', 'connect a block of 1,000, durable', 1000],
  ['connect.pipelined.1000', 'the same, several under way', 1000],
  ['disconnect.1000', 'take a block of 1,000 back', 1000],
  ['evm.mint.1000', 'build a block of 1,000, beside EVMs', 1000],
  ['open.clean.1M', 'open a store of 1M accounts', 0],
  ['open.killed.1M', 'open it after `kill -9`', 0],
  ['memory.per-account.1M', 'memory of an account', 0],
  ['driver.decode.event', "decode an event by a contract's driver", 0],
  ['driver.decode.input', 'decode an input', 0],
  ['driver.encode.input', 'encode an input', 0],
  ['driver.call.rejected', 'a call that is rejected', 0],
  ['driver.instance.fresh', 'a fresh instance for a call', 0],
  ['driver.load.cached', 'load a driver compiled before', 0],
  ['driver.batch.decode', 'decode a batch', 0],
  ['rpc.mint.1000', 'mint a block of 1,000 over JSON-RPC', 1000],
]

/** Whoever stands for another product; `limit-disk`, `ours-async` and their like do not. */
const peers = ['sqlite', 'lmdb', 'edr', 'ethereumjs', 'v8', 'v8-workers']

/** Microseconds in the first word of a unit such as `ms a call`. */
const micros = { ns: 1e-3, 'µs': 1, ms: 1e3, s: 1e6 }

function value({ median, unit }, txs) {
  const [first, ...rest] = unit.split(' ')
  if (micros[first] === undefined) return `${count(median)} ${unit}`
  const length = median * micros[first]
  const rate = txs > 1 && rest.join(' ') === 'a block' ? ` (${count((txs / length) * 1e6)} tx/s)` : ''
  return `${time(length)}${rate}`
}

/** The table as cells, the heading first; empty where a run has none of these rows. */
export function headline(rows) {
  const groups = byId(rows)
  const lines = chosen.flatMap(([id, title, txs]) => {
    const ours = groups.get(id)?.find(({ contestant }) => contestant === 'ours')
    if (ours === undefined) return []
    const limit = limitOf(groups.get(id))
    const of = ours.ratio_to[limit]
    const others = Object.entries(ours.ratio_to).filter(([name]) => peers.includes(name) && name !== limit)
    return [[title, value(ours, txs), of ? times(of.median) : '', others.map(([name, { median }]) => `${times(median)} ${name}`).join(', '), `\`${id}\``]]
  })
  return lines.length === 0 ? [] : [['', 'this package', 'of its limit', 'beside others', 'row'], ...lines]
}
