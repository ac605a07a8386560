// Runs the groups of a benchmark one after the other, shows their rows and writes what was asked for.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { duration, paint } from '../scripts/terminal.mjs'
import { better, check, rowsOf, writeBaseline } from './report/check.mjs'
import { plotsFolder, writeDocuments } from './report/document.mjs'
import { goalsTable, rowTables } from './report/table.mjs'
import { environment } from './environment.mjs'
import { results } from './paths.mjs'
import { draw, writePlots } from './plots/index.mjs'
import { prepare } from './prepare.mjs'
import { Interrupted, runGroup, scratchFolder } from './process.mjs'
import { groupsOf } from './suites/index.mjs'

const say = (text = '') => process.stdout.write(`${text}\n`)

/** Measures, or reads what was measured before; gives the exit code. */
export async function main(options) {
  if (options.from) {
    const report = JSON.parse(readFileSync(resolve(options.from), 'utf8'))
    say(rowTables(report.rows))
    return finish(report, options, options.check ? check(report.rows, baselineOf(options)) : null)
  }
  const baseline = options.check ? baselineOf(options) : null
  if (baseline !== null && baseline.quick !== options.quick) {
    process.stderr.write(`The baseline was measured ${baseline.quick ? 'with' : 'without'} --quick: other sizes have other ratios.\n`)
    return 2
  }
  const groups = groupsOf(baseline === null ? options : { ...options, rows: options.rows ?? rowsOf(baseline) })
  if (groups.length === 0) {
    process.stderr.write('Nothing has rows of that name.\n')
    return 2
  }
  const report = { suite: options.suites.join(','), command: options.command, quick: options.quick, notes: [], rows: [] }
  const tools = await prepare(groups)
  const started = performance.now()
  const folder = scratchFolder()
  try {
    report.notes.push(...tools.notes)
    report.environment = environment(tools.node)
    const budget = groups.reduce((sum, { seconds }) => sum + seconds, 0)
    say(`${groups.length} groups, within about ${duration(budget * 1000)} on two idle cores.`)
    const run = { node: tools.node, options, folder: folder.path, told: new Set() }
    report.failed = await measureAll(groups, report, run)
    const checked = baseline === null ? null : await checkTwice(baseline, groups, report, run)
    report.seconds = Math.round((performance.now() - started) / 1000)
    return await finish(report, options, checked)
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    say('\nInterrupted; nothing was written.')
    return 130
  } finally {
    folder.remove()
  }
}

/** Measures groups into the report; gives the names of those that failed. */
async function measureAll(groups, report, { node, options, folder, told }) {
  const failed = []
  for (const [index, group] of groups.entries()) {
    const title = `${group.suite}.${group.name}`
    try {
      const { rows, notes } = await runGroup(node, group, options, { folder, label: `[${index + 1}/${groups.length}] ${title}` })
      const own = rows.map((row) => ({ suite: group.suite, ...row }))
      report.rows.push(...own)
      report.notes.push(...notes)
      say(rowTables(own, told))
    } catch (error) {
      if (error instanceof Interrupted) throw error
      failed.push(title)
      report.notes.push(`${title} failed: ${error.message}`)
      say(paint('red', `${title} failed: ${error.message}`, process.stdout))
    }
  }
  return failed
}

const baselineOf = ({ check: path }) => JSON.parse(readFileSync(resolve(path), 'utf8'))

/** Compares with the baseline; what is worse is measured once more before it is believed. */
async function checkTwice(baseline, groups, report, run) {
  const first = check(report.rows, baseline)
  if (first.worse.length === 0 || report.failed.length > 0) return first
  say(`${first.text}\n\nOnce more what is worse, for a machine has its moments:`)
  const again = { ...report, rows: [], notes: [] }
  const suspected = groupsOf({ ...run.options, rows: first.worse.map((name) => name.split(' ')[0]) }).filter(({ name }) => groups.some((group) => group.name === name))
  report.failed.push(...(await measureAll(suspected, again, run)))
  return check(better(report.rows, again.rows), baseline)
}

/** Shows and writes what a report comes to. */
async function finish(report, options, checked) {
  const goals = goalsTable(report.rows)
  if (goals) say(goals)
  for (const note of report.notes) say(`note: ${note}`)
  const json = `${JSON.stringify(report, null, 1)}\n`
  mkdirSync(results, { recursive: true })
  for (const path of [...(options.from ? [] : [join(results, 'last.json')]), ...(options.json ? [resolve(options.json)] : [])]) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, json)
    say(`rows: ${path}`)
  }
  await publish(report, options)
  if (options.baseline) writeBaseline(resolve(options.baseline), report)
  if (checked) say(checked.text)
  say(`\n${report.rows.length} rows in ${duration(report.seconds * 1000)}.`)
  return report.failed?.length > 0 || checked?.worse.length > 0 ? 1 : 0
}

/** Plots and documents, as far as they are asked for. */
async function publish(report, { plot, write }) {
  if (!plot && !write) return
  const plots = await draw(report.rows)
  // Plots of rows that this run does not have would speak of another one.
  if (write) rmSync(plotsFolder, { recursive: true, force: true })
  const written = [...(plot ? writePlots(results, plots, { pictures: true }) : []), ...(write ? [...writePlots(plotsFolder, plots), ...writeDocuments(report, plots)] : [])]
  for (const path of written) say(`written: ${path}`)
}
