// What is written about errors names every code and every phase that the sources have, and none beside.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8')
const sorted = (words: Iterable<string>): string[] => [...new Set(words)].sort()

/** The first group of every match. */
const all = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, found]) => found as string)

/** The comment that ends where this begins. */
function commentBefore(text: string, what: string): string {
  const end = text.indexOf(what)
  return text.slice(text.lastIndexOf('/**', end), end)
}

test('every code of the metachain is listed', async (t) => {
  // The list lacked INVALID_ADDRESS and what only a client of a server meets.
  const codes = [...(await read('crates/primitives/src/error.rs')).matchAll(/= "([A-Z_]+)", (\w+);/g)]
  // Receipts say why a transaction was left out; of them only this one is thrown too.
  const thrown = codes.filter(([, code, group]) => group !== 'Receipt' || code === 'INVALID_ADDRESS').map(([, code]) => code as string)
  t.true(thrown.length > 30)
  t.deepEqual(sorted(all(commentBefore(await read('ts/errors.ts'), 'export class MetachainError'), /`([A-Z_]+)`/g)), sorted(thrown))
})

test('every phase of a driver error is listed, in both places', async (t) => {
  // The two lists disagreed, and lacked a third of the phases.
  const host = 'crates/driver-host/src'
  const files = (await readdir(join(root, host), { recursive: true })).filter((name) => name.endsWith('.rs')).map((name) => join(host, name))
  const scripts = (await readdir(join(root, 'ts'))).map((name) => join('ts', name))
  const texts = await Promise.all([...files, ...scripts].map(read))
  const inSources = all(texts.join('\n'), /(?:DriverCode::\w+,|\bcode,|PHASE: &str =|trapped\(|phase:|phase \?\?)\s*["']([a-z_]+)["']/g)
  // An export that ran is a phase by its own name.
  const exports = all(await read(join(host, 'abi.rs')), /export\("(\w+)"/g)
  const phases = sorted([...inSources, ...exports])
  t.true(phases.length > 15)
  const [, table = ''] = /\| phase \|.*\n((?:\|.*\n)+)/.exec(await read('docs/drivers.md')) ?? []
  t.deepEqual(sorted(all(table, /`(\w+)`/g)), phases)
  t.deepEqual(sorted(all(commentBefore(await read('ts/errors.ts'), 'readonly phase: string'), /`(\w+)`/g)), phases)
})
