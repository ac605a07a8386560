// `libmetachain/bench`: what `npm run bench` measures with, for measuring something else.
export { ChainUnderTest, genesis, nativeBlock, nativeHash } from './chain.mjs'
export { measure, rotated, roundsLeast, timed, timedAsync } from './measure.mjs'
export { geometricMean, mean, median, quantile, spread } from './statistics.mjs'
export { address, addressBytes, startBalance, Work, Workload } from './workload.mjs'
