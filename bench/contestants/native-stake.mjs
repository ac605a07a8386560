// Dusk's stake driver called natively: a Rust program that times one case after the other (conformance/native-stake).
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { nativeStakeProgram } from '../paths.mjs'

/** Why there is no such program, where there is none. */
export const noNative = 'the native stake driver was not built'

export class NativeStake {
  #child
  #answers = []

  /** The program, or null where it was not built; `seconds` is the time it takes for a single case. */
  static start(seconds = 1) {
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

  #ask(question) {
    return new Promise((resolve, reject) => {
      this.#answers.push({ resolve, reject })
      this.#child.stdin.write(`${JSON.stringify(question)}\n`)
    })
  }

  /** Microseconds of one call. */
  async time({ operation, name, data, text }) {
    const { nsPerCall } = await this.#ask({ operation, name, data: operation === 'encodeInputFn' ? text : data.toString('hex') })
    return nsPerCall.median / 1000
  }

  /** Microseconds of an item of a batch on so many threads: `count` of the events, one every `stride`, round and round. */
  async timeBatch(events, { count, stride, threads }) {
    const { ns } = await this.#ask({ events: events.map(({ name, data }) => ({ name, data: data.toString('hex') })), count, stride, threads })
    return ns / 1000 / count
  }

  close() {
    this.#child.stdin.end()
  }
}
