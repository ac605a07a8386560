// A worker that opens a store and goes without giving it back.
import { workerData } from 'node:worker_threads'
import { Metachain } from 'libmetachain'

globalThis.kept = await Metachain.open(workerData)
process.exit()
