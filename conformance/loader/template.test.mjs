// The author's template: copied, tested, built to wasm by the documented command, and run.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { newDriver } from '../../scripts/new-driver.mjs'
import { root } from '../../scripts/process.mjs'
import { PlainDriver, status } from './plain-loader.mjs'

/** Runs a program and shows what it said where it fails. */
function succeed(program, args, cwd) {
  const result = spawnSync(program, args, { cwd, encoding: 'utf8' })
  assert.equal(result.status, 0, `${program} ${args.join(' ')}\n${result.stdout}${result.stderr}`)
  return result.stdout
}

const folders = join(root, 'target', 'tmp')

/** A folder of its own below target/, gone after the test. */
function temporary(t) {
  mkdirSync(folders, { recursive: true })
  const folder = mkdtempSync(join(folders, 'driver-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('a copy of the template becomes a working driver', () => {
  // Always the same place: cargo would keep what it built in any other for ever.
  const folder = join(folders, 'nested', 'my-vault')
  rmSync(folder, { recursive: true, force: true })
  newDriver('my-vault', folder)
  const manifest = readFileSync(join(folder, 'Cargo.toml'), 'utf8')
  assert.match(manifest, /^name = "my-vault"$/m)

  const tests = succeed('cargo', ['test', '--locked', '--target-dir', join(root, 'target', 'conformance')], folder)
  assert.match(tests, /test result: ok\. [1-9]/)

  const build = join(root, 'target', 'wasm')
  succeed(process.execPath, [join(root, 'scripts', 'wasm-toolchain.mjs'), 'cargo', 'build', '--release', '--locked', '--target-dir', build], folder)
  const driver = new PlainDriver(join(build, 'wasm32-unknown-unknown', 'release', 'my_vault.wasm'))

  const deposit = { owner: '00112233445566ff', value: '18446744073709551615', unlocks_at: null }
  for (const [name, value] of [
    ['balance_of', '00112233445566ff'],
    ['deposit', deposit],
    ['deposits_between', ['1', '18446744073709551615']],
    ['withdraw', [deposit, 3, true]],
    ['total', null],
  ])
    assert.deepEqual(driver.decodeInputFn(name, driver.encodeInputFn(name, JSON.stringify(value))), value, name)
  const rkyv = driver.encodeInputFn('deposit', deposit)
  assert.deepEqual(driver.decodeEvent('deposited', rkyv), deposit)
  assert.throws(
    () => driver.decodeEvent('deposited', rkyv.subarray(1)),
    (error) => error.code === status.operationError && error.message.startsWith('Rkyv("cannot check_archived_root'),
  )
  assert.equal(JSON.parse(driver.getSchema()).name, 'Vault')
  assert.equal(driver.getVersion(), '0.1.0')
})

test('a copy needs a usable name and an empty folder', (t) => {
  const folder = temporary(t)
  for (const name of ['', 'My-Driver', '1st', 'a b', 'a--b', '../x', '-x']) assert.throws(() => newDriver(name, join(folder, 'x')), /is no name/)
  newDriver('first', join(folder, 'first'))
  assert.throws(() => newDriver('second', join(folder, 'first')), /is not empty/)
})
