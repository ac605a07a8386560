// Counts what passed and failed, says so as it happens, and closes with the line that `npm test` reads.
import { duration } from '../terminal.mjs'

const say = (text) => process.stdout.write(`${text}\n`)

/** A check that does not hold; the message says what was found. */
export class Failure extends Error {}

/** Throws `Failure` unless the condition holds. */
export function check(condition, message) {
  if (!condition) throw new Failure(message)
}

export class Tally {
  #passed = 0
  #failed = 0
  #skipped = 0

  pass(name, count = 1, detail = '') {
    this.#passed += count
    say(`ok      ${name}${detail && ` (${detail})`}`)
  }

  fail(name, reason, count = 1) {
    this.#failed += count
    say(`FAILED  ${name}\n${reason.trimEnd().replace(/^/gm, '        ')}`)
  }

  skip(name, reason) {
    this.#skipped += 1
    say(`skipped ${name}: ${reason}`)
  }

  /** Runs one test; a `Failure` or any other error fails it and nothing else. */
  async test(name, body) {
    const started = performance.now()
    try {
      await body()
      this.pass(name, 1, duration(performance.now() - started))
    } catch (error) {
      this.fail(name, error instanceof Failure ? error.message : error.stack)
    }
  }

  /** The closing line; returns the exit code. */
  close() {
    say(`${this.#passed} passed, ${this.#failed} failed${this.#skipped > 0 ? `, ${this.#skipped} skipped` : ''}`)
    return this.#failed === 0 && this.#passed > 0 ? 0 : 1
  }
}
