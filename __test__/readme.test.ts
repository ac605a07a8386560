// The README's TypeScript runs as it stands there.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'

const root = fileURLToPath(new URL('..', import.meta.url))
const run = promisify(execFile)

const examples = async () => {
  const text = await readFile(join(root, 'README.md'), 'utf8')
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code]) => code as string)
}

test('the examples of the README run', async (t) => {
  const store = await mkdtemp(join(tmpdir(), 'libmetachain-readme-'))
  t.teardown(() => rm(store, { recursive: true, force: true }))
  // Within the package, whose own name the examples import.
  const folder = join(root, 'target', 'readme')
  await mkdir(folder, { recursive: true })
  const found = await examples()
  t.is(found.length, 2)
  const outputs = []
  for (const [index, code] of found.entries()) {
    const path = join(folder, `example-${index}.mts`)
    await writeFile(path, code.replace("'./metachain'", JSON.stringify(store)))
    outputs.push((await run(process.execPath, ['--import', 'tsx', path], { cwd: root, timeout: 60_000 })).stdout)
  }
  t.regex(outputs[0] ?? '', /INSUFFICIENT_BALANCE[\s\S]*5000000000n true/)
})
