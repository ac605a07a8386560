// The tools a machine must bring: Node, npm, Rust and compilers for C and C++, each with its least version.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { npm, probe, root } from '../process.mjs'

/** The first `a.b.c` of a text as three numbers, or null. */
function version(text) {
  const found = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text ?? '')
  return found && [Number(found[1]), Number(found[2]), Number(found[3] ?? 0)]
}

function older(have, need) {
  for (let i = 0; i < 3; i += 1) if (have[i] !== need[i]) return have[i] < need[i]
  return false
}

/** The least Rust version, read where cargo reads it. */
function rustNeeded() {
  return version(/^rust-version\s*=\s*"([^"]+)"/m.exec(readFileSync(join(root, 'Cargo.toml'), 'utf8'))?.[1])
}

function check(name, found, need, hint) {
  const have = version(found)
  if (!have) return `${name} is missing. ${hint}`
  if (older(have, need)) return `${name} ${have.join('.')} is too old: ${need.join('.')} or newer is needed. ${hint}`
  return null
}

/** Everything that is missing or too old, one sentence each; empty where all is there. */
export function missingTools() {
  const [npmCommand, npmArgs] = npm()
  const rustHint = 'Install Rust with rustup (https://rustup.rs), or update it with: rustup update stable'
  const linker = probe(process.env.CC ?? 'cc', ['--version'])
  return [
    check('Node.js', process.version, [20, 19, 0], 'See https://nodejs.org.'),
    check('npm', probe(npmCommand, [...npmArgs, '--version']), [9, 0, 0], 'It comes with Node.js: see https://nodejs.org.'),
    check('cargo', probe('cargo', ['--version']), rustNeeded(), rustHint),
    check('rustc', probe('rustc', ['--version']), rustNeeded(), rustHint),
    linker === null
      ? 'A C compiler (cc) is missing: Rust links with it. On Debian: apt-get install gcc libc6-dev; on macOS: xcode-select --install.'
      : null,
    probe(process.env.CXX ?? 'c++', ['--version']) === null
      ? 'A C++ compiler (c++) is missing: the library for native nodes is built with it. On Debian: apt-get install g++; on macOS: xcode-select --install.'
      : null,
  ].filter((problem) => problem !== null)
}
