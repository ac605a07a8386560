// Agreement with Dusk's published crates: the framework's helpers against theirs on random values,
// and the drivers, theirs and ours, in a plain WebAssembly loader.
//
// The totals are printed as cargo's test runner prints them, so that one reader counts all.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { buildDrivers } from './build-drivers.mjs'
import { root, run } from './process.mjs'

const say = (line) => process.stdout.write(`${line}\n`)
const loaderTests = join(root, 'conformance', 'loader')

/** The helpers, natively. Only what they need of Dusk's crates is compiled. */
async function testHelpers() {
  const args = ['test', '--release', '--locked', '--manifest-path', join(root, 'conformance', 'Cargo.toml'), '--package', 'libmetachain-conformance-helpers']
  const { code } = await run('cargo', [...args, '--target-dir', join(root, 'target', 'conformance')], { onLine: say })
  return code === 0
}

/** The modules, by Node's own WebAssembly. */
async function testModules() {
  const files = readdirSync(loaderTests).filter((name) => name.endsWith('.test.mjs')).map((name) => join(loaderTests, name))
  const counts = { pass: 0, fail: 0, skipped: 0 }
  const onLine = (line) => {
    const [, name, count] = /^\S+ (pass|fail|skipped) (\d+)$/.exec(line) ?? []
    if (name !== undefined) counts[name] = Number(count)
    say(line)
  }
  const { code } = await run(process.execPath, ['--test', '--test-reporter=spec', ...files], { onLine })
  const verdict = code === 0 ? 'ok' : 'FAILED'
  say(`test result: ${verdict}. ${counts.pass} passed; ${counts.fail} failed; ${counts.skipped} ignored; 0 measured; 0 filtered out`)
  return code === 0
}

try {
  buildDrivers({ say })
  const passed = [await testHelpers(), await testModules()]
  process.exitCode = passed.every(Boolean) ? 0 : 1
} catch (error) {
  console.error(`conformance: ${error.message}`)
  process.exitCode = 1
}
