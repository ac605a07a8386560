// A process or worker that serves a chain, says where, and leaves in the way that it is told.
import { parentPort, workerData } from 'node:worker_threads'
import { Metachain, serve } from 'libmetachain'

const { path, token, leave } = workerData ?? JSON.parse(process.argv[2])
const chain = await Metachain.open({ path, ...(path === undefined && { genesis: { chainId: 'tests', network: 'opaque' } }) })
const say = (text) => (parentPort ? parentPort.postMessage(text) : process.stdout.write(`${text}\n`))

// Forgotten at once: nothing here holds the server, or the chain, from now on.
const url = await serve(chain, { token }).then((server) => (leave === 'unref' ? server.unref() : server).url)
globalThis.gc?.()
say(url)
if (leave === 'exit') setImmediate(() => process.exit(7))
