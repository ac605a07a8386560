// The guard: ratios of a run against those of a baseline. Times differ from machine to machine, ratios hardly.
import { writeFileSync } from 'node:fs'
import { times } from './format.mjs'

/** A ratio worse than the baseline's by less than this is noise. */
const tolerance = 1.25
/** By more than this it is a failure. */
const failing = 2

/** Other ways of ours, and parts of the limit, say nothing about whether ours got slower. */
const telling = (other) => !/^(ours|limit)-/.test(other)

/**
 * The speed of ours as a multiple of others', `{ 'mint.packed.1 ours/limit': 0.9 }`: of the tenth of all blocks or
 * calls that went best, which a busy machine disturbs least.
 */
function ratios(rows) {
  const undisturbed = rows.filter(({ p10, better }) => p10 > 0 && better === 'lower')
  const ours = undisturbed.filter(({ contestant }) => contestant === 'ours')
  const others = (mine) => undisturbed.filter(({ id, contestant }) => id === mine.id && contestant !== 'ours' && telling(contestant))
  return Object.fromEntries(ours.flatMap((mine) => others(mine).map((other) => [`${mine.id} ours/${other.contestant}`, other.p10 / mine.p10])))
}

/** The rows that a baseline speaks of. */
export const rowsOf = (baseline) => [...new Set(Object.keys(baseline.ratios).map((name) => name.split(' ')[0]))]

/** Rows with what went best in either of two measurements. */
export function better(rows, again) {
  return rows.map((row) => {
    const twin = again.find(({ id, contestant }) => id === row.id && contestant === row.contestant)
    return twin === undefined ? row : { ...row, p10: Math.min(row.p10, twin.p10) }
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
export function writeBaseline(path, { command, quick, environment, rows }) {
  const { processor, cores, node, date, commit } = environment
  const rounded = Object.fromEntries(Object.entries(ratios(rows)).map(([name, value]) => [name, Number(value.toPrecision(3))]))
  writeFileSync(path, `${JSON.stringify({ command, quick, processor, cores, node, date, commit, tolerance, failing, ratios: rounded }, null, 2)}\n`)
}
