// `npm start`: makes the clone ready, then runs the example native chain with the given options.
import { parseOptions, usage, UsageError } from '../examples/native-chain/options.mjs'
import { command } from './command.mjs'

await command({
  name: 'npm start',
  usage,
  parse: parseOptions,
  Mistake: UsageError,
  main: async () => {
    // The examples are TypeScript, which Node 20 does not read by itself.
    const { register } = await import('tsx/esm/api')
    register()
    const { main } = await import('../examples/native-chain/main.ts')
    return main(process.argv.slice(2))
  },
})
