// Types of options.mjs.
import type { Network } from 'libmetachain'

export declare class UsageError extends Error {}
export declare const usage: string
export declare const networks: readonly Network[]

export interface Options {
  blocks: number
  txs: number
  accounts: number
  seed: string
  input: string | undefined
  network: Network
  dir: string | undefined
  json: boolean
  quiet: boolean
  help: boolean
}

export declare function parseOptions(args: readonly string[]): Options
