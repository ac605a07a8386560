// docs/rpc.md, followed to the letter in an empty folder: its files are written, its commands are run.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import test from 'ava'

const root = fileURLToPath(new URL('..', import.meta.url))

interface Block {
  kind: string
  name: string
  text: string
}

/** The fenced blocks that say what they are for: `file=`, `run=`, `start=` or `prints=`, and a name. */
async function blocks(): Promise<Block[]> {
  const page = await readFile(join(root, 'docs', 'rpc.md'), 'utf8')
  return [...page.matchAll(/^```\S+ (file|run|start|prints)=(\S+)\n([\s\S]*?)^```$/gm)].map(([, kind, name, text]) => ({ kind, name, text }) as Block)
}

/** A port of the loopback interface where nobody listens: taken, and given back. */
const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

interface Ended {
  code: number | null
  output: string
}

/** A command of the page, its output as it comes, and its end. */
function shell(text: string, cwd: string, port: number): { child: ChildProcess; line: Promise<string>; ended: Promise<Ended> } {
  // exec: what the page starts is then the child itself, and hears its signals.
  const command = text.trim().includes('\n') ? text : `exec ${text}`
  const child = spawn('sh', ['-eu', '-c', command], { cwd, env: { ...process.env, LIBMETACHAIN: root, PORT: String(port) }, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part: string) => (output += part))
  const line = new Promise<string>((resolve) => createInterface({ input: child.stdout }).once('line', resolve))
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, output })))
  return { child, line, ended }
}

test('the page leads from an empty folder to a connected block', async (t) => {
  const all = await blocks()
  const folder = await mkdtemp(join(tmpdir(), 'libmetachain-guide-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const port = await freePort()
  for (const { kind, name, text } of all) if (kind === 'file') await writeFile(join(folder, name), text)
  t.true(all.filter(({ kind }) => kind === 'run').length >= 3)

  const prints = new Map(all.filter(({ kind }) => kind === 'prints').map(({ name, text }) => [name, text]))
  const running: ReturnType<typeof shell>[] = []
  t.teardown(() => running.forEach(({ child }) => child.kill('SIGKILL')))
  for (const { kind, name, text } of all) {
    if (kind === 'start') {
      const server = shell(text, folder, port)
      running.push(server)
      t.is(await Promise.race([server.line, server.ended.then(({ output }) => output)]), `serving on http://127.0.0.1:${port}`)
    }
    if (kind !== 'run') continue
    const { code, output } = await shell(text, folder, port).ended
    t.is(code, 0, `${name}: ${output}`)
    for (const line of (prints.get(name) ?? '').trim().split('\n')) t.true(output.includes(line), `${name} printed ${output}`)
  }
  for (const { child, ended } of running) {
    child.kill('SIGTERM')
    const { code, output } = await ended
    t.is(code, 0, output)
  }
})
