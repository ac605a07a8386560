// The declarations that users get: index.d.ts is bundled from index.ts, committed, and checked for drift.
//
// node scripts/check-surface.mjs            fails where index.d.ts is not what index.ts says
// node scripts/check-surface.mjs --write    writes index.d.ts
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, run } from './process.mjs'

const path = join(root, 'index.d.ts')

/** `Symbol.dispose` is newer than what many programs compile against. */
const header = `// Made from index.ts by scripts/check-surface.mjs --write; do not edit.
/// <reference lib="esnext.disposable" />`

/** Declarations of every source file, in a folder of their own: beside index.ts the old index.d.ts would be read. */
async function emitEach(folder) {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const options = ['--declaration', '--emitDeclarationOnly', '--removeComments', 'false', '--outDir', folder]
  const { code, lines } = await run(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), ...options])
  if (code !== 0) throw new Error(`the declarations cannot be made:\n${lines.join('\n')}`)
}

/** The text that index.d.ts must have. */
export async function declarations() {
  // Only here, as set-up imports this file before any npm package is installed.
  const [{ rollup }, { dts }] = await Promise.all([import('rollup'), import('rollup-plugin-dts')])
  const folder = mkdtempSync(join(tmpdir(), 'libmetachain-types-'))
  try {
    await emitEach(folder)
    const bundle = await rollup({
      input: join(folder, 'index.d.ts'),
      // The generated binding is private: nothing that is published may name it.
      external: ['#binding', /^node:/],
      plugins: [dts()],
      onwarn: (warning) => {
        throw new Error(`index.d.ts: ${warning.message}`)
      },
    })
    const { output } = await bundle.generate({ format: 'es' })
    await bundle.close()
    const [{ code }] = output
    if (code.includes('#binding')) throw new Error('index.d.ts names the private binding')
    return `${header}\n${code}`
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Writes index.d.ts where it is not what index.ts says. */
export async function writeDeclarations() {
  const text = await declarations()
  if (committed() !== text) writeFileSync(path, text)
}

function committed() {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

/** The first line in which two texts differ, for people. */
function difference(before, after) {
  const [old, now] = [before.split('\n'), after.split('\n')]
  const line = now.findIndex((text, index) => text !== old[index])
  return `line ${line + 1}:\n  committed: ${old[line] ?? '(nothing)'}\n  index.ts:  ${now[line] ?? '(nothing)'}`
}

async function main() {
  const [option] = process.argv.slice(2)
  if (option === '--write') {
    await writeDeclarations()
    return 0
  }
  if (option !== undefined) {
    process.stderr.write(`unknown option ${option}; there is --write\n`)
    return 2
  }
  const text = await declarations()
  const found = committed()
  if (found === text) return 0
  const where = found === null ? 'it is missing' : difference(found, text)
  process.stderr.write(`index.d.ts is not what index.ts says: ${where}\nWrite it with: node scripts/check-surface.mjs --write\n`)
  return 1
}

if (realpathSync(process.argv[1]) === import.meta.filename) process.exitCode = await main()
