// Builds the package: the addon and its binding, the JavaScript, the declarations. Skipped where nothing changed.
//
// node scripts/build-addon.mjs [--force]
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { probe, root, run } from './process.mjs'
import { writeDeclarations } from './check-surface.mjs'

const dist = join(root, 'dist')
const stampPath = join(root, 'target', 'set-up', 'addon.json')

/** What the two parts of the package are made from, and what tells that they are there. */
const inputs = {
  addon: ['Cargo.toml', 'Cargo.lock', 'build.rs', 'src', 'crates', 'spec/metachain.proto', 'package.json', 'package-lock.json', 'scripts/build-addon.mjs'],
  typescript: ['index.ts', 'ts', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json', 'scripts/build-addon.mjs', 'scripts/check-surface.mjs'],
}

const sources = /\.(rs|toml|lock|ts|json|mjs|proto)$/

/** Every source file under a path, in one order on every machine; tests end up in no build. */
function filesUnder(path) {
  if (!existsSync(path)) return []
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path)
    .sort()
    .filter((name) => !['tests', 'benches', 'target', 'node_modules'].includes(name))
    .flatMap((name) => filesUnder(join(path, name)))
    .filter((file) => sources.test(file))
}

/** One hash over the names and contents of all inputs. */
function hashOf(paths, ...more) {
  const hash = createHash('sha256')
  for (const path of paths.flatMap((input) => filesUnder(join(root, input)))) {
    const bytes = readFileSync(path)
    hash.update(`${relative(root, path).split(sep).join('/')}\0${bytes.length}\0`).update(bytes)
  }
  for (const text of more) hash.update(`\0${text}`)
  return hash.digest('hex')
}

/** The addon names the commit it was built from, so another commit is another build. */
const commit = () => probe('git', ['rev-parse', 'HEAD']) ?? ''

const hashes = () => ({
  addon: hashOf(inputs.addon, commit(), process.platform, process.arch),
  typescript: hashOf(inputs.typescript),
})

function readStamps() {
  try {
    return JSON.parse(readFileSync(stampPath, 'utf8')) ?? {}
  } catch {
    return {}
  }
}

function writeStamps(stamps) {
  mkdirSync(dirname(stampPath), { recursive: true })
  const temporary = `${stampPath}.${process.pid}`
  writeFileSync(temporary, `${JSON.stringify(stamps)}\n`)
  renameSync(temporary, stampPath)
}

const addonThere = () => existsSync(join(dist, 'binding.js')) && readdirSync(dist).some((name) => name.endsWith('.node'))

/** The program of an npm package. */
function bin(name, program) {
  const folder = join(root, 'node_modules', name)
  const { bin: programs } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return join(folder, programs[program])
}

async function node(title, args) {
  const { code, lines } = await run(process.execPath, args, { onLine: (line) => console.log(line) })
  if (code !== 0) throw new Error(`${title} failed with exit code ${code}${lines.length === 0 ? '' : ', see above'}`)
}

/**
 * Arguments of the command that compiles the addon into a folder.
 *
 * The binding that comes with it is generated into the same folder and never edited.
 */
export function addonCommand(outputFolder, ...more) {
  return [
    bin('@napi-rs/cli', 'napi'), 'build', '--platform', '--release', '--esm', '--output-dir', outputFolder,
    '--js', 'binding.js', '--dts', 'binding.d.ts', '--no-const-enum', '--runtime-string-enum', ...more,
  ]
}

/** Builds what is out of date; returns what was built. */
export async function buildAddon({ force = false } = {}) {
  const stamps = force ? {} : readStamps()
  const wanted = hashes()
  const built = []
  if (stamps.addon !== wanted.addon || !addonThere()) {
    await node('building the addon', addonCommand('dist'))
    built.push('addon')
    writeStamps({ ...stamps, addon: wanted.addon })
  }
  if (stamps.typescript !== wanted.typescript || built.length > 0 || !existsSync(join(dist, 'index.js'))) {
    await node('compiling TypeScript', [bin('typescript', 'tsc'), '-p', 'tsconfig.build.json'])
    await writeDeclarations()
    built.push('TypeScript')
  }
  writeStamps(wanted)
  return built
}

async function main() {
  const args = process.argv.slice(2)
  if (args.some((arg) => arg !== '--force')) {
    process.stderr.write('Usage: node scripts/build-addon.mjs [--force]\n')
    return 2
  }
  try {
    const built = await buildAddon({ force: args.includes('--force') })
    console.log(built.length === 0 ? 'addon: up to date' : `addon: built ${built.join(' and ')}`)
    return 0
  } catch (error) {
    process.stderr.write(`${error.message}\n`)
    return 1
  }
}

if (realpathSync(process.argv[1]) === import.meta.filename) process.exitCode = await main()
