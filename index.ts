// Everything that libmetachain publishes. index.d.ts is made from this file.
export { buildInfo, type BuildInfo } from './ts/build-info.js'
export { decodePayload } from './ts/block.js'
export type {
  Account,
  Block,
  BlockRef,
  CarriedTransactions,
  ChainEvent,
  ConnectResult,
  Genesis,
  Handshake,
  MetaTransaction,
  MintContext,
  MintedBlock,
  NativeBlock,
  NativeSource,
  Network,
  OpenOptions,
  Rejection,
  Tip,
  Withdrawal,
} from './ts/chain-types.js'
export { Driver, type DriverItem, type DriverOptions } from './ts/driver.js'
export { type BatchOptions, type BatchResult, driverThreads, setDriverThreads } from './ts/driver-batch.js'
export { DriverRegistry, type DriverRegistryEntry, type DriverRegistryOptions } from './ts/driver-registry.js'
export { loadWasmDataDriver, type WasmDataDriver } from './ts/driver-loader.js'
export { DriverError, MetachainError, type MetachainErrorOptions } from './ts/errors.js'
export { type EventOptions } from './ts/events.js'
export { type Integers, type Json, parseJson, stringifyJson } from './ts/json.js'
export { Metachain } from './ts/metachain.js'
export { verifyAccountProof, verifyWithdrawalProof } from './ts/proofs.js'
export { RpcClient, type RpcClientOptions } from './ts/rpc-client.js'
export { RpcServer, type RpcServerLimits, serve, type ServeOptions } from './ts/rpc-server.js'
export type * as RpcWire from './ts/rpc-wire.js'
export { type SyncOptions } from './ts/sync.js'
export { TxBatch } from './ts/tx-batch.js'
