// Rows of a report as points of plots.

/** What a family of rows (`connect.block.`) says of one contestant at 1, 100, … transactions a block. */
function blocks(rows, family, contestant, series) {
  return rows.flatMap((row) => {
    const txs = row.id.startsWith(family) ? Number(row.id.slice(family.length)) : NaN
    if (row.contestant !== contestant || !Number.isInteger(txs)) return []
    const rate = (micros) => (txs / micros) * 1e6
    return [{ series, txs, rate: rate(row.median), low: rate(row.high), high: rate(row.low) }]
  })
}

/** Transactions a second by block size. */
export const throughput = (rows) => [
  ...blocks(rows, 'connect.block.', 'ours', 'ours'),
  ...blocks(rows, 'connect.pipelined.', 'ours', 'ours, pipelined'),
  ...blocks(rows, 'connect.batch.', 'ours', 'ours, one sync for all'),
  ...blocks(rows, 'connect.block.', 'limit', 'limit'),
  ...blocks(rows, 'connect.block.', 'sqlite', 'sqlite'),
  ...blocks(rows, 'connect.block.', 'lmdb', 'lmdb'),
]

/** Transactions a second in memory, beside the EVMs. */
export const building = (rows) => ['ours', 'limit', 'edr', 'ethereumjs'].flatMap((contestant) => blocks(rows, 'evm.mint.', contestant, contestant))

const units = { k: 1e3, M: 1e6 }

/** The accounts that a row's name ends with: `scale.10k` has 10,000. */
export function accountsOf(id) {
  const found = /\.([\d.]+)([kM])$/.exec(id)
  return found === null ? NaN : Number(found[1]) * units[found[2]]
}

const seriesOf = (contestant) => (contestant === 'ours-pipelined' ? 'ours, pipelined' : contestant)

/** Transactions a second by accounts. */
export const scaling = (rows) =>
  rows.filter(({ id }) => id.startsWith('scale.')).map((row) => ({ series: seriesOf(row.contestant), accounts: accountsOf(row.id), rate: row.median, low: row.low, high: row.high }))

/** Conversions a second by threads. */
export const cores = (rows) =>
  rows
    .filter(({ id, threads }) => id.startsWith('driver.batch.cores.') && Number.isInteger(threads))
    .map((row) => ({ series: row.contestant, threads: row.threads, rate: rateOf(row, row.median), low: rateOf(row, row.high), high: rateOf(row, row.low) }))

const seconds = { ns: 1e-9, 'µs': 1e-6, ms: 1e-3, s: 1 }

/** Seconds in a unit such as `µs a block`; null where it is no length of time. */
const perSecond = (unit) => seconds[unit.split(' ')[0]] ?? null
const rateOf = (row, value) => 1 / (value * perSecond(row.unit))

/** Half and 99 of 100 single measurements, µs, of rows whose unit is a time. */
export function latencies(rows, chosen) {
  return rows.flatMap((row) => {
    const factor = perSecond(row.unit)
    if (!chosen(row) || factor === null || row.better !== 'lower' || !Number.isFinite(row.p99)) return []
    return [{ row: row.id, series: row.contestant, p50: row.p50 * factor * 1e6, p99: row.p99 * factor * 1e6 }]
  })
}
