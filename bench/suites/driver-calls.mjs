// Rows of single calls: every conversion of the stake driver, and calls in which the driver does next to nothing.
import { loadCalls, noCalls } from '../contestants/calls.mjs'
import { Limit } from '../contestants/limit.mjs'
import { NativeStake, noNative } from '../contestants/native-stake.mjs'
import { driverCallsProgram, driverModule } from '../paths.mjs'
import { callOf, stakeCases, stakeDrivers } from './driver-cases.mjs'

const unit = 'µs a call'
const samplesOf = 5
/** The families of rows, and the operations whose cases they have. */
const families = { 'decode.event': 'decodeEvent', 'decode.input': 'decodeInputFn', 'decode.output': 'decodeOutputFn', 'encode.input': 'encodeInputFn' }
/** Calls without data to speak of: there what surrounds a conversion is all. */
const small = 'burnt_amount'

export async function run(order) {
  const { quick, measure } = order
  const drivers = await stakeDrivers()
  const cases = stakeCases(drivers.v8, 1)
  const inputs = cases.filter(({ operation }) => operation === 'decodeInputFn').map((one) => ({ ...one, operation: 'encodeInputFn' }))
  const all = [...cases, ...inputs]
  for (const one of all) agree(drivers, one)
  const milliseconds = quick ? 2 : 20
  const native = NativeStake.start(quick ? 0.02 : 0.1)
  for (const [family, operation] of Object.entries(families)) {
    const own = all.filter((one) => one.operation === operation)
    await measure(row(`driver.${family}`, own, 'mean of all its calls', { drivers, native, milliseconds }))
    for (const one of own.filter(({ name }) => !quick || name === small))
      await measure(row(`driver.${family}.${one.name}`, [one], `${one.data.length} bytes of rkyv`, { drivers, native, milliseconds }))
  }
  native?.close()
  await overheads(drivers, milliseconds, measure)
}

/** Everybody must answer the same. */
function agree({ ours, v8 }, one) {
  const [a, b] = [ours, v8].map((driver) => callOf(one)(driver))
  if (Buffer.compare(Buffer.from(a), Buffer.from(b)) !== 0) throw new Error(`ours and V8 answer ${one.operation} ${one.name} differently`)
}

function row(id, cases, what, { drivers, native, milliseconds }) {
  const subject = (name, driver, note) => ({ name, note, run: () => cases.flatMap((one) => timesOf(callOf(one), driver, milliseconds)) })
  return {
    id,
    unit,
    unlimited: native ? undefined : noNative,
    contestants: [
      subject('ours', drivers.ours, `${what}; text out, not parsed; compiled in full`),
      subject('v8', drivers.v8, 'the same module run by V8, by a careful loader'),
      ...(native ? [{ name: 'native', note: 'Rust: the published driver crate, called without a sandbox', run: () => inTurn(cases, (one) => native.time(one)) }] : []),
    ],
  }
}

async function inTurn(cases, time) {
  const times = []
  for (const one of cases) times.push(await time(one))
  return times
}

/** Microseconds of one call, some times over, each from a run of calls that takes so long. */
function timesOf(call, driver, milliseconds) {
  let calls = 1
  let taken = 0
  for (;;) {
    taken = spent(call, driver, calls)
    if (taken >= milliseconds / 4) break
    calls *= 4
  }
  calls = Math.max(1, Math.round((calls * milliseconds) / samplesOf / taken))
  return Array.from({ length: samplesOf }, () => (spent(call, driver, calls) * 1000) / calls)
}

function spent(call, driver, calls) {
  const start = performance.now()
  for (let count = 0; count < calls; count += 1) call(driver)
  return performance.now() - start
}

async function overheads({ ours, v8 }, milliseconds, measure) {
  const reference = loadCalls()
  const rust = new Limit(driverCallsProgram)
  await rust.ask('module', driverModule('stake'))
  const limit = (call, note) => (reference ? [{ name: 'limit', note, run: () => timesOf(call, reference, milliseconds) }] : [])
  const unlimited = reference ? undefined : noCalls
  const all = (call, note, command, rustNote) => [
    { name: 'ours', note, run: () => timesOf(call, ours, milliseconds) },
    { name: 'ours-rust', note: rustNote, run: () => rust.times(command, milliseconds * 1000) },
    { name: 'v8', note: 'the same module run by V8, by a careful loader', run: () => timesOf(call, v8, milliseconds) },
  ]
  await measure({
    id: 'driver.call.version',
    unit,
    unlimited,
    contestants: [...all((driver) => driver.getVersion(), 'getVersion, asked of the driver each time', 'version', 'the same asked through the crate libmetachain-driver-host, without JavaScript'), ...limit((addon) => addon.text(), 'C: a function of an addon that returns a short text')],
  })
  const data = Buffer.alloc(8)
  const bytes = Buffer.from(errorText)
  const rejected = (driver) => {
    try {
      return driver.decodeEventJson('no such event', data)
    } catch (error) {
      return error
    }
  }
  await measure({
    id: 'driver.call.rejected',
    unit,
    unlimited,
    contestants: [
      ...all(rejected, 'an event the driver does not know: an error with its text and a stack', 'rejected', 'the same through the crate libmetachain-driver-host, without JavaScript: an error with its text'),
      { name: 'limit-error', note: 'V8: an error with a text and a stack, thrown and caught', run: () => timesOf(() => thrown(errorText), null, milliseconds) },
      ...limit((addon) => thrown(addon.convert('no such event', bytes)), 'C: a function of an addon that takes a name and bytes and returns a text; V8: an error of that text with a stack, thrown and caught'),
    ],
  })
  rust.close()
}

/** What the driver says of such an event. */
const errorText = 'Unsupported("event no such event")'

function thrown(text) {
  try {
    throw new Error(text)
  } catch (error) {
    return error
  }
}
