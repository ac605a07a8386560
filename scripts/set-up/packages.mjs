// The npm packages: installed exactly as package-lock.json says, and only where they are not yet.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { npm, root, run } from '../process.mjs'

function lockOf(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages ?? null
  } catch {
    return null
  }
}

/** Why an installation is needed, or null: npm keeps a copy of what it installed, compared here. */
export function packagesOutdated() {
  const wanted = lockOf(join(root, 'package-lock.json'))
  if (!wanted) return 'package-lock.json is missing or unreadable'
  const installed = lockOf(join(root, 'node_modules', '.package-lock.json'))
  if (!installed) return 'nothing is installed yet'
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '' || entry.link) continue
    const found = installed[path]
    if (!found) {
      // Packages for other platforms are optional: npm rightly left them out.
      if (entry.optional || entry.devOptional || entry.peer) continue
      return `${path.replace(/^.*node_modules\//, '')} is not installed`
    }
    if (found.version !== entry.version || found.integrity !== entry.integrity)
      return `${path.replace(/^.*node_modules\//, '')} is ${found.version}, wanted is ${entry.version}`
    if (!existsSync(join(root, path))) return `${path} is gone`
  }
  return null
}

/** Runs `npm ci`. */
export function installPackages(options) {
  const [command, args] = npm()
  return run(command, [...args, 'ci', '--no-audit', '--no-fund', '--no-progress'], options)
}
