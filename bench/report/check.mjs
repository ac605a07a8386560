// The guard: ratios of a run against those of a baseline. Times differ from machine to machine, ratios hardly.
import { writeFileSync } from 'node:fs'
import { times } from './format.mjs'

/** A ratio worse than the baseline's by less than this is noise. */
const tolerance = 1.25
/** By this much it is a failure. */
const failing = 2

/** Every ratio of ours in these rows: `{ 'mint.packed.1 ours/limit': 0.9 }`. */
function ratios(rows) {
  const ours = rows.filter(({ contestant }) => contestant === 'ours')
  return Object.fromEntries(ours.flatMap(({ id, ratio_to }) => Object.entries(ratio_to).map(([other, { median }]) => [`${id} ours/${other}`, median])))
}

/** Compares; `worse` has the names of those that fail. */
export function check(rows, baseline) {
  const now = ratios(rows)
  const worse = []
  const lines = []
  for (const [name, before] of Object.entries(baseline.ratios)) {
    if (now[name] === undefined) {
      lines.push(`missing  ${name}`)
      continue
    }
    const factor = before / now[name]
    if (factor < tolerance) continue
    const verdict = factor > failing ? 'WORSE' : 'slower'
    if (factor > failing) worse.push(name)
    lines.push(`${verdict.padEnd(8)} ${name}: ${times(now[name])}, baseline ${times(before)}`)
  }
  const verdict = `check: ${Object.keys(baseline.ratios).length} ratios, ${worse.length} worse than 1/${failing} of the baseline (up to 1/${tolerance} counts as noise)`
  return { worse, text: [...lines, verdict].join('\n') }
}

export function writeBaseline(path, { command, environment, rows }) {
  const { processor, cores, node, date, commit } = environment
  const rounded = Object.fromEntries(Object.entries(ratios(rows)).map(([name, value]) => [name, Number(value.toPrecision(3))]))
  writeFileSync(path, `${JSON.stringify({ command, processor, cores, node, date, commit, tolerance, failing, ratios: rounded }, null, 2)}\n`)
}
