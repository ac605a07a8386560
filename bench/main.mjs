// Runs the groups of a benchmark one after the other, shows their rows and writes what was asked for.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { duration, paint } from '../scripts/terminal.mjs'
import { check, writeBaseline } from './report/check.mjs'
import { goalsTable, rowTables } from './report/table.mjs'
import { environment } from './environment.mjs'
import { Interrupted, runGroup, scratchFolder } from './process.mjs'
import { prepare } from './prepare.mjs'
import { results } from './paths.mjs'
import { groupsOf } from './suites/index.mjs'

const say = (text = '') => process.stdout.write(`${text}\n`)

/** Measures; gives the exit code. */
export async function main(options) {
  const started = performance.now()
  const groups = groupsOf(options)
  if (groups.length === 0) {
    process.stderr.write('Nothing has rows of that name.\n')
    return 2
  }
  const folder = scratchFolder()
  const report = { suite: options.suites.join(','), command: options.command, quick: options.quick, notes: [], rows: [] }
  let failed = false
  try {
    const tools = await prepare(groups)
    report.notes.push(...tools.notes)
    report.environment = environment(tools.node)
    for (const [index, group] of groups.entries()) {
      const title = `${group.suite}.${group.name}`
      try {
        const { rows, notes } = await runGroup(tools.node, group, options, { folder: folder.path, label: `[${index + 1}/${groups.length}] ${title}` })
        report.rows.push(...rows.map((row) => ({ suite: group.suite, ...row })))
        report.notes.push(...notes)
        say(rowTables(rows))
      } catch (error) {
        if (error instanceof Interrupted) throw error
        failed = true
        report.notes.push(`${title} failed: ${error.message}`)
        say(paint('red', `${title} failed: ${error.message}`, process.stdout))
      }
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    say('\nInterrupted; nothing was written.')
    return 130
  } finally {
    folder.remove()
  }
  report.seconds = Math.round((performance.now() - started) / 1000)
  return finish(report, options, failed)
}

function finish(report, options, failed) {
  const goals = goalsTable(report.rows)
  if (goals) say(goals)
  for (const note of report.notes) say(`note: ${note}`)
  const json = `${JSON.stringify(report, null, 1)}\n`
  mkdirSync(results, { recursive: true })
  for (const path of [join(results, 'last.json'), ...(options.json ? [resolve(options.json)] : [])]) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, json)
    say(`rows: ${path}`)
  }
  if (options.baseline) writeBaseline(resolve(options.baseline), report)
  let worse = []
  if (options.check) {
    const result = check(report.rows, JSON.parse(readFileSync(resolve(options.check), 'utf8')))
    say(result.text)
    worse = result.worse
  }
  say(`\n${report.rows.length} rows in ${duration(report.seconds * 1000)}.`)
  return failed || worse.length > 0 ? 1 : 0
}
