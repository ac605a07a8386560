// Ours, and whatever else a run was told to measure beside it.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { packageEntry } from '../paths.mjs'

const load = (module) => import(/^[./]/.test(module) ? pathToFileURL(resolve(module)).href : module)

/** `[{ name, implementation }]`, ours first. */
export async function implementations(contestants = []) {
  const others = contestants.map(async ({ name, module }) => ({ name, implementation: await load(module) }))
  return [{ name: 'ours', implementation: await import(pathToFileURL(packageEntry).href) }, ...(await Promise.all(others))]
}
