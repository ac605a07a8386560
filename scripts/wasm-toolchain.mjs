// Finds a Rust toolchain that compiles to wasm32-unknown-unknown, and installs what is missing.
//
// In this order: what is present, `rustup target add`, Debian's packages.
// LIBMETACHAIN_WASM=rustup|debian forces one of the last two. A way that does
// not work here says why in one line.
//
// node scripts/wasm-toolchain.mjs                        finds or installs it, and says which it is
// node scripts/wasm-toolchain.mjs cargo build [ARGS]     runs its cargo for wasm32-unknown-unknown

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { root } from './process.mjs'

export const target = 'wasm32-unknown-unknown'

const forceVariable = 'LIBMETACHAIN_WASM'
/** The oldest compiler that the crates accept (`rust-version` of the workspaces). */
const rustMinimum = [1, 95]
/** `rustup target add` downloads about 20 MB; past this the network is not there. */
const downloadTimeoutMs = 300_000
const debianBin = '/usr/bin'

/** A way that does not work here; the message is one line. */
class Unusable extends Error {}

/** Runs a program to its end; never throws. `reason` is its last word, in one line. */
function run(program, args, options = {}) {
  const result = spawnSync(program, args, { encoding: 'utf8', ...options })
  const text = `${result.stdout ?? ''}\n${result.stderr ?? ''}`
  const lines = text.split('\n').map((line) => line.trim()).filter(Boolean)
  const reason = result.error?.code === 'ENOENT' ? `${program} is not installed`
    : result.error?.code === 'ETIMEDOUT' ? `${program} did not finish in time`
    : result.error ? result.error.message
    : lines.find((line) => /^(error|E:)/i.test(line)) ?? lines.at(-1) ?? `exit status ${result.status}`
  return { ok: !result.error && result.status === 0, stdout: result.stdout?.trim() ?? '', reason }
}

/** Refuses a compiler that is older than the crates ask for. */
function requireVersion(rustc) {
  const version = run(rustc, ['--version'])
  if (!version.ok) throw new Unusable(version.reason)
  const [, major, minor] = /^rustc (\d+)\.(\d+)/.exec(version.stdout) ?? []
  if (major === undefined) throw new Unusable(`${rustc} does not say its version: ${version.stdout}`)
  if (isOld(major, minor)) {
    throw new Unusable(`${rustc} is ${major}.${minor}, at least ${rustMinimum.join('.')} is needed`)
  }
  return version.stdout
}

function isOld(major, minor) {
  const [wantedMajor, wantedMinor] = rustMinimum
  return Number(major) < wantedMajor || (Number(major) === wantedMajor && Number(minor) < wantedMinor)
}

/** Compiles and links a one-function module: the only proof that target and linker are there. */
function probe(rustc) {
  const folder = join(root, 'target', 'wasm')
  mkdirSync(folder, { recursive: true })
  const output = join(folder, `probe-${process.pid}.wasm`)
  const result = run(
    rustc,
    ['--target', target, '--crate-type', 'cdylib', '--crate-name', 'probe', '-o', output, '-'],
    { input: '#[unsafe(no_mangle)] pub extern "C" fn probe() {}', cwd: folder },
  )
  rmSync(output, { force: true })
  return result
}

/** The compiler on the path, if it already has the target. */
function presentOnPath() {
  const rustc = process.env.RUSTC ?? 'rustc'
  const version = requireVersion(rustc)
  const probed = probe(rustc)
  if (!probed.ok) throw new Unusable(`${rustc} has no working ${target}: ${probed.reason}`)
  return { way: 'path', version, cargo: process.env.CARGO ?? 'cargo', cargoArgs: [], env: { RUSTC: rustc } }
}

/** The newest wasm linker among Debian's versioned names, or the plain name. */
function debianLinker() {
  const names = readdirSync(debianBin).filter((name) => /^wasm-ld(-\d+)?$/.test(name))
  const release = (name) => Number(name.split('-')[2] ?? 0)
  return names.sort((a, b) => release(b) - release(a))[0]
}

/** Debian's compiler, its sources of the standard library and its linker, if all are installed. */
function presentDebian() {
  const rustc = join(debianBin, 'rustc')
  const cargo = join(debianBin, 'cargo')
  for (const program of [rustc, cargo]) {
    if (!existsSync(program)) throw new Unusable(`${program} is not installed`)
  }
  const version = requireVersion(rustc)
  const sysroot = run(rustc, ['--print', 'sysroot']).stdout
  if (!existsSync(join(sysroot, 'lib/rustlib/src/rust/library/Cargo.lock'))) {
    throw new Unusable('the sources of the standard library are not installed')
  }
  const linker = debianLinker()
  if (linker === undefined) throw new Unusable(`there is no wasm-ld in ${debianBin}`)
  return {
    way: 'debian',
    version,
    cargo,
    // Debian ships no compiled standard library for this target: it is built
    // with the driver, which the stable compiler does only when told so.
    cargoArgs: ['-Zbuild-std=core,alloc,std,panic_abort'],
    env: { RUSTC: rustc, RUSTC_BOOTSTRAP: '1', CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: linker },
  }
}

/** Adds the target to the active rustup toolchain. */
function installRustup(say) {
  say(`rustup target add ${target}`)
  const added = run('rustup', ['target', 'add', target], { cwd: root, timeout: downloadTimeoutMs })
  if (!added.ok) throw new Unusable(`rustup target add: ${added.reason}`)
  return presentOnPath()
}

/** The names of Debian's packages, with the newest linker; undefined where they are not offered, or too old. */
function debianPackages() {
  // A version may begin with an epoch: `1:1.96.0+dfsg1-1`.
  const offered = (name) => {
    const { stdout } = run('apt-cache', ['policy', name])
    const [, major, minor] = /Candidate: (?:\d+:)?(\d+)\.(\d+)/.exec(stdout) ?? []
    return major !== undefined && !isOld(major, minor)
  }
  const compiler = ['rustc-web', 'cargo-web', 'rust-web-src']
  const linkers = run('apt-cache', ['search', '--names-only', '^lld-[0-9]+$']).stdout
    .split('\n').map((line) => line.split(' ')[0]).filter(Boolean)
    .sort((a, b) => Number(b.slice(4)) - Number(a.slice(4)))
  if (linkers.length === 0 || !compiler.every(offered)) return undefined
  return [...compiler, linkers[0]]
}

/** Installs Debian's packages; needs root, or sudo that asks for no password. */
function installDebian(say) {
  if (!run('apt-get', ['--version']).ok) throw new Unusable('this system has no apt-get')
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  if (asRoot.length > 0 && !run('sudo', ['-n', 'true']).ok) {
    throw new Unusable('apt-get needs root, and sudo asks for a password')
  }
  const apt = (...args) => {
    const [program, ...rest] = [...asRoot, 'apt-get', ...args]
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    return run(program, rest, { env, timeout: 2 * downloadTimeoutMs })
  }
  let packages = debianPackages()
  // Lists of packages that came with a machine may be years old.
  if (packages === undefined) {
    say('apt-get update')
    const updated = apt('update')
    if (!updated.ok) throw new Unusable(`apt-get update: ${updated.reason}`)
    packages = debianPackages()
  }
  if (packages === undefined) throw new Unusable(`this release offers no rustc-web of at least ${rustMinimum.join('.')}, or no lld`)
  say(`apt-get install ${packages.join(' ')}`)
  const installed = apt('install', '--yes', '--no-install-recommends', ...packages)
  if (!installed.ok) throw new Unusable(`apt-get install: ${installed.reason}`)
  return presentDebian()
}

const ways = {
  rustup: [['rustup', presentOnPath], ['rustup', installRustup]],
  debian: [['debian', presentDebian], ['debian', installDebian]],
  any: [['on the path', presentOnPath], ['debian, installed', presentDebian], ['rustup', installRustup], ['debian', installDebian]],
}

/** What every build to wasm gets, whichever compiler does it. */
function commonEnvironment(toolchain) {
  const cargoHome = process.env.CARGO_HOME ?? join(homedir(), '.cargo')
  const env = {
    ...process.env,
    ...toolchain.env,
    // No path of this machine in the module: one source, one toolchain, one content hash.
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS: `--remap-path-prefix=${cargoHome}=/cargo --remap-path-prefix=${root}=/libmetachain`,
    // Inlining across crates is where a driver's speed is, and the symbols
    // would be a third of the file.
    CARGO_PROFILE_RELEASE_LTO: 'fat',
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS: '1',
    CARGO_PROFILE_RELEASE_PANIC: 'abort',
    CARGO_PROFILE_RELEASE_STRIP: 'symbols',
  }
  // Flags meant for the machine's own processor would replace the ones above.
  for (const name of ['RUSTFLAGS', 'CARGO_ENCODED_RUSTFLAGS', 'CARGO_BUILD_RUSTFLAGS', 'CARGO_BUILD_TARGET']) delete env[name]
  return env
}

/**
 * A toolchain that has compiled to wasm, or an error that gives each way's reason.
 *
 * @param {(line: string) => void} say told of each step that takes time
 * @returns {{way: string, version: string, cargo: string, cargoArgs: string[], env: Record<string, string>}}
 */
export function wasmToolchain(say = () => {}) {
  const forced = process.env[forceVariable]
  if (forced && forced !== 'rustup' && forced !== 'debian') {
    throw new Error(`${forceVariable} is "${forced}"; it may be rustup or debian`)
  }
  const reasons = []
  for (const [name, find] of ways[forced || 'any']) {
    try {
      const toolchain = find(say)
      return { ...toolchain, env: commonEnvironment(toolchain) }
    } catch (error) {
      if (!(error instanceof Unusable)) throw error
      reasons.push(`  ${name}: ${error.message}`)
    }
  }
  throw new Error(`no Rust toolchain for ${target}:\n${reasons.join('\n')}`)
}

/**
 * Runs a toolchain's cargo for the target, with its output shown as it comes.
 *
 * @param {string[]} args the subcommand and its arguments
 */
export function runCargo(toolchain, [command, ...args], options = {}) {
  const all = [command, '--target', target, ...toolchain.cargoArgs, ...args]
  const result = spawnSync(toolchain.cargo, all, { env: toolchain.env, stdio: ['ignore', 'inherit', 'inherit'], ...options })
  if (result.error) throw new Error(`${toolchain.cargo}: ${result.error.message}`)
  if (result.status !== 0) throw new Error(`cargo ${command} failed`)
}

if (realpathSync(process.argv[1]) === import.meta.filename) {
  const [program, ...args] = process.argv.slice(2)
  if (program !== undefined && (program !== 'cargo' || args.length === 0)) {
    console.log('usage: node scripts/wasm-toolchain.mjs [cargo COMMAND [ARGS ...]]')
    process.exit(program === '--help' || program === '-h' ? 0 : 2)
  }
  try {
    const toolchain = wasmToolchain((line) => console.log(`wasm: ${line}`))
    if (program === undefined) console.log(`wasm: ${toolchain.version} (${toolchain.way})`)
    else runCargo(toolchain, args)
  } catch (error) {
    console.error(`wasm: ${error.message}`)
    process.exit(1)
  }
}
