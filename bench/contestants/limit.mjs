// A Rust program that obeys commands: mostly a reference that shows what the same work costs at least
// (crates/engine/examples/limits; crates/driver-host/examples/driver-limits, driver-calls).
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { limitsProgram } from '../paths.mjs'

export class Limit {
  #child
  #answers = []

  constructor(program = limitsProgram) {
    this.#child = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child.on('error', (error) => this.#answers.shift()?.reject(error))
    this.#child.on('exit', (code) => {
      for (const { reject } of this.#answers.splice(0)) reject(new Error(`${program} ended with ${code}`))
    })
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const { resolve, reject } = this.#answers.shift()
      const answer = JSON.parse(line)
      if (answer.error === undefined) resolve(answer)
      else reject(new Error(`the reference cannot: ${answer.error}`))
    })
  }

  ask(...words) {
    return new Promise((resolve, reject) => {
      this.#answers.push({ resolve, reject })
      this.#child.stdin.write(`${words.join(' ')}\n`)
    })
  }

  get pid() {
    return this.#child.pid
  }

  /** The times of a command's steps, µs. */
  async times(...words) {
    return (await this.ask(...words)).ns.map((ns) => ns / 1000)
  }

  close() {
    this.#child.stdin.end()
  }
}
