// A worker that interleaves traps of V8's own wasm with traps of drivers, and says how many it survived.
import { parentPort, workerData } from 'node:worker_threads'
import { Driver, DriverError } from 'libmetachain'

const { rounds, driverBytes, moduleBytes, driverDeeds } = workerData

const own = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes)).exports
const driver = await Driver.load(driverBytes)
let survived = 0
for (let round = 0; round < rounds; round += 1) {
  for (const trap of ['outOfBounds', 'unreachable', 'divideByZero']) {
    try {
      own[trap]()
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) survived += 1
    }
    try {
      driver.decodeEvent('e', Uint8Array.of(driverDeeds[(round + survived) % driverDeeds.length]))
    } catch (error) {
      if (error instanceof DriverError && error.code === 'DRIVER_TRAP') survived += 1
    }
  }
}
parentPort.postMessage(survived)
