// A group of the benchmark runs in a process of its own, tells what it measured, and leaves nothing behind.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = join(root, 'target', 'bench-test', `groups-${process.pid}`)
const run = promisify(execFile)
const processes = pathToFileURL(join(root, 'bench', 'process.mjs')).href

test.before(() => mkdir(folder, { recursive: true }))
test.after.always(() => rm(folder, { recursive: true, force: true }))

/** Runs a module as a group, as the benchmark would, and gives what came of it. */
async function group(name: string, code: string, extra: object = {}): Promise<{ rows?: { id: string; limit?: string }[]; notes?: string[]; error?: string; kind?: string; left: string[] }> {
  const module = join(folder, `${name}.mjs`)
  await writeFile(module, code)
  const order = { name, module: pathToFileURL(module).href, rows: { a: 'limit', c: 'least' }, seconds: 60, asked: null, ...extra }
  const own = join(folder, `${name}-stores`)
  const parent = `
    import { runGroup } from ${JSON.stringify(processes)}
    const measured = await runGroup(process.execPath, ${JSON.stringify(order)}, { quick: true, contestants: [] }, { folder: ${JSON.stringify(own)}, label: 'test' })
      .catch((error) => ({ error: error.message, kind: error.constructor.name }))
    console.log(JSON.stringify(measured))
  `
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', parent], { cwd: root, timeout: 60_000 })
  return { ...(JSON.parse(stdout) as object), left: await readdir(own) }
}

test('a group tells its rows and notes, of those that were asked for', async (t) => {
  const code = `
    import { writeFileSync } from 'node:fs'
    export async function run({ directory, measure, rows, note }) {
      writeFileSync(directory + '/store', 'a store')
      await note('a note')
      const contestants = [
        { name: 'ours', ids: ['a.1', 'a.1.b', 'c'], run: () => [1] },
        { name: 'limit', ids: ['a.1', 'a.1.b'], run: () => [1] },
      ]
      await measure({ id: 'a.1', unit: 's', contestants })
      await measure({ id: 'd', unit: 's', contestants: [{ name: 'ours', run: () => { throw new Error('nobody asked') } }] })
      await rows([{ id: 'a.2', contestant: 'other' }, { id: 'a.10', contestant: 'ours' }])
    }
  `
  const { rows, notes, left } = await group('rows', code, { asked: ['a.1', 'a.2'] })
  t.deepEqual(rows?.map(({ id, limit }) => [id, limit]), [['a.1', 'limit'], ['a.1', 'limit'], ['a.1.b', 'limit'], ['a.1.b', 'limit'], ['a.2', 'limit']])
  t.deepEqual(notes, ['a note'])
  t.deepEqual(left, [])
})

test('no row of ours goes without the limit that its group names, unless the run says why', async (t) => {
  const measuring = (...contestants: string[]) => `export async function run({ measure }) {
    const contestants = ${JSON.stringify(contestants)}.map((name) => ({ name, ids: ['a.1', 'c.1'], run: () => { throw new Error(name + ' was measured') } }))
    await measure({ id: 'a.1', unit: 's', contestants })
  }`
  const of = async (name: string, ...contestants: string[]) => (await group(name, measuring(...contestants))).error ?? ''
  t.regex(await of('neither', 'ours', 'v8'), /nothing shows what the work of a\.1, c\.1 costs at least/)
  t.regex(await of('one', 'ours', 'limit'), /nothing shows what the work of c\.1 costs at least/)
  t.regex(await of('both', 'ours', 'limit', 'least'), /ours was measured/)
  t.regex(await of('theirs', 'v8'), /v8 was measured/)
  t.regex((await group('unnamed', measuring('ours', 'limit'), { rows: {} })).error ?? '', /the work of a\.1, c\.1 costs/)
  t.regex((await group('told', `export const run = ({ rows }) => rows([{ id: 'c.2', contestant: 'ours' }])`)).error ?? '', /the work of c\.2 costs/)
  const excused = await group('excused', `export async function run({ measure, rows }) {
    await measure({ id: 'a.1', unit: 's', unlimited: 'a reason', contestants: [{ name: 'ours', run: () => [1] }] })
    await rows([{ id: 'c.2', contestant: 'ours' }], { unlimited: 'a reason' })
  }`)
  t.deepEqual(excused.rows?.map(({ id, limit }) => [id, limit]), [['a.1', undefined], ['c.2', undefined]])
  t.deepEqual(excused.notes, ['a reason: nothing shows what the work of a.1, c.2 costs at least'])
})

test('a group that fails says why', async (t) => {
  const { error, left } = await group('fails', `export async function run() { throw new Error('a reason') }`)
  t.regex(error ?? '', /^it ended with 1:[\s\S]*a reason/)
  t.deepEqual(left, [])
})

test('an interrupted group ends with all its children, and its stores go', async (t) => {
  const server = createServer()
  const connected = new Promise<Socket>((resolve) => server.once('connection', resolve))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  // The grandchild never ends by itself; that its connection is closed shows that it did.
  const code = `
    import { spawn } from 'node:child_process'
    export function run({ port }) {
      const grandchild = spawn(process.execPath, ['-e', 'require("net").connect(' + port + ', "127.0.0.1", () => console.log("there"))'], { stdio: ['ignore', 'pipe', 'inherit'] })
      grandchild.stdout.once('data', () => process.kill(process.ppid, 'SIGINT'))
      return new Promise(() => {})
    }
  `
  const interrupted = group('interrupted', code, { port })
  const socket = await connected
  const closed = new Promise<void>((resolve) => socket.on('error', () => {}).once('close', () => resolve()).resume())
  const { kind, left } = await interrupted
  t.is(kind, 'Interrupted')
  t.deepEqual(left, [])
  await closed
  server.close()
  t.pass()
})
