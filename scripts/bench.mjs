// `npm run bench`: makes the clone ready, installs the peers and builds the references, then measures.
import { OptionError, parseOptions, usage } from '../bench/options.mjs'
import { command } from './command.mjs'

await command({
  name: 'npm run bench',
  usage,
  parse: parseOptions,
  Mistake: OptionError,
  main: async (options) => (await import('../bench/main.mjs')).main(options),
})
