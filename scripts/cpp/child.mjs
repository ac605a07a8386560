// A program that runs beside the test: its lines are waited for, never the clock.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { Failure } from './tally.mjs'

/** How long anything awaited may take before the test fails: a limit, not a pause. */
const PATIENCE_MS = 60_000

export class Child {
  #child
  #name
  /** Lines that nobody has asked for yet. */
  #lines = []
  #waiting = null
  #closed
  #log = []

  constructor(program, args, options = {}) {
    this.#name = program.split('/').at(-1)
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options })
    // What is written to a process that has ended is lost; its end is what the test will hear of.
    this.#child.stdin.on('error', () => {})
    const lines = createInterface({ input: this.#child.stdout })
    lines.on('line', (line) => {
      this.#log.push(line)
      this.#lines.push(line)
      this.#waiting?.()
    })
    let errors = ''
    this.#child.stderr.setEncoding('utf8').on('data', (text) => {
      errors += text
    })
    this.#closed = new Promise((resolve) => {
      this.#child.on('error', (error) => resolve({ code: 127, signal: null, errors: error.message }))
      this.#child.on('close', (code, signal) => resolve({ code, signal, errors }))
    })
    this.#closed.then((end) => {
      this.end = end
      this.#waiting?.()
    })
  }

  get pid() {
    return this.#child.pid
  }

  /** The next line that matches; lines before it are dropped. Fails if the program ends first. */
  async line(pattern) {
    const deadline = Date.now() + PATIENCE_MS
    for (;;) {
      while (this.#lines.length > 0) {
        const line = this.#lines.shift()
        if (pattern.test(line)) return line
      }
      if (this.end) throw new Failure(`${this.#name} ended (${this.end.signal ?? this.end.code}) before it printed ${pattern}\n${this.end.errors}\n${this.#log.slice(-20).join('\n')}`)
      await this.#news(deadline, `print ${pattern}`)
    }
  }

  /** How it ended: exit code or signal, and what it said on its error output. */
  async ended() {
    const deadline = Date.now() + PATIENCE_MS
    while (!this.end) await this.#news(deadline, 'end')
    return this.end
  }

  send(line) {
    this.#child.stdin.write(`${line}\n`)
  }

  endInput() {
    this.#child.stdin.end()
  }

  kill(signal) {
    this.#child.kill(signal)
  }

  /** Waits for a line or the end. */
  #news(deadline, what) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting = null
        this.#child.kill('SIGKILL')
        reject(new Failure(`${this.#name} did not ${what} within ${PATIENCE_MS / 1000} s\n${this.#log.slice(-20).join('\n')}`))
      }, deadline - Date.now())
      this.#waiting = () => {
        clearTimeout(timer)
        this.#waiting = null
        resolve()
      }
    })
  }
}
