// `npm test`: makes the clone ready, then runs every check and every test, to the end even where some
// fail, and closes with one line of totals.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { plain, probe, root, run } from './process.mjs'
import { setUp, SetUpError } from './setup.mjs'
import { duration, paint, Progress } from './terminal.mjs'
import { groupNames, sectionNames, sections } from './test/sections.mjs'
import { totals } from './test/totals.mjs'

const usage = `Usage: npm test -- [--only NAME,...]

Makes the clone ready and runs all checks and tests. Exit codes: 0 all passed,
1 something failed, 2 a mistake in the options.

  --only NAME,...  only these groups (${groupNames.join(', ')})
                   or sections (${sectionNames.join(', ')})
  -h, --help       this text
`

/** Last lines of a failed check shown here; the rest is in its log. */
const SHOWN_MAX = 80
/** What one command may take, in milliseconds: several times what the slowest takes on two busy cores. */
const COMMAND_MAX = 30 * 60_000

const say = (text) => process.stdout.write(`${text}\n`)
const line = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
const add = (a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped })
const none = { passed: 0, failed: 0, skipped: 0 }

/** A check: quiet where it passes, but for the last `report` lines, its whole output where it fails. */
async function runCheck({ name, title, commands, component, env, report = 0 }) {
  if (component && probe('cargo', [component, '--version']) === null) {
    say(`${title}: skipped, cargo ${component} is not installed (rustup component add ${component === 'fmt' ? 'rustfmt' : component})`)
    return process.env.CI ? { ...none, failed: 1 } : { ...none, skipped: 1 }
  }
  const progress = new Progress(title)
  for (const [index, [command, args]] of commands().entries()) {
    const log = join(root, 'target', 'test-logs', `${name}${index > 0 ? `-${index + 1}` : ''}.log`)
    const { code, lines } = await run(command, args, { log, env, limit: COMMAND_MAX, keep: 10_000, onLine: (text) => progress.note(plain(text)) })
    if (code === 0) {
      if (report > 0) for (const text of lines.slice(-report)) say(`    ${text}`)
      continue
    }
    progress.end('failed', 'red')
    if (lines.length > SHOWN_MAX) say(`    … all of it: ${log}`)
    for (const text of lines.slice(-SHOWN_MAX)) say(`    ${text}`)
    return { ...none, failed: 1 }
  }
  progress.end('passed')
  return { ...none, passed: 1 }
}

/** Test runners: their output as it comes. */
async function runRunners({ runners }) {
  let result = none
  for (const { reader, command, mayBeEmpty } of runners()) {
    const [program, args] = command
    const { code, lines } = await run(program, args, { keep: 100_000, limit: COMMAND_MAX, onLine: say })
    const read = totals(reader, lines, code)
    result = add(result, mayBeEmpty && code === 0 && read.passed === 0 ? none : read)
  }
  return result
}

/** Runs one section and says how it went; a mistake of ours counts as its failure. */
async function runSection(section) {
  const started = performance.now()
  say(`\n${paint('bold', `── ${section.name}: ${section.title}`, process.stdout)}`)
  let result
  try {
    result = await (section.runners ? runRunners(section) : runCheck(section))
  } catch (error) {
    say(error.stack)
    result = { ...none, failed: 1 }
  }
  say(`${section.name}: ${line(result)} (${duration(performance.now() - started)})`)
  return result
}

function chosen(only) {
  if (only === undefined) return sections
  const names = only.split(',')
  for (const name of names)
    if (!groupNames.includes(name) && !sectionNames.includes(name)) throw new Error(`Unknown name '${name}'. Names: ${[...new Set([...groupNames, ...sectionNames])].join(', ')}.`)
  return sections.filter((section) => names.includes(section.group) || names.includes(section.name))
}

/** Set-up, without its fresh index.d.ts: the check must judge the one that was there before. */
async function prepare(names) {
  const path = join(root, 'index.d.ts')
  const before = existsSync(path) ? readFileSync(path, 'utf8') : null
  await setUp(names)
  if (before !== null && readFileSync(path, 'utf8') !== before) writeFileSync(path, before)
}

/** The table at the end, so that nobody has to scroll for what failed. */
function summary(results) {
  say(`\n${paint('bold', '── summary', process.stdout)}`)
  for (const [section, result] of results) {
    const verdict = result.failed > 0 ? paint('red', 'FAILED', process.stdout) : paint('green', 'ok    ', process.stdout)
    say(`${verdict} ${section.name.padEnd(12)} ${line(result)}`)
  }
}

async function main() {
  let picked
  try {
    const { values } = parseArgs({ options: { only: { type: 'string' }, help: { type: 'boolean', short: 'h' } } })
    if (values.help) {
      process.stdout.write(usage)
      return 0
    }
    picked = chosen(values.only)
  } catch (error) {
    process.stderr.write(`${error.message}\n\n${usage}`)
    return 2
  }
  const started = performance.now()
  try {
    await prepare([...new Set(picked.flatMap((section) => section.needs))])
  } catch (error) {
    if (!(error instanceof SetUpError)) throw error
    say(`${paint('red', 'Set-up failed.', process.stdout)} ${error.message}\n\n0 passed, 1 failed`)
    return 1
  }
  const results = []
  for (const section of picked) results.push([section, await runSection(section)])
  summary(results)
  const total = results.reduce((sum, [, result]) => add(sum, result), none)
  say(`\nAll of it took ${duration(performance.now() - started)}.\n${line(total)}`)
  return total.failed === 0 ? 0 : 1
}

process.exitCode = await main()
