// What `npm test` runs: each section with its group, the set-up it needs and its commands.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { probe, root } from '../process.mjs'

const all = ['packages', 'drivers', 'addon']

/** A program of an installed npm package, run by this Node. */
function bin(name, program, args) {
  const folder = join(root, 'node_modules', name)
  const { bin: programs } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return [process.execPath, [join(folder, programs[program]), ...args]]
}

const node = (script, ...args) => [process.execPath, [join(root, 'scripts', script), ...args]]

/** One step passes or fails as a whole. */
const check = (name, title, needs, commands, extra = {}) => ({ name, group: 'checks', title, needs, commands, ...extra })

/** The same Rust tests by either runner; nextest leaves documentation tests to cargo. */
function rustCommands() {
  const common = ['--release', '--workspace', '--no-fail-fast', '--locked']
  if (probe('cargo', ['nextest', '--version']) === null) return [{ reader: 'cargoTest', command: ['cargo', ['test', ...common]] }]
  return [
    { reader: 'nextest', command: ['cargo', ['nextest', 'run', ...common, '--status-level', 'slow', '--final-status-level', 'fail']] },
    // A workspace without examples in its documentation is no failure.
    { reader: 'cargoTest', command: ['cargo', ['test', ...common, '--doc']], mayBeEmpty: true },
  ]
}

const fmt = (manifest) => ['cargo', ['fmt', '--manifest-path', manifest, '--all', '--check']]

/** Every section, the quick ones first: a typing error should not wait for a build. */
export const sections = [
  check('fmt', 'Rust is formatted', [], () => ['Cargo.toml', 'conformance/Cargo.toml', 'fuzz/Cargo.toml'].filter((manifest) => existsSync(join(root, manifest))).map(fmt), {
    component: 'fmt',
  }),
  check('imports', 'the import rule holds', [], () => [node('check-imports.mjs')]),
  check('documents', 'documents name what exists', [], () => [node('check-documents.mjs')]),
  check('types', 'TypeScript types agree', ['packages', 'addon'], () => [bin('typescript', 'tsc', ['-p', 'tsconfig.json', '--noEmit'])]),
  check('surface', 'index.d.ts is what index.ts says', ['packages', 'addon'], () => [node('check-surface.mjs')]),
  { name: 'rust', group: 'rust', title: 'Rust tests', needs: ['drivers'], runners: rustCommands },
  {
    name: 'conformance',
    group: 'rust',
    title: "agreement with Dusk's own crates",
    needs: ['drivers'],
    runners: () => [{ reader: 'cargoTest', command: node('test-conformance.mjs') }],
  },
  { name: 'ava', group: 'ts', title: 'TypeScript tests', needs: all, runners: () => [{ reader: 'ava', command: bin('ava', 'ava', []) }] },
  { name: 'cpp', group: 'cpp', title: 'C++ library, its page and the example native node', needs: [], runners: () => [{ reader: 'several', command: node('test-cpp.mjs') }] },
  check('clippy', 'clippy finds nothing', [], () => [['cargo', ['clippy', '--release', '--workspace', '--all-targets', '--locked', '--', '-D', 'warnings']]], {
    component: 'clippy',
  }),
  check('doc', 'Rust documentation builds', [], () => [['cargo', ['doc', '--release', '--workspace', '--no-deps', '--locked']]], {
    // These are internals: their documentation may lead readers to private items.
    env: { RUSTDOCFLAGS: '-D warnings -A rustdoc::private-intra-doc-links' },
  }),
  // Ratios, never times; a report, which fails only past twice as bad.
  check('bench', 'no ratio is twice as bad as it was', all, () => [node('bench.mjs', '--quick', '--check', join(root, 'bench', 'baseline.json'))], { report: 40 }),
]

export const groupNames = [...new Set(sections.map((section) => section.group))]
export const sectionNames = sections.map((section) => section.name)
