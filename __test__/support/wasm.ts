// WebAssembly modules written at test time: a driver that misbehaves on request, and one of V8's own that traps.

const leb = (value: number): number[] => {
  const bytes: number[] = []
  let rest = value >>> 0
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
    rest >>>= 7
  } while (rest > 0)
  return bytes
}

/** Signed, for constants. */
const sleb = (value: number): number[] => {
  const bytes: number[] = []
  let rest = value | 0
  for (;;) {
    const byte = rest & 0x7f
    rest >>= 7
    if ((rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0)) return [...bytes, byte]
    bytes.push(byte | 0x80)
  }
}

const name = (text: string): number[] => [...leb(text.length), ...Buffer.from(text)]
const vector = (items: number[][]): number[] => [...leb(items.length), ...items.flat()]
const section = (id: number, content: number[]): number[] => [id, ...leb(content.length), ...content]

const i32 = 0x7f
const get = (local: number): number[] => [0x20, ...leb(local)]
const constant = (value: number): number[] => [0x41, ...sleb(value)]
const load8 = [0x2d, 0, 0]
const load = [0x28, 0, 0]
const store = (offset: number): number[] => [0x36, 0, ...leb(offset)]
const store8 = (offset: number): number[] => [0x3a, 0, ...leb(offset)]
const drop = 0x1a
const end = 0x0b
const returns = 0x0f

interface Func {
  params: number
  results: number
  code: number[]
}

/** Writes a length and an ASCII text to the address in `local`. */
function reply(local: number, text: string): number[] {
  const bytes = [...Buffer.from(text)].flatMap((byte, index) => [...get(local), ...constant(byte), ...store8(4 + index)])
  return [...get(local), ...constant(text.length), ...store(0), ...bytes]
}

/** What the first byte of the input makes `decode_event` do. */
export const deed = { answer: 0, outOfBounds: 1, unreachable: 2, divideByZero: 3, loop: 4, fail: 5, recurse: 6, notJson: 7 } as const

/** Begins an `if` on the first byte of the input at parameter 2. */
const when = (value: number, code: number[]): number[] => [
  ...get(2), ...load8, ...constant(value), 0x46, 0x04, 0x40, ...code, end,
]

const outOfBounds = [...constant(-16), ...load, drop]
const divideByZero = [...constant(1), ...constant(0), 0x6d, drop]

function decodeEvent(self: number): number[] {
  const again = [0, 1, 2, 3, 4, 5].flatMap(get)
  return [
    ...when(deed.outOfBounds, outOfBounds),
    ...when(deed.unreachable, [0x00]),
    ...when(deed.divideByZero, divideByZero),
    ...when(deed.loop, [0x03, 0x40, 0x0c, 0, end]),
    ...when(deed.fail, [...constant(2), returns]),
    ...when(deed.recurse, [...again, 0x10, ...leb(self), drop]),
    ...when(deed.notJson, [...reply(4, 'no { json'), ...constant(0), returns]),
    ...reply(4, '{"big":18446744073709551615}'),
    ...constant(0),
  ]
}

/** Copies the input at parameters 2 and 3 to the output at 4 and 5, unless that is too small. */
const echo = [
  ...get(3), ...constant(4), 0x6a, ...get(5), 0x4b, 0x04, 0x40, ...constant(4), returns, end,
  ...get(4), ...get(3), ...store(0), ...get(4), ...constant(4), 0x6a, ...get(2), ...get(3), 0xfc, 10, 0, 0, ...constant(0),
]

/** A module of functions that are all exported, with 64 pages of memory and one mutable global. */
function moduleOf(functions: Record<string, Func>, { memory = true } = {}): Uint8Array {
  const entries = Object.entries(functions)
  const types = entries.map(([, { params, results }]) => [0x60, ...vector(Array(params).fill([i32])), ...vector(Array(results).fill([i32]))])
  const exported = entries.map(([key], index) => [...name(key), 0, ...leb(index)])
  const bodies = entries.map(([, { code }]) => {
    const body = [0, ...code, end]
    return [...leb(body.length), ...body]
  })
  return Uint8Array.from([
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, vector(types)),
    ...section(3, vector(entries.map((_, index) => leb(index)))),
    ...section(5, vector(memory ? [[0, 64]] : [])),
    ...section(6, vector([[i32, 1, ...constant(1 << 16), end]])),
    ...section(7, vector(memory ? [[...name('memory'), 2, 0], ...exported] : exported)),
    ...section(10, vector(bodies)),
  ])
}

const driverFunctions: Record<string, Func> = {
  init: { params: 0, results: 0, code: [] },
  // Memory is only handed out, never taken back: the host keeps its buffers.
  alloc: { params: 1, results: 1, code: [0x23, 0, 0x23, 0, ...get(0), 0x6a, 0x24, 0] },
  dealloc: { params: 2, results: 0, code: [] },
  get_last_error: { params: 2, results: 1, code: [...reply(0, 'as requested'), ...constant(0)] },
  encode_input_fn: { params: 6, results: 1, code: echo },
  decode_input_fn: { params: 6, results: 1, code: echo },
  decode_output_fn: { params: 6, results: 1, code: echo },
  decode_event: { params: 6, results: 1, code: decodeEvent(7) },
  get_schema: { params: 2, results: 1, code: [...reply(0, ''), ...constant(0)] },
  get_version: { params: 2, results: 1, code: [...reply(0, '1.2.3'), ...constant(0)] },
}

/** A driver whose `decode_event` does a `deed`, and whose other conversions copy their input. */
export const obedientDriver = (): Uint8Array => moduleOf(driverFunctions)

/** A driver without some of its exports. */
export function driverWithout(...missing: string[]): Uint8Array {
  const left = Object.entries(driverFunctions).filter(([key]) => !missing.includes(key))
  return moduleOf(Object.fromEntries(left), { memory: !missing.includes('memory') })
}

/** A module for V8's own WebAssembly whose exports trap in the ways that need its fault handlers. */
export const trappingModule = (): Uint8Array =>
  moduleOf({
    outOfBounds: { params: 0, results: 0, code: outOfBounds },
    unreachable: { params: 0, results: 0, code: [0x00] },
    divideByZero: { params: 0, results: 0, code: divideByZero },
  })
