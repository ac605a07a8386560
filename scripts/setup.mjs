// Makes a fresh clone ready: tools checked, npm packages, drivers (with their wasm
// toolchain) and the addon.
// Each step is skipped where its result is up to date. Until the npm packages are installed nothing
// here may import one.
import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { plain, root, run } from './process.mjs'
import { installPackages, packagesOutdated } from './set-up/packages.mjs'
import { missingTools } from './set-up/tools.mjs'
import { duration, paint, Progress } from './terminal.mjs'

/** Set-up could not be completed; the message tells a person what to do. */
export class SetUpError extends Error {}

const logs = join(root, 'target', 'set-up')

/** A step that one script of this folder carries out, deciding itself whether there is work. */
function script(name, title, file) {
  return {
    name,
    title,
    outdated: () => 'ask',
    run: (options) => run(process.execPath, [join(root, 'scripts', file)], options),
  }
}

/** The steps in the order in which they build on each other. */
const steps = [
  { name: 'packages', title: 'npm packages', outdated: packagesOutdated, run: installPackages },
  // Finds or installs the wasm toolchain itself, and only where a driver must be built.
  script('drivers', 'data drivers', 'build-drivers.mjs'),
  script('addon', 'native addon', 'build-addon.mjs'),
]

export const stepNames = steps.map((step) => step.name)

/** Runs one step, showing its progress; throws with the end of its log where it fails. */
async function carryOut(step, label) {
  if (step.outdated() === null) return
  const log = join(logs, `${step.name}.log`)
  const progress = new Progress(label)
  const { code, lines } = await step.run({ log, onLine: (line) => progress.note(plain(line)) })
  if (code === 0) return progress.end('ready')
  progress.end('failed', 'red')
  const tail = lines.slice(-40).map((line) => `    ${line}`).join('\n')
  throw new SetUpError(`${step.title}: failed with exit code ${code}. The end of its output:\n\n${tail}\n\nAll of it: ${log}`)
}

/** Brings everything (or only the named steps) up to date. Throws `SetUpError`. */
export async function setUp(names = stepNames) {
  const started = performance.now()
  const problems = missingTools()
  if (problems.length > 0)
    throw new SetUpError(`This machine lacks what the build needs:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`)
  const chosen = steps.filter((step) => names.includes(step.name))
  for (const [index, step] of chosen.entries())
    await carryOut(step, `${paint('cyan', `[${index + 1}/${chosen.length}]`)} ${step.title}`)
  process.stderr.write(paint('dim', `Set-up complete in ${duration(performance.now() - started)}.`) + '\n')
}

const usage = `Usage: node scripts/setup.mjs [--only STEP,...]

Checks the tools of this machine and builds what is missing or outdated.
\`npm start\` and \`npm test\` call it themselves.

  --only STEP,...  only these steps: ${stepNames.join(', ')}
  -h, --help       this text
`

/** The command line of this module, where it is the program. */
async function main() {
  let values
  try {
    ;({ values } = parseArgs({ options: { only: { type: 'string' }, help: { type: 'boolean', short: 'h' } } }))
    for (const name of values.only?.split(',') ?? [])
      if (!stepNames.includes(name)) throw new Error(`Unknown step '${name}'. Steps: ${stepNames.join(', ')}.`)
  } catch (error) {
    process.stderr.write(`${error.message}\n\n${usage}`)
    return 2
  }
  if (values.help) {
    process.stdout.write(usage)
    return 0
  }
  try {
    await setUp(values.only?.split(','))
    return 0
  } catch (error) {
    if (!(error instanceof SetUpError)) throw error
    process.stderr.write(`${paint('red', 'Set-up failed.')} ${error.message}\n`)
    return 1
  }
}

if (realpathSync(process.argv[1]) === import.meta.filename) process.exitCode = await main()
