// `npm start`: makes the clone ready, then runs the example native chain with the given options.
// The options are judged first, so that a typing error does not wait for a build.
import { parseOptions, usage, UsageError } from '../examples/native-chain/options.mjs'
import { setUp, SetUpError } from './setup.mjs'
import { paint } from './terminal.mjs'

const args = process.argv.slice(2)

try {
  if (parseOptions(args).help) {
    process.stdout.write(usage)
    process.exit(0)
  }
  await setUp()
  // The examples are TypeScript, which Node 20 does not read by itself.
  const { register } = await import('tsx/esm/api')
  register()
  const { main } = await import('../examples/native-chain/main.ts')
  process.exitCode = await main(args)
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\nTry: npm start -- --help\n`)
    process.exitCode = 2
  } else if (error instanceof SetUpError) {
    process.stderr.write(`${paint('red', 'Set-up failed.')} ${error.message}\n`)
    process.exitCode = 1
  } else {
    throw error
  }
}
