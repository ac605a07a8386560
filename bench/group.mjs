// The process of one group: measures, and tells the process that started it.
import { measure } from './harness/measure.mjs'
import { withLimits, withoutLimit } from './limits.mjs'
import { asked } from './suites/index.mjs'

const order = JSON.parse(process.argv[2])

// Without anyone to tell there is nothing left to do.
process.on('disconnect', () => process.exit(1))

const tell = (message) => new Promise((resolve) => process.send(message, resolve))

let told = 0
/** A line about what is going on, not more often than anyone could read. */
function progress(text) {
  const now = performance.now()
  if (now - told < 100) return
  told = now
  process.send({ progress: text })
}

/** What of a measurement was asked for, or null. */
function chosen(measurement) {
  const contestants = measurement.contestants
    .map((contestant) => ({ ...contestant, ids: (contestant.ids ?? [measurement.id]).filter((id) => asked(order.asked, id)) }))
    .filter(({ ids }) => ids.length > 0)
  return contestants.length > 0 ? { ...measurement, contestants } : null
}

/** Rows that have no limit here, by the reason. */
const unlimited = new Map()
/** A row of ours has its limit beside it, or this run has a reason, which is told at the end. */
function limited(rows, reason) {
  const lacking = withoutLimit(order.rows, rows)
  if (lacking.length === 0) return
  if (reason === undefined) throw new Error(`nothing shows what the work of ${lacking.join(', ')} costs at least`)
  unlimited.set(reason, [...(unlimited.get(reason) ?? []), ...lacking])
}

const { run } = await import(order.module)
await run({
  ...order,
  progress,
  /** Tells rows; `unlimited` as below. */
  rows: (rows, { unlimited: reason } = {}) => {
    const wanted = rows.filter(({ id }) => asked(order.asked, id))
    limited(wanted, reason)
    return tell({ rows: withLimits(order.rows, wanted) })
  },
  note: (note) => tell({ note }),
  /**
   * `measure` of the harness, with what was asked for; tells its rows. `unlimited` is why this machine or this run has
   * no limit for them, if so.
   */
  measure: async ({ unlimited: reason, ...measurement }) => {
    const wanted = chosen(measurement)
    if (wanted === null) return
    // Before the time runs: what would be refused afterwards need not be measured.
    limited(wanted.contestants.flatMap(({ name, ids }) => ids.map((id) => ({ id, contestant: name }))), reason)
    const rows = await measure({ warmup: order.quick ? 1 : 2, progress, ...wanted })
    await tell({ rows: withLimits(order.rows, rows) })
  },
})
for (const [reason, ids] of unlimited) await tell({ note: `${reason}: nothing shows what the work of ${ids.join(', ')} costs at least` })
process.exit(0)
