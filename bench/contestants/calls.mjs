// The addon in plain C that shows what a call into native code costs at least (bench/calls/calls.c).
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { callsAddon } from '../paths.mjs'

/** Calls in a sample: one alone is too short for the clock. */
const callsOf = 20_000

/** Why there is no such addon, where there is none. */
export const noCalls = 'there are no headers of this Node, or no C compiler'

/** `{ nothing(), text(), convert(name, bytes) }`, or null where it could not be built. */
export function loadCalls() {
  return existsSync(callsAddon) ? createRequire(import.meta.url)(callsAddon) : null
}

/** Microseconds of one call, some times over. */
export function timesOf(call) {
  return Array.from({ length: 5 }, () => {
    const start = performance.now()
    for (let count = 0; count < callsOf; count += 1) call()
    return ((performance.now() - start) * 1000) / callsOf
  })
}
