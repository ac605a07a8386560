// JSON without loss: held to JSON.parse and JSON.stringify wherever those lose nothing.
import test from 'ava'
import fc from 'fast-check'
import { type Json, parseJson, stringifyJson } from 'libmetachain'

const seed = Number(process.env['LIBMETACHAIN_SEED'] ?? 20_260_101)
const runs = { seed, numRuns: 2_000 }

/** Values that JSON.stringify writes; keys and texts of every kind, some that look like structure. */
const json = fc.jsonValue({ maxDepth: 6, stringUnit: 'binary', noUnicodeString: false })

/** Any JSON value that may hold integers beyond 2^53 - 1. */
const { value: lossless } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom<Json>(null, true, false),
    fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }).map((value) => (isSafe(value) ? Number(value) : value)),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Number.isInteger(value)),
    fc.string({ unit: 'binary' }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', 'toString', '"', '\\')), tie('value'), { maxKeys: 5 }),
  ),
}))

const isSafe = (value: bigint): boolean => value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)

/** White space where JSON allows it, so that nothing depends on the writer's layout. */
const spaced = (text: string): string => JSON.stringify(JSON.parse(text), null, '\t \r\n ')

test('what JSON.parse reads exactly is read the same', (t) => {
  fc.assert(
    fc.property(json, (value) => {
      const text = JSON.stringify(value)
      t.deepEqual(parseJson(text, 'number'), JSON.parse(text))
      // A long integer somewhere makes the careful reader read all of it.
      const forced = `[${spaced(text)}, 12345678901234567890]`
      const [again, long] = parseJson(forced) as [Json, Json]
      t.deepEqual(again, exactly(JSON.parse(text)))
      t.is(long, 12345678901234567890n)
    }),
    runs,
  )
})

/** What the careful reader gives where JSON.stringify has written an unsafe integer without an exponent. */
function exactly(value: unknown): unknown {
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value) && !/e/.test(String(value)))
    return BigInt(String(value))
  if (Array.isArray(value)) return value.map(exactly)
  if (typeof value !== 'object' || value === null) return value
  const copy = {}
  for (const [key, item] of Object.entries(value))
    Object.defineProperty(copy, key, { value: exactly(item), writable: true, enumerable: true, configurable: true })
  return copy
}

test('integers of any size survive being written and read', (t) => {
  fc.assert(
    fc.property(lossless, (value) => {
      t.deepEqual(parseJson(stringifyJson(value)), value)
    }),
    runs,
  )
})

test('without a bigint the text is that of JSON.stringify, also where bigint was taught to write itself', (t) => {
  const prototype = BigInt.prototype as { toJSON?: () => string }
  t.teardown(() => delete prototype.toJSON)
  for (const taught of [false, true]) {
    if (taught) prototype.toJSON = () => 'a string'
    fc.assert(
      fc.property(json, (value) => {
        t.is(stringifyJson(value as Json), JSON.stringify(value))
      }),
      runs,
    )
    t.is(stringifyJson({ amount: 2n ** 64n }), '{"amount":18446744073709551616}')
  }
  const given = { a: undefined, b: [undefined], c: new Date(0), d: 1n, e: Number.NaN } as unknown as Json
  t.is(stringifyJson(given), '{"b":[null],"c":"1970-01-01T00:00:00.000Z","d":1,"e":null}')
})

test('the edge of what a double holds', (t) => {
  const cases: [string, Json][] = [
    ['9007199254740991', 9007199254740991],
    ['9007199254740992', 9007199254740992n],
    ['-9007199254740991', -9007199254740991],
    ['-9007199254740992', -9007199254740992n],
    ['1000000000000000.5', 1000000000000000.5],
    ['1e400', Infinity],
    ['123456789012345678901e3', 123456789012345678901e3],
    ['-0', -0],
    ['"1234567890123456789012"', '1234567890123456789012'],
    ['[ -0 , 12345678901234567890 ]', [-0, 12345678901234567890n]],
    ['{"12345678901234567890":"\\\\\\"12345678901234567890"}', { '12345678901234567890': '\\"12345678901234567890' }],
  ]
  for (const [text, value] of cases) t.deepEqual(parseJson(text), value, text)
  t.is(parseJson('18446744073709551615', 'number'), 18446744073709551615)
})

test('__proto__ is a key like any other', (t) => {
  const value = parseJson('{"__proto__":{"evil":12345678901234567890}}') as Record<string, Json>
  t.is(Object.getPrototypeOf(value), Object.prototype)
  t.deepEqual(Object.keys(value), ['__proto__'])
  t.is((value as { evil?: unknown }).evil, undefined)
})

test('deep nesting ends neither the reader nor the process', (t) => {
  const depth = 200_000
  let value = parseJson(`${'['.repeat(depth)}12345678901234567890${']'.repeat(depth)}`)
  for (let level = 0; level < depth; level += 1) [value] = value as [Json]
  t.is(value, 12345678901234567890n)
})

test('what is no JSON is refused as JSON.parse refuses it', (t) => {
  for (const text of ['', '{', '[1,]', '12345678901234567890,', '{"a":12345678901234567890', 'nul', '01234567890123456789'])
    t.throws(() => parseJson(text), { instanceOf: SyntaxError }, text)
  const cycle: Record<string, unknown> = { amount: 1n }
  cycle['self'] = cycle
  for (const value of [undefined, () => {}, cycle] as unknown as Json[])
    t.throws(() => stringifyJson(value), { instanceOf: TypeError })
})
