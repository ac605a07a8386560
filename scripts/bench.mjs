// `npm run bench`: makes the clone ready, installs the peers and builds the references, then measures.
import { OptionError, parseOptions, usage } from '../bench/options.mjs'
import { command } from './command.mjs'

await command({
  name: 'npm run bench',
  usage,
  parse: parseOptions,
  Mistake: OptionError,
  // Of the drivers it needs one, and builds it itself where a row asks for it.
  steps: ['packages', 'addon'],
  main: async (options) => (await import('../bench/main.mjs')).main(options),
})
