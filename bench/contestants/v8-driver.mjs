// A driver run by V8: the loader that a good engineer writes with what Node documents.
//
// It keeps its buffers in the driver's memory from call to call, writes the name of each function there once, makes
// its views again only where the memory grew, aligns inputs to 16 as archives want it, lets the output grow on
// code 4, and reads the driver's text on code 2. What ours does beyond that (a deadline, a limit of memory, checks
// of what the driver answers) it does not do: V8 has no way to.

const alignment = 16
const prefixBytes = 4
const outputBytesLeast = 64 << 10
const outputBytesMost = 16 << 20
const errorBytes = 64 << 10
/** A character of a text takes at most this many bytes of UTF-8. */
const utf8BytesMost = 3

const code = { ok: 0, invalidInput: 1, operation: 2, notInitialised: 3, outputTooSmall: 4 }

/** What a driver refused, in its own words, or a trap. */
export class V8DriverError extends Error {
  constructor(reason, message, options) {
    super(message, options)
    this.code = reason
  }
}

export class V8Driver {
  #module
  #exports
  /** Views of the memory; a memory that grows takes its old buffer away, which shows as a length of 0. */
  #bytes = Buffer.alloc(0)
  #view = new DataView(new ArrayBuffer(0))
  #names = new Map()
  #input
  #output
  #error

  /** @param {WebAssembly.Module} module compiled, so that workers can share it. */
  constructor(module) {
    this.#module = module
    this.#start()
  }

  static load(wasm) {
    return new V8Driver(new WebAssembly.Module(wasm))
  }

  #start() {
    this.#exports = new WebAssembly.Instance(this.#module, {}).exports
    this.#exports.init()
    this.#names.clear()
    this.#input = null
    this.#output = this.#allocate(outputBytesLeast)
    this.#error = this.#allocate(errorBytes)
  }

  encodeInputFn(name, json) {
    const input = this.#reserve(json.length * utf8BytesMost)
    const size = this.#memory().write(json, input)
    return this.#convert(this.#exports.encode_input_fn, name, input, size).bytes()
  }

  decodeInputFnJson(name, rkyv) {
    return this.#decode(this.#exports.decode_input_fn, name, rkyv)
  }

  decodeOutputFnJson(name, rkyv) {
    return this.#decode(this.#exports.decode_output_fn, name, rkyv)
  }

  decodeEventJson(name, rkyv) {
    return this.#decode(this.#exports.decode_event, name, rkyv)
  }

  decodeEvent(name, rkyv) {
    return JSON.parse(this.decodeEventJson(name, rkyv))
  }

  decodeInputFn(name, rkyv) {
    return JSON.parse(this.decodeInputFnJson(name, rkyv))
  }

  getVersion() {
    const { get_version } = this.#exports
    let answer
    try {
      while ((answer = get_version(this.#output.start, this.#output.size)) === code.outputTooSmall) this.#growOutput()
    } catch (error) {
      throw this.#trapped(error)
    }
    if (answer !== code.ok) throw this.#refused(answer)
    return this.#text(this.#output)
  }

  #decode(convert, name, rkyv) {
    const input = this.#reserve(rkyv.length)
    this.#memory().set(rkyv, input)
    this.#convert(convert, name, input, rkyv.length)
    return this.#text(this.#output)
  }

  #convert(convert, name, input, size) {
    const named = this.#names.get(name) ?? this.#learn(name)
    let answer
    try {
      while ((answer = convert(named.start, named.size, input, size, this.#output.start, this.#output.size)) === code.outputTooSmall) this.#growOutput()
    } catch (error) {
      throw this.#trapped(error)
    }
    if (answer !== code.ok) throw this.#refused(answer)
    return this
  }

  /** The output as bytes of the caller's own. */
  bytes() {
    const memory = this.#memory()
    const from = this.#output.start + prefixBytes
    return Uint8Array.prototype.slice.call(memory, from, from + this.#view.getUint32(this.#output.start, true))
  }

  #text(region) {
    const memory = this.#memory()
    const from = region.start + prefixBytes
    return memory.toString('utf8', from, from + this.#view.getUint32(region.start, true))
  }

  #memory() {
    if (this.#bytes.length === 0) {
      const { buffer } = this.#exports.memory
      this.#bytes = Buffer.from(buffer)
      this.#view = new DataView(buffer)
    }
    return this.#bytes
  }

  #allocate(size) {
    const pointer = this.#exports.alloc(size + alignment - 1) >>> 0
    this.#bytes = this.#bytes.buffer === this.#exports.memory.buffer ? this.#bytes : Buffer.alloc(0)
    return { pointer, size, start: Math.ceil(pointer / alignment) * alignment }
  }

  #free({ pointer, size }) {
    this.#exports.dealloc(pointer, size + alignment - 1)
  }

  /** Where an input of that size goes. */
  #reserve(size) {
    if (this.#input === null || this.#input.size < size) {
      if (this.#input !== null) this.#free(this.#input)
      this.#input = this.#allocate(Math.max(size * 2, 1024))
    }
    return this.#input.start
  }

  #growOutput() {
    const size = this.#output.size * 4
    if (size > outputBytesMost) throw new V8DriverError('OUTPUT_TOO_LARGE', `more than ${outputBytesMost} bytes`)
    this.#free(this.#output)
    this.#output = this.#allocate(size)
  }

  #learn(name) {
    const text = Buffer.from(name)
    const named = { start: this.#allocate(Math.max(text.length, 1)).start, size: text.length }
    this.#memory().set(text, named.start)
    this.#names.set(name, named)
    return named
  }

  #refused(answer) {
    if (answer !== code.operation && answer !== code.invalidInput) return new V8DriverError('ABI', `the driver answered ${answer}`)
    if (this.#exports.get_last_error(this.#error.start, this.#error.size) !== code.ok) return new V8DriverError('ABI', 'the driver has no text for its error')
    return new V8DriverError(answer === code.operation ? 'OPERATION' : 'INVALID_INPUT', this.#text(this.#error))
  }

  /** What a trap leaves behind is nobody's to use. */
  #trapped(error) {
    if (!(error instanceof WebAssembly.RuntimeError)) return error
    this.#start()
    return new V8DriverError('TRAP', error.message, { cause: error })
  }
}
