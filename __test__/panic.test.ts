// A panic planted in every export, one after the other, in the shipped profile: INTERNAL_PANIC, never the end.
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = join(root, 'target', 'planted')
const run = promisify(execFile)

/** The addon's source: each export, and the name under which its wall stands. */
async function exportedSource(): Promise<string[]> {
  const files = (await readdir(join(root, 'src'))).filter((name) => name.endsWith('.rs'))
  const texts = await Promise.all(files.map((name) => readFile(join(root, 'src', name), 'utf8')))
  return texts.flatMap((text) => text.split('#[napi').slice(1))
}

/**
 * The addon as it is shipped, but for a feature that plants panics: same profile, same dependencies, only the one
 * crate is compiled again. What ships has neither the planting nor a way to ask for it.
 */
async function plantedAddon(): Promise<string> {
  await mkdir(folder, { recursive: true })
  const { addonCommand } = (await import('../scripts/build-addon.mjs' as string)) as { addonCommand(...args: string[]): string[] }
  await run(process.execPath, addonCommand(folder, '--features', 'planted-panic'), { cwd: root, maxBuffer: 1 << 26 })
  const [addon] = (await readdir(folder)).filter((name) => name.endsWith('.node'))
  return join(folder, addon as string)
}

test('every export stands behind the wall', async (t) => {
  for (const part of await exportedSource()) {
    const body = part.slice(0, part.search(/\n {0,4}\}\n/) + 1)
    if (/\bpub fn /.test(body)) t.regex(body, /\b(guard|promise)\(/, body.split('\n').slice(0, 6).join('\n'))
  }
})

test('a panic in any export is an error of this library, and the process goes on', async (t) => {
  t.timeout(600_000)
  const NAPI_RS_NATIVE_LIBRARY_PATH = await plantedAddon()
  const child = fileURLToPath(new URL('support/panic-child.ts', import.meta.url))
  const { stdout } = await run(process.execPath, ['--import=tsx', child], {
    cwd: root,
    env: { ...process.env, NAPI_RS_NATIVE_LIBRARY_PATH },
    maxBuffer: 1 << 26,
  })
  const found = JSON.parse(stdout) as Record<string, { code: string | null; after: string | null }>
  const walls = (await exportedSource()).flatMap((part) => [...part.matchAll(/\b(?:guard|contained|promise|background)\(\s*(?:env,\s*)?"([^"]+)"/g)].map(([, name]) => name as string))
  t.deepEqual(Object.keys(found).sort(), [...new Set(walls)].sort(), 'each wall is tried')
  for (const [name, { code, after }] of Object.entries(found)) {
    t.is(code, 'INTERNAL_PANIC', name)
    t.is(after, null, `${name} works afterwards`)
  }
})
