// A process for each group, a folder for all their stores, and nothing of either left behind.
import { fork } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { plain } from '../scripts/process.mjs'
import { duration, Progress } from '../scripts/terminal.mjs'
import { bench, scratch } from './paths.mjs'

/** A signal asked for the end. */
export class Interrupted extends Error {}

/** Signals that end a run: a key, a request, a terminal that closes. */
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']

const alive = (pid) => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** A folder of this run's own. What a run left that was killed outright goes first. */
export function scratchFolder() {
  mkdirSync(scratch, { recursive: true })
  for (const name of readdirSync(scratch)) if (!alive(Number(name))) rmSync(join(scratch, name), { recursive: true, force: true })
  const path = join(scratch, String(process.pid))
  mkdirSync(path)
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 3 }) }
}

/** The signals that end a run, as one promise that only ever rejects. */
let interruption = null
function interrupted() {
  interruption ??= new Promise((_, reject) => {
    for (const signal of signals) process.once(signal, () => reject(new Interrupted(signal)))
  })
  interruption.catch(() => {})
  return interruption
}

/**
 * Runs one group in a process of its own, which ends with this one, whatever happens.
 *
 * @returns what it measured: `{ rows, notes }`.
 */
export async function runGroup(node, group, options, { folder, label }) {
  const directory = join(folder, group.name)
  mkdirSync(directory, { recursive: true })
  const progress = new Progress(`${label}, within about ${duration(group.seconds * 1000)}`)
  const started = performance.now()
  const order = { ...group, quick: options.quick, contestants: options.contestants, directory }
  const child = fork(join(bench, 'group.mjs'), [JSON.stringify(order)], {
    execPath: node,
    execArgv: ['--expose-gc', '--no-warnings'],
    // A group of processes of its own, so that its own children end with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const measured = { rows: [], notes: [] }
  const said = []
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => said.push(text))
  const ended = new Promise((resolve, reject) => {
    child.on('message', ({ progress: text, rows, note }) => {
      if (text !== undefined) progress.note(plain(text))
      if (rows !== undefined) measured.rows.push(...rows)
      if (note !== undefined) measured.notes.push(note)
    })
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      if (code === 0) resolve(measured)
      else reject(new Error(`it ended with ${signal ?? code}${said.length > 0 ? `:\n${said.join('').trimEnd()}` : ''}`))
    })
  })
  ended.catch(() => {})
  try {
    await Promise.race([ended, interrupted()])
    const over = (performance.now() - started) / 1000 > group.seconds
    progress.end(over ? 'done, late' : 'done', over ? 'yellow' : 'green')
    return measured
  } catch (error) {
    progress.end(error instanceof Interrupted ? 'interrupted' : 'failed', 'red')
    throw error
  } finally {
    await endAll(child)
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** Ends a child and its children, and waits until it is gone. */
async function endAll(child) {
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // Nobody is left.
  }
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once('exit', resolve))
}
