// The compilers and their helpers: found, installed where that asks for no password, or done without.
import { join } from 'node:path'
import { built } from '../cargo.mjs'
import { probe, root, run } from '../process.mjs'
import { duration } from '../terminal.mjs'

/** What the tests cannot do without is missing or fails. */
export class ToolError extends Error {}

/** Programs that make the tests wider, each with its Debian package and what is lost without it. */
const optional = [
  { program: 'clang++', package: 'clang', lost: 'only g++ compiles the headers' },
  { program: 'cmake', package: 'cmake', lost: 'the CMake half of docs/cpp.md is not followed' },
  { program: 'pkg-config', package: 'pkg-config', lost: 'the pkg-config half of docs/cpp.md is not followed' },
  { program: 'valgrind', package: 'valgrind', lost: 'no run under valgrind' },
]

const here = (program) => probe(program, ['--version']) !== null

/** Installs Debian packages as root, or with a sudo that asks for nothing. Returns why it could not. */
async function install(packages) {
  if (!here('apt-get')) return 'this system has no apt-get'
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  if (asRoot.length > 0 && probe('sudo', ['-n', 'true']) === null) return 'apt-get needs root, and sudo asks for a password'
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  const apt = (...args) => run([...asRoot, 'apt-get'][0], [...[...asRoot, 'apt-get'].slice(1), ...args], { env })
  const attempt = () => apt('install', '--yes', '--no-install-recommends', ...packages)
  let { code, lines } = await attempt()
  if (code !== 0) {
    await apt('update')
    ;({ code, lines } = await attempt())
  }
  return code === 0 ? null : `apt-get install ${packages.join(' ')} failed: ${lines.at(-1) ?? 'no output'}`
}

/** Finds the tools. Throws `ToolError` without g++ or make. */
export async function findTools(tally) {
  for (const program of ['g++', 'make', 'cargo'])
    if (!here(program)) throw new ToolError(`${program} is missing. On Debian: apt-get install g++ make; cargo comes with rustup (https://rustup.rs).`)
  const missing = optional.filter(({ program }) => !here(program))
  if (missing.length > 0) {
    const names = missing.map((tool) => tool.package)
    process.stdout.write(`installing ${names.join(', ')}\n`)
    const problem = await install(names)
    // Continuous integration leaves nothing out unseen.
    const miss = (name, reason) => (process.env.CI ? tally.fail(name, reason) : tally.skip(name, reason))
    for (const { program, lost } of missing) if (!here(program)) miss(program, `${problem ?? 'it is not found after installing'}: ${lost}`)
  }
  const found = Object.fromEntries(optional.map(({ program }) => [program, here(program)]))
  return {
    compilers: found['clang++'] ? ['g++', 'clang++'] : ['g++'],
    cmake: found.cmake,
    pkgConfig: found['pkg-config'],
    valgrind: found.valgrind,
    /** Where the library and the one with planted panics are laid out. */
    library: join(root, 'target', 'libmc'),
    planted: join(root, 'target', 'libmc-planted'),
    server: built(join('examples', 'metachain-server')),
  }
}

async function step(tally, name, command, args) {
  const started = performance.now()
  const { code, lines } = await run(command, args)
  if (code !== 0) throw new ToolError(`${name} failed:\n${lines.slice(-40).join('\n')}`)
  tally.pass(name, 1, duration(performance.now() - started))
}

/** Builds the library twice, the second time with planted panics, and the server for the client's tests. */
export async function layOut(tools, tally) {
  const make = ['--no-print-directory', '-C', join(root, 'crates', 'libmc')]
  // The ordinary one last, so that its archive is what stays in cargo's own folder.
  await step(tally, 'the library with planted panics builds', 'make', [...make, `OUT=${tools.planted}`, 'CARGO_FLAGS=--features planted-panic'])
  await step(tally, 'the library builds', 'make', [...make, `OUT=${tools.library}`])
  const example = ['build', '--release', '--locked', '--workspace', '--example', 'metachain-server']
  await step(tally, 'the server for the client builds', 'cargo', example)
}
