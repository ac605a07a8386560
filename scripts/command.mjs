// How a command of the package begins and ends: its options are judged first, so that a typing error does
// not wait for a build, then the clone is made ready, and whatever a person can mend is told in a few lines.
import { setUp, SetUpError } from './setup.mjs'
import { paint } from './terminal.mjs'

/**
 * Runs a command and sets the exit code: what `main` gives, 2 for a mistake in the options, 1 where the set-up fails.
 *
 * @param name as a person types it: `npm start`.
 * @param usage what `--help` prints.
 * @param parse reads the arguments; its result says `help` where only the usage is wanted.
 * @param Mistake what `parse` throws where they are wrong.
 * @param steps the steps of the set-up that it needs; all of them where it is left out.
 * @param main does the work with what `parse` gave, once the clone is ready.
 */
export async function command({ name, usage, parse, Mistake, steps, main }) {
  try {
    const options = parse(process.argv.slice(2))
    if (options.help) {
      process.stdout.write(usage)
      return
    }
    await setUp(steps)
    process.exitCode = await main(options)
  } catch (error) {
    if (error instanceof Mistake) {
      process.stderr.write(`${error.message}\nTry: ${name} -- --help\n`)
      process.exitCode = 2
    } else if (error instanceof SetUpError) {
      process.stderr.write(`${paint('red', 'Set-up failed.')} ${error.message}\n`)
      process.exitCode = 1
    } else {
      throw error
    }
  }
}
