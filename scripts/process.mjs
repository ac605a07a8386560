// Runs other programs: asks for their version, or streams their output line by line.
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { duration } from './terminal.mjs'

/** The repository's root, wherever the caller stands. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)))

const escapes = /\u001b(?:\[[0-9;?]*[A-Za-z]|\([A-Z])/g

/** A line as a person reads it: without colour codes and without what a carriage return overwrote. */
export function plain(line) {
  const text = line.replace(escapes, '').trimEnd()
  return text.slice(text.lastIndexOf('\r') + 1)
}

/** The first line a program prints about itself, or null where it is not there or fails. */
export function probe(command, args) {
  const child = spawnSync(command, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  return child.status === 0 ? child.stdout.split('\n')[0].trim() : null
}

/** npm as a command and its first arguments: the npm that runs us, where one does. */
export function npm() {
  const path = process.env.npm_execpath
  return path?.endsWith('.js') ? [process.execPath, [path]] : ['npm', []]
}

/**
 * Runs a program without standard input and waits for its end.
 *
 * Every line of its output, of both streams as they come, goes to `onLine` and to the file `log`.
 * Resolves to `{ code, lines }`: the exit code (128 + signal's worth where a signal ended it, 127
 * where it could not be started) and the last `keep` lines. Never rejects. After `limit` milliseconds,
 * where it is given, the program is killed with all that it started.
 */
export function run(command, args, { cwd = root, env = {}, onLine = () => {}, log = null, keep = 400, limit = null } = {}) {
  return new Promise((resolve) => {
    const lines = []
    let file = null
    if (log) {
      mkdirSync(dirname(log), { recursive: true })
      file = openSync(log, 'w')
    }
    const take = (line) => {
      lines.push(plain(line))
      if (lines.length > keep) lines.shift()
      if (file !== null) writeSync(file, `${line}\n`)
      onLine(line)
    }
    // A group of its own can be killed as a whole; where it has one, a signal to us must be passed on.
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: limit !== null })
    const release = limit === null ? () => {} : guardGroup(child, limit, () => take(`${command}: not done after ${duration(limit)}, killed`))
    const finish = (code) => {
      release()
      if (file !== null) closeSync(file)
      resolve({ code, lines })
    }
    const flushes = [splitLines(child.stdout, take), splitLines(child.stderr, take)]
    let failed = false
    child.on('error', (error) => {
      failed = true
      take(`${command}: ${error.message}`)
      finish(127)
    })
    child.on('close', (code, signal) => {
      if (failed) return
      for (const flush of flushes) flush()
      if (signal) take(`${command}: ended by ${signal}`)
      finish(code ?? 128)
    })
  })
}

/** Kills a child's whole group after `limit` milliseconds, or when we are told to end. Returns how to stop that. */
function guardGroup(child, limit, expired) {
  const kill = () => {
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
  const timer = setTimeout(() => {
    expired()
    kill()
  }, limit)
  const told = Object.entries({ SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }).map(([signal, code]) => {
    const end = () => {
      kill()
      process.exit(code)
    }
    process.once(signal, end)
    return () => process.off(signal, end)
  })
  return () => {
    clearTimeout(timer)
    for (const forget of told) forget()
  }
}

/** Calls `take` for each line of a stream; the returned function hands over an unfinished last one. */
function splitLines(stream, take) {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (text) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop()
    for (const part of parts) take(part)
  })
  return () => {
    if (rest !== '') take(rest)
    rest = ''
  }
}
