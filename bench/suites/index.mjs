// What there is to measure: suites of groups. Each group runs in a process of its own, so that no group
// finds the memory, the caches or the compiled code of another.

const labels = { 1e3: 'k', 1e6: 'M' }

/** A number of accounts as row names write it: 10k, 1M, 1.5M. */
export function label(accounts) {
  const unit = accounts >= 1e6 ? 1e6 : 1e3
  return `${accounts / unit}${labels[unit]}`
}

const file = (name) => new URL(`./${name}.mjs`, import.meta.url).href

/**
 * The groups of a run, in order: what they are called, which rows they have (beginnings of their names, each with the
 * contestant that shows what its work costs at least), the module that runs them, the seconds that they take on two idle
 * cores, and whatever else the module wants to know.
 */
function chainGroups({ quick, accounts }) {
  const many = accounts ?? (quick ? 50_000 : 1_000_000)
  const scales = quick ? [10_000, 100_000] : [10_000, 100_000, 1_000_000, 10_000_000]
  const opens = quick ? [100_000] : [1_000_000, 10_000_000]
  const stages = quick ? [100_000] : [1_000_000, 1_100_000, 3_000_000]
  const sizes = quick ? [1, 100, 1000] : [1, 100, 1000, 10_000]
  const long = (size) => size > 1_000_000
  return [
    { name: 'blocks', rows: { 'mint.': 'limit', 'connect.': 'limit', 'disconnect.': 'limit' }, module: file('chain-blocks'), accounts: many, sizes, seconds: quick ? 40 : 480 },
    { name: 'evm', rows: { 'evm.': 'limit' }, module: file('chain-evm'), accounts: quick ? 5_000 : 50_000, sizes: quick ? [1, 100] : [1, 100, 1000], seconds: quick ? 15 : 120 },
    ...scales.map((size) => ({ name: `scale.${label(size)}`, rows: { [`scale.${label(size)}`]: 'limit' }, module: file('chain-scale'), accounts: size, seconds: quick ? 6 : long(size) ? 120 : 40 })),
    { name: 'memory', rows: { 'memory.': 'limit' }, module: file('chain-memory'), stages, seconds: quick ? 10 : 60 },
    ...opens.map((size) => ({ name: `open.${label(size)}`, rows: { [`open.clean.${label(size)}`]: 'limit', [`open.killed.${label(size)}`]: 'limit' }, module: file('chain-open'), accounts: size, seconds: quick ? 20 : long(size) ? 180 : 40 })),
  ]
}

/** Rows of drivers; the native reference takes minutes to build, so a quick run does with what is there. */
function driverGroups({ quick }) {
  const native = quick ? ['stake'] : ['stake', 'native-stake']
  const group = (name, rows, more) => ({ name, rows, module: file(`driver-${name}`), prepare: ['stake'], ...more })
  return [
    group('calls', { 'driver.call': 'limit', 'driver.decode': 'native', 'driver.encode': 'native' }, { prepare: [...native, 'driver-calls'], seconds: quick ? 12 : 150 }),
    group('loads', { 'driver.load': 'limit', 'driver.instance': 'limit' }, { prepare: ['stake', 'driver-limits'], seconds: quick ? 8 : 30 }),
    group('batch', { 'driver.batch.decode': 'native', 'driver.batch.delay': 'idle' }, { prepare: native, items: quick ? 5_000 : 100_000, seconds: quick ? 5 : 100 }),
    group('cores', { 'driver.batch.cores': 'native' }, { prepare: native, items: quick ? 5_000 : 50_000, seconds: quick ? 5 : 40 }),
    group('memory', { 'driver.memory': 'limit' }, { calls: quick ? 50_000 : 1_000_000, loads: quick ? 500 : 10_000, seconds: quick ? 5 : 60 }),
  ]
}

/** The other two bindings: JSON-RPC and C++. */
function rpcGroups({ quick }) {
  const sizes = quick ? [100, 1000] : [1, 100, 1000, 10_000]
  return [{ name: 'mint', rows: { 'rpc.mint': 'in-process', 'cpp.mint': 'rust' }, module: file('rpc-mint'), prepare: ['rpc'], sizes, seconds: quick ? 15 : 75 }]
}

const suites = { chain: chainGroups, driver: driverGroups, rpc: rpcGroups }

export const suiteNames = Object.keys(suites)

/** Whether two names of rows, dot by dot, are the same as far as the shorter one goes. */
function agree(a, b) {
  const [left, right] = [a, b].map((name) => name.split('.').filter(Boolean))
  return left.every((part, at) => at >= right.length || part === right[at])
}

/** Whether a row, or a family of rows, is among those asked for; null asks for all. */
export const asked = (names, row) => names === null || names.some((name) => agree(name, row))

/** The groups that a run's options ask for. */
export function groupsOf(options) {
  return options.suites.flatMap((suite) =>
    suites[suite](options)
      .filter((group) => Object.keys(group.rows).some((row) => asked(options.rows, row)))
      .map((group) => ({ suite, ...group, asked: options.rows })),
  )
}
