// Who may import whom: checks the crates' dependencies, the addon's tree, `unsafe` and the imports of
// examples and tests against the rules in this file. ARCHITECTURE.md explains them.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { filesBelow, linesMatching, rustCode } from './checks/source.mjs'
import { root } from './process.mjs'

const addon = 'libmetachain'

/** Each of our packages and those of ours it may name; no other edge exists. */
const allowed = {
  'libmetachain-primitives': [],
  'libmetachain-ledger': ['primitives'],
  'libmetachain-store': ['ledger', 'primitives'],
  'libmetachain-engine': ['store', 'ledger', 'primitives'],
  'libmetachain-spec-codegen': [],
  'libmetachain-rpc': ['engine', 'primitives', 'spec-codegen'],
  'libmetachain-libmc': ['engine', 'rpc', 'primitives', 'spec-codegen'],
  'libmetachain-driver-host': [],
  'libmetachain-data-driver': [],
  'libmetachain-drivers-metachain': ['data-driver', 'primitives'],
  [addon]: ['engine', 'driver-host', 'rpc', 'primitives'],
}

/** Packages of others that only one of ours may name. */
const reserved = [
  { pattern: /^wasmtime(-|$)/, owner: 'libmetachain-driver-host', why: 'only the driver host runs foreign code' },
  { pattern: /^napi(-|$)/, owner: addon, why: 'only the root knows Node.js' },
]

/** Where `unsafe` may stand: the edges and the framework freely, the driver host three times: it loads native code, sets a flag of the compiler and gives memory back. */
const unsafeAllowed = [
  { folder: 'src/', most: Infinity },
  { folder: 'crates/libmc/', most: Infinity },
  { folder: 'crates/data-driver/', most: Infinity },
  { folder: 'crates/driver-host/', most: 3 },
]

/** What the pure crates must not know; the same input gives the same bytes on every machine. */
const pure = [
  { folder: 'crates/primitives/src', pattern: /\bstd::(fs|net|process|thread|time|env)\b/ },
  { folder: 'crates/ledger/src', pattern: /\bstd::(fs|net|process|thread|time|env)\b/ },
]

/** TypeScript that sees the published surface only, and the packages it may use besides. */
const outsiders = [
  { folder: 'examples', sees: ['examples/'], packages: ['libmetachain'] },
  { folder: '__test__', sees: ['__test__/', 'examples/', 'scripts/', 'bench/'], packages: ['libmetachain', 'libmetachain/bench', 'ava', 'fast-check', '@noble/hashes/blake3.js', '@noble/hashes/sha3.js'] },
]

const metadata = JSON.parse(
  execFileSync('cargo', ['metadata', '--format-version', '1', '--quiet'], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] }),
)
const packages = new Map(metadata.packages.map((item) => [item.id, item]))
const members = metadata.workspace_members.map((id) => packages.get(id))

/** Edges between our crates, and reserved packages named by the wrong one. */
function* wrongEdges() {
  const ours = new Set(members.map((member) => member.name))
  for (const member of members) {
    const may = allowed[member.name]
    if (!may) {
      yield `${member.name} has no entry in the table of scripts/check-imports.mjs`
      continue
    }
    for (const { name, kind } of member.dependencies) {
      const named = `${member.name} names ${name}${kind ? ` (${kind})` : ''}`
      if (ours.has(name) && name !== member.name && !may.some((folder) => name === `libmetachain-${folder}`)) yield `${named}: no such edge is allowed`
      for (const { pattern, owner, why } of reserved) if (pattern.test(name) && member.name !== owner) yield `${named}: ${why}`
    }
  }
}

/** rkyv 0.7 anywhere below the addon: it belongs into wasm only. */
function* oldRkyv() {
  const nodes = new Map(metadata.resolve.nodes.map((node) => [node.id, node]))
  const start = members.find((member) => member.name === addon).id
  const cameFrom = new Map([[start, null]])
  const waiting = [start]
  while (waiting.length > 0) {
    const id = waiting.pop()
    const { name, version } = packages.get(id)
    if (name === 'rkyv' && version.startsWith('0.7.')) {
      const path = []
      for (let at = id; at; at = cameFrom.get(at)) path.unshift(packages.get(at).name)
      yield `the addon links rkyv ${version}: ${path.join(' -> ')}`
    }
    for (const { pkg, dep_kinds: kinds } of nodes.get(id).deps) {
      if (cameFrom.has(pkg) || kinds.every(({ kind }) => kind === 'dev')) continue
      cameFrom.set(pkg, id)
      waiting.push(pkg)
    }
  }
}

const sources = ['src', 'crates', 'drivers'].flatMap((folder) => filesBelow(folder, '.rs'))

/** `unsafe` in a wrong place, too often, or without its reason. */
function* wrongUnsafe() {
  const counts = new Map()
  for (const path of sources) {
    const text = readFileSync(join(root, path), 'utf8')
    const lines = text.split('\n')
    const rule = unsafeAllowed.find(({ folder }) => path.startsWith(folder))
    for (const line of linesMatching(rustCode(text), /\bunsafe\b/)) {
      const attribute = /#\[unsafe\(/.test(lines[line - 1])
      const before = lines.slice(Math.max(0, line - 8), line).join('\n')
      if (!rule) yield `${path}:${line}: unsafe is not allowed here`
      else if (!attribute && !/SAFETY|# Safety/.test(before)) yield `${path}:${line}: unsafe without a SAFETY reason`
      if (rule) counts.set(rule, (counts.get(rule) ?? 0) + 1)
    }
  }
  for (const [{ folder, most }, count] of counts) if (count > most) yield `${folder} holds unsafe ${count} times, ${most} is allowed`
}

/** Input, output, clocks and threads in the pure crates. */
function* impure() {
  for (const { folder, pattern } of pure)
    for (const path of filesBelow(folder, '.rs'))
      for (const line of linesMatching(rustCode(readFileSync(join(root, path), 'utf8')), pattern)) yield `${path}:${line}: a pure crate must not know ${pattern.source}`
}

/** Examples and tests that reach past the published surface. */
function* insiders() {
  const imported = /(?:^import\s+|^(?:import|export)\b[^'"`=;]*\bfrom\s*|\bimport\(\s*)['"]([^'"\n]+)['"]/gm
  for (const { folder, sees, packages: known } of outsiders)
    for (const path of ['.ts', '.mts', '.mjs'].flatMap((ending) => filesBelow(folder, ending)))
      for (const [, name] of readFileSync(join(root, path), 'utf8').matchAll(imported)) {
        const target = posix.join(dirname(path), name)
        const inside = name.startsWith('.') && sees.some((start) => target.startsWith(start))
        if (!inside && !name.startsWith('node:') && !known.includes(name)) yield `${path}: imports ${name}, which is not the published surface`
      }
}

const faults = [...wrongEdges(), ...oldRkyv(), ...wrongUnsafe(), ...impure(), ...insiders()]
for (const fault of faults) console.error(fault)
console.log(`imports: ${members.length} crates, ${sources.length} Rust files, ${faults.length === 0 ? 'all rules hold' : `${faults.length} faults`}`)
process.exitCode = faults.length === 0 ? 0 : 1
