// `node scripts/test-cpp.mjs`: builds the C++ library, runs its test programs with each compiler, follows
// docs/cpp.md in an empty folder, and runs the example native node through a life with crashes.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { checkGuide } from './cpp/guide.mjs'
import { checkNodes } from './cpp/nodes.mjs'
import { checkPrograms } from './cpp/programs.mjs'
import { findTools, layOut, ToolError } from './cpp/tools.mjs'
import { Tally } from './cpp/tally.mjs'
import { root } from './process.mjs'

const usage = `Usage: node scripts/test-cpp.mjs [--only PART,...]

  --only PART,...  only these parts: programs, nodes, guide
  -h, --help       this text

Needs g++, make and cargo. clang++, CMake, pkg-config and valgrind are installed on Debian where that
asks for no password; what cannot be had is skipped with a line that says so, or fails where CI is set.
`

const parts = { programs: checkPrograms, nodes: checkNodes, guide: checkGuide }

async function main() {
  const { values } = parseArgs({ options: { only: { type: 'string' }, help: { type: 'boolean', short: 'h' } } })
  if (values.help) {
    process.stdout.write(usage)
    return 0
  }
  const only = values.only?.split(',') ?? Object.keys(parts)
  const unknown = only.find((name) => !(name in parts))
  if (unknown !== undefined) {
    process.stderr.write(`There is no part '${unknown}'.\n\n${usage}`)
    return 2
  }
  const tally = new Tally()
  const work = join(root, 'target', 'cpp-tests')
  rmSync(work, { recursive: true, force: true })
  try {
    const tools = await findTools(tally)
    await layOut(tools, tally)
    for (const name of only) await parts[name]({ tools, tally, work: join(work, name) })
  } catch (error) {
    if (!(error instanceof ToolError)) throw error
    tally.fail('set-up', error.message)
  }
  return tally.close()
}

process.exitCode = await main()
