// The guard: ratios of a run against those of a baseline. Times differ from machine to machine, ratios hardly.
import { writeFileSync } from 'node:fs'
import { times } from './format.mjs'

/** A ratio worse than the baseline's by less than this is noise. */
const tolerance = 1.25
/** By more than this it is a failure. */
const failing = 2

/** Other ways of ours, and parts of the limit, say nothing about whether ours got slower. */
const telling = (other) => !/^(ours|limit)-|\./.test(other)

/** The ratios of ours in these rows: `{ 'mint.packed.1 ours/limit': 0.9 }`. */
function ratios(rows) {
  const ours = rows.filter(({ contestant }) => contestant === 'ours')
  return Object.fromEntries(ours.flatMap(({ id, ratio_to }) => Object.entries(ratio_to).filter(([other]) => telling(other)).map(([other, { median }]) => [`${id} ours/${other}`, median])))
}

/** The rows that a baseline speaks of. */
export const rowsOf = (baseline) => [...new Set(Object.keys(baseline.ratios).map((name) => name.split(' ')[0]))]

/** Rows with the better of two measurements of each ratio. */
export function better(rows, again) {
  return rows.map((row) => {
    const twin = again.find(({ id, contestant }) => id === row.id && contestant === row.contestant)
    if (twin === undefined) return row
    const pick = ([other, one]) => [other, twin.ratio_to[other]?.median > one.median ? twin.ratio_to[other] : one]
    return { ...row, ratio_to: Object.fromEntries(Object.entries(row.ratio_to).map(pick)) }
  })
}

/**
 * Compares ratios of rows that were measured; `worse` has the names of those that fail. A row of the baseline that
 * this run did not measure is no failure, a row that has lost a contestant is one.
 */
export function check(rows, baseline) {
  const now = ratios(rows)
  const measured = new Set(rows.map(({ id }) => id))
  const before = Object.entries(baseline.ratios).filter(([name]) => measured.has(name.split(' ')[0]))
  const worse = []
  const lines = before.flatMap(([name, value]) => {
    const factor = value / (now[name] ?? 0)
    if (factor < tolerance) return []
    if (factor > failing) worse.push(name)
    return [`${(factor > failing ? 'WORSE' : 'slower').padEnd(8)} ${name}: ${now[name] === undefined ? 'missing' : times(now[name])}, baseline ${times(value)}`]
  })
  const verdict = `check: ${before.length} ratios compared with the baseline, ${worse.length} worse than 1/${failing} of it (down to 1/${tolerance} counts as noise)`
  return { worse, text: [...lines, verdict].join('\n') }
}

/** Writes the ratios of a run, and what it ran on. */
export function writeBaseline(path, { command, environment, rows }) {
  const { processor, cores, node, date, commit } = environment
  const rounded = Object.fromEntries(Object.entries(ratios(rows)).map(([name, value]) => [name, Number(value.toPrecision(3))]))
  writeFileSync(path, `${JSON.stringify({ command, processor, cores, node, date, commit, tolerance, failing, ratios: rounded }, null, 2)}\n`)
}
