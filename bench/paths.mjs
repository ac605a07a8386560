// Where things are, and where the benchmark may write.
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { built } from '../scripts/cargo.mjs'

export const bench = dirname(fileURLToPath(import.meta.url))
export const root = dirname(bench)
/** Results of runs; not kept in the repository. */
export const results = join(bench, 'results')
/** Stores of a run lie in a folder below this one, named by the run's process. */
export const scratch = join(root, 'target', 'bench')

/** The references that prepare.mjs builds: of the chain's work, and of loading drivers. */
export const limitsProgram = built(join('examples', 'limits'))
export const driverLimitsProgram = built(join('examples', 'driver-limits'))
/** The program that calls drivers from Rust. */
export const driverCallsProgram = built(join('examples', 'driver-calls'))

/** Programs that prepare.mjs builds for the rows of the other bindings: Rust with a server, and C++. */
export const costProgram = built(join('examples', 'cost'))
export const mintProgram = join(root, 'target', 'bench-cpp', 'mint')

/** The package under test. */
export const packageEntry = join(root, 'dist', 'index.js')

/** The addon that prepare.mjs compiles, where it can. */
export const callsAddon = join(root, 'target', 'bench-calls', 'calls.node')

/** A driver that scripts/build-drivers.mjs builds. */
export const driverModule = (name) => join(root, 'target', 'drivers', `${name}.wasm`)

/** What writes valid data of Dusk's drivers, and what times them natively: both link Dusk's own crates. */
export const conformanceBuild = join(root, 'target', 'conformance')
export const casesProgram = built('cases', { folder: conformanceBuild })
export const nativeStakeProgram = built('native-stake', { folder: conformanceBuild, profile: 'timing' })
