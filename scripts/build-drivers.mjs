// Builds the drivers to target/drivers/NAME.wasm, and only those whose inputs changed.
//
// node scripts/build-drivers.mjs [--force] [--help] [NAME ...]      all of them without a name
//
// `stake` and `transfer` are Dusk's published drivers (sources from the package
// registry, nothing of them is kept here); `metachain` is the metachain's own.

import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, realpathSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { root } from './process.mjs'
import { runCargo, target, wasmToolchain } from './wasm-toolchain.mjs'

/** Where the modules are put. */
export const driversFolder = join(root, 'target', 'drivers')
const buildFolder = join(root, 'target', 'wasm')
const stampPath = join(driversFolder, 'stamps.json')

const conformance = (name) => ({
  manifest: 'conformance/Cargo.toml',
  package: `libmetachain-conformance-${name}`,
  file: `${name}.wasm`,
  inputs: ['conformance/Cargo.toml', 'conformance/Cargo.lock', `conformance/drivers/${name}`],
})

/** Each driver: its package, what cargo calls the module, and all that it is built from. */
const drivers = {
  stake: conformance('stake'),
  transfer: conformance('transfer'),
  metachain: {
    manifest: 'Cargo.toml',
    package: 'libmetachain-drivers-metachain',
    file: 'libmetachain_drivers_metachain.wasm',
    inputs: ['Cargo.toml', 'Cargo.lock', 'crates/data-driver', 'crates/primitives', 'drivers/metachain'],
  },
}

/** How the modules are compiled is an input too. */
const buildScripts = ['scripts/build-drivers.mjs', 'scripts/wasm-toolchain.mjs']

/** Every file under a path, in one order on every machine; tests do not end up in a module. */
function filesUnder(path) {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path).sort()
    .filter((name) => name !== 'tests' && name !== 'target')
    .flatMap((name) => filesUnder(join(path, name)))
}

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')

/** One hash over the names and the contents of all inputs. */
function inputsHash(driver) {
  const hash = createHash('sha256')
  for (const path of [...driver.inputs, ...buildScripts].flatMap((input) => filesUnder(join(root, input)))) {
    const bytes = readFileSync(path)
    hash.update(`${relative(root, path).split(sep).join('/')}\0${bytes.length}\0`).update(bytes)
  }
  return hash.digest('hex')
}

/** A missing or unreadable file of stamps only means that everything is built. */
function readStamps() {
  try {
    return JSON.parse(readFileSync(stampPath, 'utf8')) ?? {}
  } catch {
    return {}
  }
}

/** Under another name first: a reader never sees half a file. */
function writeAtomically(path, bytes) {
  const temporary = `${path}.${process.pid}`
  writeFileSync(temporary, bytes)
  renameSync(temporary, path)
}

/** Whether the module is there, whole, and built from these inputs. */
function isCurrent(name, stamp, hash) {
  if (stamp?.inputs !== hash) return false
  try {
    return sha256(readFileSync(join(driversFolder, `${name}.wasm`))) === stamp.module
  } catch {
    return false
  }
}

/** Builds one package's module and returns its bytes. */
function buildModule(toolchain, { manifest, package: name, file }) {
  const args = ['--release', '--locked', '--lib', '--crate-type', 'cdylib', '--target-dir', buildFolder]
  try {
    runCargo(toolchain, ['rustc', ...args, '--manifest-path', join(root, manifest), '--package', name], { cwd: root })
  } catch (error) {
    throw new Error(`${name}: ${error.message}; what it said is above`)
  }
  return readFileSync(join(buildFolder, target, 'release', file))
}

/**
 * Builds what is out of date.
 *
 * @param {{names?: string[], force?: boolean, say?: (line: string) => void}} options
 * @returns {string[]} the names that were built
 */
export function buildDrivers({ names = Object.keys(drivers), force = false, say = console.log } = {}) {
  const unknown = names.find((name) => !Object.hasOwn(drivers, name))
  if (unknown !== undefined) throw new Error(`no driver "${unknown}"; there are ${Object.keys(drivers).join(', ')}`)
  const stamps = readStamps()
  const hashes = Object.fromEntries(names.map((name) => [name, inputsHash(drivers[name])]))
  const stale = names.filter((name) => force || !isCurrent(name, stamps[name], hashes[name]))
  if (stale.length === 0) {
    say(`drivers: ${names.join(', ')} up to date`)
    return []
  }

  mkdirSync(driversFolder, { recursive: true })
  const toolchain = wasmToolchain((line) => say(`drivers: ${line}`))
  say(`drivers: building ${stale.join(', ')} with ${toolchain.version} (the first time takes some minutes)`)
  for (const name of stale) {
    const start = performance.now()
    const module = buildModule(toolchain, drivers[name])
    writeAtomically(join(driversFolder, `${name}.wasm`), module)
    // Read again: another process may have built its own in the meantime.
    const stamp = { inputs: hashes[name], module: sha256(module), toolchain: toolchain.version }
    writeAtomically(stampPath, `${JSON.stringify({ ...readStamps(), [name]: stamp }, null, 2)}\n`)
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    say(`drivers: ${name}.wasm, ${Math.round(module.length / 1024)} KiB, ${seconds} s`)
  }
  return stale
}

if (realpathSync(process.argv[1]) === import.meta.filename) {
  const args = process.argv.slice(2)
  const flag = args.find((arg) => arg.startsWith('-') && arg !== '--force')
  if (flag !== undefined) {
    console.log('usage: node scripts/build-drivers.mjs [--force] [stake] [transfer] [metachain]')
    process.exit(flag === '--help' ? 0 : 2)
  }
  try {
    const names = args.filter((arg) => arg !== '--force')
    buildDrivers({ names: names.length > 0 ? names : undefined, force: args.includes('--force') })
  } catch (error) {
    console.error(`drivers: ${error.message}`)
    process.exit(1)
  }
}
