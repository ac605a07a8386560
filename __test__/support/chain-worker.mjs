// A worker that uses a shared store and a driver, and leaves: by its end, or cut off in the middle.
import { parentPort, workerData } from 'node:worker_threads'
import { Driver, Metachain } from 'libmetachain'

const { path, driverBytes, leave } = workerData

const chain = await Metachain.open({ path })
const driver = await Driver.load(driverBytes)
const batch = driver.encodeInputs(Array.from({ length: 2_000 }, (_, index) => ({ name: 'f', json: `${index}` })))
if (leave === 'cut off') {
  // Nothing is awaited or closed: calls are under way on other threads when this worker goes.
  for (let count = 0; count < 10; count += 1) chain.flush()
  chain.events().next()
  parentPort.postMessage(chain.tip.height)
  process.exit()
}
const results = await batch
if (leave === 'close') await chain.close()
parentPort.postMessage(leave === 'close' ? results.length : chain.tip.height)
