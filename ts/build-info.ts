// What the addon in use was built from.
import { buildInfo as nativeBuildInfo } from '#binding'
import { call } from './errors.js'

/** What the addon in use was built from. */
export interface BuildInfo {
  /** Version of the package. */
  version: string
  /** Commit of the source tree, or `unknown`. */
  commit: string
  /** Cargo profile. */
  profile: string
  /** Widest vector instructions that this processor offers to the hashing. */
  simd: string
  /** Version of the wasm engine. */
  wasmtime: string
}

/** Says what the addon in use was built from: put it into bug reports. */
export function buildInfo(): BuildInfo {
  return call(() => nativeBuildInfo())
}
