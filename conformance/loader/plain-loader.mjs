// A driver run by Node's own WebAssembly, with no more than the interface says: the counterpart
// that shows what a module does without a host of ours around it.
import { readFileSync } from 'node:fs'

export const status = { ok: 0, invalidInput: 1, operationError: 2, notInitialised: 3, outputTooSmall: 4 }

/** Archives may need this alignment; a module's `alloc` need not give it. */
const alignment = 16
const firstOutputBytes = 1 << 10
const lastOutputBytes = 1 << 24

/** A call that did not return 0: the status and the driver's own words. */
export class CallError extends Error {
  constructor(code, message) {
    super(message)
    this.code = code
  }
}

export class PlainDriver {
  /** The module's exports, for tests that call them directly. */
  exports
  #name = new TextEncoder()
  #text = new TextDecoder('utf-8', { fatal: true })

  constructor(path, { init = true } = {}) {
    const module = new WebAssembly.Module(readFileSync(path))
    const imports = WebAssembly.Module.imports(module)
    if (imports.length > 0) throw new Error(`${path} imports ${imports.map(({ name }) => name)}`)
    this.exports = new WebAssembly.Instance(module, {}).exports
    if (init) this.exports.init()
  }

  /** The module's memory as it is now; it moves when it grows. */
  get memory() {
    return new Uint8Array(this.exports.memory.buffer)
  }

  /** Runs `use` with a region of the module's memory; both are aligned and given back. */
  region(bytes, use) {
    const size = bytes + alignment
    const start = this.exports.alloc(size) >>> 0
    try {
      return use(Math.ceil(start / alignment) * alignment)
    } finally {
      this.exports.dealloc(start, size)
    }
  }

  /** Copies bytes into the module for the time of `use`. */
  #with(bytes, use) {
    return this.region(bytes.length, (start) => {
      this.memory.set(bytes, start)
      return use(start, bytes.length)
    })
  }

  /** One export with an output region, which grows until the answer fits. */
  #answer(call, bytes = firstOutputBytes) {
    const [code, answer] = this.region(bytes, (start) => {
      const code = call(start, bytes)
      if (code !== status.ok) return [code]
      const length = new DataView(this.exports.memory.buffer).getUint32(start, true)
      return [code, this.memory.slice(start + 4, start + 4 + length)]
    })
    if (code === status.ok) return answer
    if (code === status.outputTooSmall && bytes < lastOutputBytes) return this.#answer(call, bytes * 4)
    throw new CallError(code, this.lastError())
  }

  #convert(name, fn, data) {
    const input = typeof data === 'string' ? this.#name.encode(data) : data
    return this.#with(this.#name.encode(fn), (nameStart, nameSize) =>
      this.#with(input, (start, size) => this.#answer((out, outSize) => this.exports[name](nameStart, nameSize, start, size, out, outSize))),
    )
  }

  lastError() {
    return this.#text.decode(this.#answer((out, size) => this.exports.get_last_error(out, size), 1 << 16))
  }

  encodeInputFn(fn, json) {
    return this.#convert('encode_input_fn', fn, typeof json === 'string' ? json : JSON.stringify(json))
  }

  decodeInputFn(fn, rkyv) {
    return JSON.parse(this.#text.decode(this.#convert('decode_input_fn', fn, rkyv)))
  }

  decodeOutputFn(fn, rkyv) {
    return JSON.parse(this.#text.decode(this.#convert('decode_output_fn', fn, rkyv)))
  }

  decodeEvent(event, rkyv) {
    return JSON.parse(this.#text.decode(this.#convert('decode_event', event, rkyv)))
  }

  getSchema() {
    return this.#text.decode(this.#answer((out, size) => this.exports.get_schema(out, size)))
  }

  getVersion() {
    return this.#text.decode(this.#answer((out, size) => this.exports.get_version(out, size)))
  }
}
