// V8's own WebAssembly, as far as these tests use it: Node's types leave it to those of browsers.
declare namespace WebAssembly {
  type Exports = Record<string, Function | Memory>

  interface Memory {
    readonly buffer: ArrayBuffer
  }

  class Module {
    constructor(bytes: Uint8Array)
  }

  class Instance {
    constructor(module: Module, imports?: object)
    readonly exports: Exports
  }

  class RuntimeError extends Error {}
}
