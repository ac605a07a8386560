// A test that hangs must end the run of its section, not hang it.
import test from 'ava'

type Run = (command: string, args: string[], options: { limit: number }) => Promise<{ code: number; lines: string[] }>
const { run } = (await import(new URL('../scripts/process.mjs', import.meta.url).href)) as { run: Run }

/** Never ends, nor does its child, which has its output too: `run` returns when both are gone. */
const endless = `
const { spawn } = require('node:child_process')
spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'inherit' })
setInterval(() => {}, 1e6)`

test('a program that does not end in time is killed with what it started', async (t) => {
  const { code, lines } = await run(process.execPath, ['-e', endless], { limit: 3_000 })
  t.is(code, 128)
  t.true(lines.some((line) => line.endsWith('not done after 3.0 s, killed')), lines.join('\n'))
})

test('a program that ends in time keeps its exit code', async (t) => {
  const { code, lines } = await run(process.execPath, ['-e', 'console.log("done"); process.exit(3)'], { limit: 60_000 })
  t.is(code, 3)
  t.deepEqual(lines, ['done'])
})
