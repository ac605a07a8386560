// JSON without loss: integers that a double cannot hold come and go as bigint.

/** A JSON value. Integers beyond 2^53 - 1 are `bigint` where they were read losslessly. */
export type Json = null | boolean | number | bigint | string | Json[] | { [key: string]: Json }

/** Whether integers beyond 2^53 - 1 become the nearest `number` or an exact `bigint`. */
export type Integers = 'number' | 'lossless'

/** An integer that a double cannot hold has at least 16 digits: most texts have no such run. */
const longDigits = /\d{16}/
const integer = /^-?\d+$/

/**
 * Reads JSON text as `JSON.parse` does, but integers beyond 2^53 - 1 come back as `bigint`
 * (with `integers: 'number'` exactly as `JSON.parse`). Numbers with a fraction or an exponent stay
 * `number`. Text without such integers costs what `JSON.parse` costs, other text about four times that.
 *
 * @throws SyntaxError where the text is not JSON.
 */
export function parseJson(text: string, integers: Integers = 'lossless'): Json {
  const value = JSON.parse(text) as Json
  return integers === 'lossless' && longDigits.test(text) ? readLossless(text) : value
}

/** An array or object that is not complete yet, and the key under which its next value goes. */
interface Open {
  value: Json[] | { [key: string]: Json }
  key: string
}

/** Reads text that is known to be JSON. Keeps its own stack, as deep nesting must not end ours. */
function readLossless(text: string): Json {
  const stack: Open[] = []
  let at = 0
  for (;;) {
    const char = text[at]
    let value: Json
    if (char === '{' || char === '[') {
      stack.push({ value: char === '[' ? [] : {}, key: '' })
      at += 1
      continue
    } else if (char === '"') {
      const end = stringEnd(text, at)
      const string = readString(text, at, end)
      at = end
      const open = stack.at(-1)
      if (open && !Array.isArray(open.value) && nextToken(text, end) === ':') {
        open.key = string
        at = text.indexOf(':', end) + 1
        continue
      }
      value = string
    } else if (char === '}' || char === ']') {
      value = (stack.pop() as Open).value
      at += 1
    } else if (char === undefined) {
      throw new SyntaxError('unexpected end of JSON')
    } else if (char === '-' || (char >= '0' && char <= '9')) {
      const end = numberEnd(text, at)
      value = readNumber(text.slice(at, end))
      at = end
    } else if (char === 't' || char === 'f' || char === 'n') {
      value = char === 'n' ? null : char === 't'
      at += char === 'f' ? 5 : 4
    } else {
      at += 1 // white space or a comma
      continue
    }
    const open = stack.at(-1)
    if (open === undefined) return value
    put(open, value)
  }
}

function put(open: Open, value: Json): void {
  if (Array.isArray(open.value)) open.value.push(value)
  // As JSON.parse does: an own property, never the prototype.
  else if (open.key === '__proto__')
    Object.defineProperty(open.value, open.key, { value, writable: true, enumerable: true, configurable: true })
  else open.value[open.key] = value
}

function nextToken(text: string, from: number): string | undefined {
  let at = from
  while (text.charCodeAt(at) <= 0x20) at += 1
  return text[at]
}

/** The place after the string that begins at `start`. */
function stringEnd(text: string, start: number): number {
  let at = start + 1
  for (;;) {
    const quote = text.indexOf('"', at)
    let first = quote
    while (text[first - 1] === '\\') first -= 1
    if ((quote - first) % 2 === 0) return quote + 1
    at = quote + 1
  }
}

function readString(text: string, start: number, end: number): string {
  const inner = text.slice(start + 1, end - 1)
  return inner.includes('\\') ? (JSON.parse(text.slice(start, end)) as string) : inner
}

function numberEnd(text: string, start: number): number {
  let at = start + 1
  for (;;) {
    const code = text.charCodeAt(at)
    const digit = code >= 0x30 && code <= 0x39
    // . + - e E
    if (!digit && code !== 0x2e && code !== 0x2b && code !== 0x2d && code !== 0x65 && code !== 0x45) return at
    at += 1
  }
}

function readNumber(token: string): number | bigint {
  const value = Number(token)
  return !Number.isSafeInteger(value) && integer.test(token) ? BigInt(token) : value
}

/**
 * Writes a value as JSON text as `JSON.stringify` does; `bigint` becomes a bare integer.
 *
 * @throws TypeError where the value cannot be written: undefined at the top, a cycle.
 */
export function stringifyJson(value: Json): string {
  const text = writeQuickly(value) ?? write(value, new Set())
  if (text === undefined) throw new TypeError('the value has no JSON text')
  return text
}

/** The engine's own writer, for values in which it meets no bigint; otherwise undefined. */
function writeQuickly(value: Json): string | undefined {
  // Some programs teach bigint to write itself as a string; then the engine's writer would not stop at one.
  if ('toJSON' in BigInt.prototype) return undefined
  try {
    return JSON.stringify(value)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

function write(value: unknown, ancestors: Set<object>): string | undefined {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const { toJSON } = value as { toJSON?: unknown }
  if (typeof toJSON === 'function') return write(toJSON.call(value, ''), ancestors)
  if (ancestors.has(value)) throw new TypeError('the value contains itself')
  ancestors.add(value)
  const parts: string[] = []
  if (Array.isArray(value)) {
    for (const item of value) parts.push(write(item, ancestors) ?? 'null')
  } else {
    for (const [key, item] of Object.entries(value)) {
      const text = write(item, ancestors)
      if (text !== undefined) parts.push(`${JSON.stringify(key)}:${text}`)
    }
  }
  ancestors.delete(value)
  return Array.isArray(value) ? `[${parts.join(',')}]` : `{${parts.join(',')}}`
}
