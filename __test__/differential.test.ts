// Our host against Node's own WebAssembly running the same published drivers: the same bytes and the same words.
//
// Every function and event that the two drivers name is given random valid data, which Dusk's own types wrote, and
// data that was changed. METACHAIN_SEED repeats a run, METACHAIN_CASES sets its length.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { Driver, DriverError } from 'libmetachain'
import { type Outcome, V8Driver } from './support/v8-driver.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const seed = Number(process.env.METACHAIN_SEED ?? Math.trunc(Date.now() / 1000))
const casesMax = Number(process.env.METACHAIN_CASES ?? 100_000)

type Operation = 'encodeInputFn' | 'decodeInputFn' | 'decodeOutputFn' | 'decodeEvent'

interface Case {
  driver: 'stake' | 'transfer'
  operation: Operation
  name: string
  data: Buffer
}

const exportOf: Record<Operation, string> = {
  encodeInputFn: 'encode_input_fn',
  decodeInputFn: 'decode_input_fn',
  decodeOutputFn: 'decode_output_fn',
  decodeEvent: 'decode_event',
}

/** splitmix32: small, and the same everywhere. */
function randomFrom(state: number): (bound: number) => number {
  return (bound) => {
    state = (state + 0x9e3779b9) | 0
    let z = state ^ (state >>> 16)
    z = Math.imul(z, 0x21f0aaad)
    z ^= z >>> 15
    z = Math.imul(z, 0x735a2d97)
    return ((z ^ (z >>> 15)) >>> 0) % bound
  }
}

/** Valid data of everything the drivers name, `rounds` times. */
function validCases(rounds: number): Case[] {
  const target = ['--manifest-path', 'conformance/Cargo.toml', '--target-dir', 'target/conformance']
  const { status, stdout, stderr } = spawnSync(
    'cargo',
    ['run', '--quiet', '--locked', '--release', ...target, '-p', 'libmetachain-conformance-cases', '--', String(seed), String(rounds)],
    { cwd: root, encoding: 'utf8', maxBuffer: 1 << 29 },
  )
  if (status !== 0) throw new Error(`the cases were not made: ${stderr}`)
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [driver, operation, name, data] = line.split('\t') as [Case['driver'], Operation, string, string]
      return { driver, operation, name, data: Buffer.from(data, 'hex') }
    })
}

/** The data with a few bytes changed, cut off, added or moved. */
function changed(data: Buffer, random: (bound: number) => number): Buffer {
  const copy = Buffer.from(data)
  const at = (): number => random(Math.max(copy.length, 1))
  switch (random(8)) {
    case 0:
      return copy.subarray(0, at())
    case 1:
      return Buffer.concat([copy, Buffer.from(Array.from({ length: 1 + random(20) }, () => random(256)))])
    case 2:
      return copy.subarray(at())
    case 3: {
      const [from, to] = [at(), at()]
      copy.copyWithin(to, from, from + 4)
      return copy
    }
    default:
      for (let change = 0; change <= random(3); change += 1) if (copy.length > 0) copy[at()]! ^= 1 << random(8)
      return copy
  }
}

function ours(driver: Driver, { operation, name, data }: Case): Outcome {
  try {
    if (operation === 'encodeInputFn') return { bytes: driver.encodeInputFn(name, data.toString()) }
    return { bytes: Buffer.from(driver[`${operation}Json`](name, data)) }
  } catch (error) {
    if (!(error instanceof DriverError)) throw error
    if (error.code === 'DRIVER_TRAP') return { trap: true }
    return { text: error.message }
  }
}

/** Messages may name addresses, which depend on what the driver allocated before: only their alignment is compared. */
function show(outcome: Outcome): string {
  if ('bytes' in outcome) return `bytes ${Buffer.from(outcome.bytes).toString('hex')}`
  return 'trap' in outcome ? 'trap' : `error ${outcome.text.replace(/0x[0-9a-f]*([0-9a-f])\b/g, '0x…$1')}`
}

/** A driver in our host, compiled in both ways, and in V8. */
interface Both {
  ours: [quick: Driver, full: Driver]
  v8: V8Driver
}

async function loadBoth(name: string): Promise<Both> {
  const path = `${root}/target/drivers/${name}.wasm`
  const wasm = readFileSync(path)
  // With an empty section more the module shares no code with the other.
  const apart = Buffer.concat([wasm, Buffer.of(0, 2, 1, 0x64)])
  const ours: Both['ours'] = [await Driver.load(wasm, { optimization: 'quick' }), await Driver.load(apart, { optimization: 'full' })]
  return { ours, v8: new V8Driver(path) }
}

/** How two answers to a case differ; null where they do not. */
function difference(one: Case, found: Outcome, expected: Outcome): string | null {
  const [ours, theirs] = [show(found), show(expected)]
  if (ours === theirs) return null
  return `seed ${seed}, ${one.driver} ${one.operation} ${one.name} of ${one.data.toString('hex')}: ours ${ours}, V8's ${theirs}`
}

test('our host and V8 answer alike, case by case', async (t) => {
  t.timeout(900_000)
  t.log(`seed ${seed}`)
  const random = randomFrom(seed)
  const drivers = new Map<string, Both>()
  for (const name of ['stake', 'transfer']) drivers.set(name, await loadBoth(name))
  const valid = validCases(40)
  const names = new Set(valid.map(({ driver, operation, name }) => `${driver} ${operation} ${name}`))
  const counts = { bytes: 0, text: 0, trap: 0 }
  let cases = 0

  const compare = (one: Case): Outcome => {
    const both = drivers.get(one.driver)!
    const expected = both.v8.call(exportOf[one.operation], one.name, one.data)
    const found = ours(both.ours[cases % 2 === 0 ? 0 : 1], one)
    const wrong = difference(one, found, expected)
    if (wrong !== null) t.fail(wrong)
    counts['bytes' in found ? 'bytes' : 'trap' in found ? 'trap' : 'text'] += 1
    cases += 1
    return found
  }

  const inputs: Case[] = []
  for (const one of valid) {
    const outcome = compare(one)
    if (one.operation === 'decodeInputFn' && 'bytes' in outcome) inputs.push({ ...one, operation: 'encodeInputFn', data: Buffer.from(outcome.bytes) })
  }
  for (const one of inputs) t.true('bytes' in compare(one))
  const all = [...valid, ...inputs]
  while (cases < casesMax) {
    const one = all[random(all.length)]!
    const data = changed(one.data, random)
    // JSON is text: what is no UTF-8 cannot be given to our host.
    compare({ ...one, data: one.operation === 'encodeInputFn' ? Buffer.from(data.toString()) : data })
  }
  compare({ driver: 'stake', operation: 'decodeEvent', name: 'no such event', data: Buffer.alloc(0) })
  compare({ driver: 'transfer', operation: 'encodeInputFn', name: 'no such function', data: Buffer.from('null') })
  t.log(`${cases} cases of ${names.size} functions and events: ${counts.bytes} answers, ${counts.text} errors, ${counts.trap} traps`)
  t.true(counts.bytes > valid.length / 2 && counts.text > 1000)
})

test('a host that errs in one byte, one letter or one trap is found out', async (t) => {
  const { ours: [driver], v8 } = await loadBoth('stake')
  const valid = validCases(1).filter((one) => one.driver === 'stake')
  const cases = valid.flatMap((one) => [one, { ...one, data: one.data.subarray(1) }])
  let planted = 0
  for (const one of cases) {
    const expected = v8.call(exportOf[one.operation], one.name, one.data)
    const found = ours(driver, one)
    t.is(difference(one, found, expected), null)
    const wrong: Outcome[] = [{ trap: true }]
    if ('bytes' in found && found.bytes.length > 0) {
      const bytes = Uint8Array.from(found.bytes)
      bytes[bytes.length - 1]! ^= 1
      wrong.push({ bytes }, { bytes: found.bytes.subarray(1) })
    }
    if ('text' in found) wrong.push({ text: `${found.text} ` }, { text: found.text.slice(1) }, { bytes: Buffer.from(found.text) })
    for (const outcome of wrong) t.not(difference(one, outcome, expected), null, one.name)
    planted += wrong.length
  }
  t.true(planted > cases.length)
})
