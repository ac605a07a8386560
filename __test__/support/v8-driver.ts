// A driver run by Node's own WebAssembly: small, careful, and independent of the addon.
import { readFileSync } from 'node:fs'

type Export = (...args: number[]) => number

interface Exports extends WebAssembly.Exports {
  memory: WebAssembly.Memory
  init: () => void
  alloc: (size: number) => number
  dealloc: (start: number, size: number) => void
  get_last_error: Export
}

/** What a call came to: the bytes it gave, the driver's own words, or that it trapped. */
export type Outcome = { bytes: Uint8Array } | { text: string } | { trap: true }

const alignment = 16
const outputTooSmall = 4
const errorBytes = 1 << 16
const outputBytesMax = 1 << 24

export class V8Driver {
  readonly #module: WebAssembly.Module
  #exports!: Exports

  constructor(path: string) {
    this.#module = new WebAssembly.Module(readFileSync(path))
    this.#start()
  }

  #start(): void {
    this.#exports = new WebAssembly.Instance(this.#module, {}).exports as Exports
    this.#exports.init()
  }

  /** Calls an export by its own name with a name and an input. */
  call(name: string, fn: string, input: Uint8Array): Outcome {
    try {
      return this.#with(Buffer.from(fn), (fnStart, fnSize) =>
        this.#with(input, (start, size) => this.#answer((out, outSize) => (this.#exports[name] as Export)(fnStart, fnSize, start, size, out, outSize), 1 << 14)),
      )
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error
      // What a trap leaves behind is nobody's to use.
      this.#start()
      return { trap: true }
    }
  }

  #answer(call: Export, size: number): Outcome {
    const code = this.#region(size, (start) => {
      const code = call(start, size)
      if (code !== 0) return code
      const length = new DataView(this.#exports.memory.buffer).getUint32(start, true)
      return { bytes: this.#memory.slice(start + 4, start + 4 + length) }
    })
    if (typeof code !== 'number') return code
    if (code === outputTooSmall && size < outputBytesMax) return this.#answer(call, size * 4)
    const said = this.#region(errorBytes, (start) => {
      this.#exports.get_last_error(start, errorBytes)
      const length = new DataView(this.#exports.memory.buffer).getUint32(start, true)
      return Buffer.from(this.#memory.slice(start + 4, start + 4 + length)).toString()
    })
    return { text: said }
  }

  get #memory(): Uint8Array {
    return new Uint8Array(this.#exports.memory.buffer)
  }

  #with<T>(bytes: Uint8Array, use: (start: number, size: number) => T): T {
    return this.#region(bytes.length, (start) => {
      this.#memory.set(bytes, start)
      return use(start, bytes.length)
    })
  }

  /** A region of the driver's memory, aligned for archives, for the time of `use`. */
  #region<T>(size: number, use: (start: number) => T): T {
    const whole = size + alignment
    const start = this.#exports.alloc(whole) >>> 0
    const result = use(Math.ceil(start / alignment) * alignment)
    this.#exports.dealloc(start, whole)
    return result
  }
}
