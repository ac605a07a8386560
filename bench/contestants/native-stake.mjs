// Dusk's stake driver called natively: a Rust program that times one case after the other (conformance/native-stake).
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { nativeStakeProgram } from '../paths.mjs'

export class NativeStake {
  #child
  #answers = []

  /** The program, or null where it was not built; `seconds` is the time it takes for a case. */
  static start(seconds) {
    return existsSync(nativeStakeProgram) ? new NativeStake(seconds) : null
  }

  constructor(seconds) {
    this.#child = spawn(nativeStakeProgram, [String(seconds)], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child.on('error', (error) => this.#answers.shift()?.reject(error))
    this.#child.on('exit', (code) => {
      for (const { reject } of this.#answers.splice(0)) reject(new Error(`the native driver ended with ${code}`))
    })
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#answers.shift().resolve(JSON.parse(line)))
  }

  /** Microseconds of one call. */
  async time({ operation, name, data, text }) {
    const encodes = operation === 'encodeInputFn'
    const answer = await new Promise((resolve, reject) => {
      this.#answers.push({ resolve, reject })
      this.#child.stdin.write(`${JSON.stringify({ operation, name, data: encodes ? text : data.toString('hex') })}\n`)
    })
    return answer.nsPerCall.median / 1000
  }

  close() {
    this.#child.stdin.end()
  }
}
