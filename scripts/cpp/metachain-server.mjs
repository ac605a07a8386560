// A metachain behind JSON-RPC in a process of its own, for clients under test.
import { randomBytes } from 'node:crypto'
import { Child } from './child.mjs'

export class MetachainServer {
  #child

  constructor(child, url, token) {
    this.#child = child
    this.url = url
    this.token = token
  }

  /** Starts a server on a chain with the arguments of `start`; the port is free unless one is given. */
  static async start(program, { chain, port = 0, token = randomBytes(16).toString('hex') }) {
    const child = new Child(program, [token, String(port), chain])
    const line = await child.line(/^listening on /)
    return new MetachainServer(child, line.slice('listening on '.length), token)
  }

  get port() {
    return Number(new URL(this.url).port)
  }

  /** Ends it in its own time. */
  async stop() {
    this.#child.endInput()
    return this.#child.ended()
  }

  /** Ends it as a power failure would. */
  async kill() {
    this.#child.kill('SIGKILL')
    return this.#child.ended()
  }
}
