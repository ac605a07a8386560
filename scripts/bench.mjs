// `npm run bench`: makes the clone ready, installs the peers and builds the references, then measures.
// The options are judged first, so that a typing error does not wait for a build.
import { OptionError, parseOptions, usage } from '../bench/options.mjs'
import { setUp, SetUpError } from './setup.mjs'
import { paint } from './terminal.mjs'

try {
  const options = parseOptions(process.argv.slice(2))
  if (options.help) {
    process.stdout.write(usage)
    process.exit(0)
  }
  await setUp()
  const { main } = await import('../bench/main.mjs')
  process.exitCode = await main(options)
} catch (error) {
  if (error instanceof OptionError) {
    process.stderr.write(`${error.message}\nTry: npm run bench -- --help\n`)
    process.exitCode = 2
  } else if (error instanceof SetUpError) {
    process.stderr.write(`${paint('red', 'Set-up failed.')} ${error.message}\n`)
    process.exitCode = 1
  } else {
    throw error
  }
}
