// Loads a driver in a new process with a cache of compiled code, and says how many milliseconds that took.
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const [entry, module, cacheDir] = process.argv.slice(2)
const { Driver } = await import(pathToFileURL(entry).href)
const wasm = readFileSync(module)
const start = performance.now()
// The code that is loaded is the well compiled one, so that is what the first process must leave.
const driver = await Driver.load(wasm, { cacheDir, optimization: 'full' })
console.log(performance.now() - start)
driver.close()
