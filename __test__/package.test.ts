// The packed tarball in an empty folder: it runs from ESM and from require, and its types work and complain.
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'

const root = fileURLToPath(new URL('..', import.meta.url))
const run = promisify(execFile)
const npm = (args: string[], cwd: string) => run('npm', [...args, '--offline', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd })

/** A folder into which the tarball was installed, as any user would. */
let folder: string

test.before(async (t) => {
  t.timeout(120_000)
  folder = await mkdtemp(join(tmpdir(), 'libmetachain-consumer-'))
  const { stdout } = await npm(['pack', '--json', '--pack-destination', folder], root)
  const packed = JSON.parse(stdout) as { filename: string }[] | Record<string, { filename: string }>
  const [{ filename }] = Object.values(packed) as [{ filename: string }]
  await writeFile(join(folder, 'package.json'), '{ "name": "consumer", "private": true }')
  await npm(['install', `./${filename}`], folder)
})

test.after.always(() => rm(folder, { recursive: true, force: true }))

/** A program of a user, which works on a chain in memory. */
const program = `
const hash = (byte) => new Uint8Array(32).fill(byte)
const run = async ({ Metachain, MetachainError, Driver, buildInfo }) => {
  const chain = await Metachain.open({ genesis: { chainId: 'consumer', network: 'opaque' } })
  const minted = chain.mintBlock({ nativeHeight: 1, nativeParentHash: hash(1), time: 1 }, [
    { from: 'somebody', to: '0x' + '11'.repeat(20), amount: 5n },
  ])
  const { status } = await chain.connectBlock({
    nativeHash: hash(2), nativeHeight: 1, nativeParentHash: hash(1), time: 1, payload: minted.payload, transactions: 'unchecked',
  })
  const error = await Driver.load(new Uint8Array(3)).catch((error) => error)
  const closed = await chain.close().then(() => { try { return chain.tip } catch (error) { return error } })
  console.log(JSON.stringify([status, error.code, closed instanceof MetachainError, closed.code, buildInfo().version]))
}
`
const expected = ['connected', 'DRIVER_REJECTED', true, 'CLOSED', '0.1.0']

async function output(file: string, text: string): Promise<{ out: unknown; err: string }> {
  await writeFile(join(folder, file), text)
  const { stdout, stderr } = await run(process.execPath, [file], { cwd: folder })
  return { out: JSON.parse(stdout), err: stderr }
}

test('it runs from ESM', async (t) => {
  const { out, err } = await output('program.mjs', `import * as lib from 'libmetachain'\n${program}\nawait run(lib)`)
  t.deepEqual(out, expected)
  t.is(err, '')
})

test('it runs from require, as the same module', async (t) => {
  const { out, err } = await output('program.cjs', `const lib = require('libmetachain')\n${program}\nrun(lib)`)
  t.deepEqual(out, expected)
  t.is(err, '')
  const same = `const lib = require('libmetachain')\nimport('libmetachain').then((esm) => console.log(esm.Metachain === lib.Metachain))`
  t.is((await output('same.cjs', same)).out, true)
})

test('it holds what it needs and nothing else', async (t) => {
  const files = await readdir(join(folder, 'node_modules', 'libmetachain'), { recursive: true })
  const kinds = files.map((file) => file.replace(/^dist\/.*\.js$/, 'dist/*.js').replace(/^dist\/.*\.node$/, 'dist/*.node').replace(/^(bench\/harness)\/.*\.mjs$/, '$1/*.mjs'))
  const found = [...new Set(kinds)].sort()
  t.deepEqual(found, ['LICENSE', 'LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'bench', 'bench/harness', 'bench/harness/*.mjs', 'bench/harness/index.d.ts', 'dist', 'dist/*.js', 'dist/*.node', 'dist/ts', 'index.d.ts', 'package.json'])
  const { dependencies } = JSON.parse(await readFile(join(folder, 'node_modules', 'libmetachain', 'package.json'), 'utf8')) as { dependencies?: object }
  t.is(dependencies, undefined)
})

const typed = `
import { type Account, Driver, type Json, Metachain, MetachainError, type MintedBlock, TxBatch, verifyAccountProof } from 'libmetachain'
import { ChainUnderTest, measure, type Row } from 'libmetachain/bench'
export const rows = (): Promise<Row[]> => measure({ id: 'x', unit: 's', contestants: [{ name: 'x', run: () => [1] }] })
export const subject = new ChainUnderTest('ours', { Metachain, TxBatch }, { directory: 'x' })
export async function use(): Promise<Account | null> {
  await using chain = await Metachain.open({ path: 'x', durability: 'batch', genesis: { chainId: 'x', network: 'opaque' } })
  const batch: TxBatch = new TxBatch().add('somebody', '0x', 5n)
  const minted: MintedBlock = chain.mintBlock({ nativeHeight: 1, nativeParentHash: new Uint8Array(32), time: 0 }, batch)
  const bytes: Uint8Array = Buffer.from(minted.payload)
  for await (const event of chain.events({ from: 'x', signal: AbortSignal.timeout(1) })) if (event.type === 'connected') break
  const driver = await Driver.load(bytes, { integers: 'lossless' })
  const json: Json = driver.decodeEvent('e', bytes)
  const [result] = await driver.decodeEvents([{ name: 'e', data: bytes }])
  if (result && 'error' in result && result.error.code === 'DRIVER_TRAP') throw new MetachainError('X', String(json))
  return verifyAccountProof(minted.stateRoot, '0x', bytes)
}
`
/** One mistake in each line, and what the compiler has to say to it. */
const mistakes: [string, RegExp][] = [
  [`Metachain.open({ genesis: { chainId: 'x', network: 'dogecoin' } })`, /TS2820|TS2322/],
  [`new TxBatch().add('a', 'b', 5)`, /TS2345/],
  [`Driver.load(7)`, /TS2345|TS2769/],
  [`new Metachain()`, /TS2673|TS2554/],
  [`verifyAccountProof(new Uint8Array(), 'x')`, /TS2554/],
]

/** Compiles files against the installed package, with the library checked too; returns the compiler's complaints. */
async function compile(files: Record<string, string>, options: string[]): Promise<string> {
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text)
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const types = ['--typeRoots', join(root, 'node_modules', '@types'), '--types', 'node']
  const common = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--module', 'nodenext', '--target', 'es2022', ...types]
  return run(process.execPath, [tsc, ...common, ...options, ...Object.keys(files)], { cwd: folder }).then(
    ({ stdout }) => stdout,
    (error: { stdout: string }) => error.stdout,
  )
}

test('its types work, from both kinds of module', async (t) => {
  t.timeout(300_000)
  t.is(await compile({ 'typed.mts': typed, 'typed.cts': typed }, ['--lib', 'es2022']), '')
  // The README says which settings of the compiler know that Node's require loads a module.
  t.is(await compile({ 'typed.cts': typed }, ['--lib', 'es2022', '--module', 'node20']), '')
  t.regex(await compile({ 'typed.cts': typed }, ['--lib', 'es2022', '--module', 'node18']), /TS1479/)
})

test('its types complain', async (t) => {
  t.timeout(300_000)
  const [, imports] = typed.split('\n') as [string, string]
  const lines = mistakes.map(([mistake], index) => `export const wrong${index} = ${mistake}`)
  const complaints = (await compile({ 'mistakes.mts': [imports, ...lines].join('\n') }, [])).split('\n')
  for (const [index, [mistake, complaint]] of mistakes.entries()) {
    const own = complaints.filter((line) => line.startsWith(`mistakes.mts(${index + 2},`)).join('\n')
    t.regex(own, complaint, mistake)
  }
})
