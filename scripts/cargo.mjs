// Where cargo puts what it builds here: .cargo/config.toml names the target, so that it is not plain `release`.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './process.mjs'

let host

/** This machine's target, as rustc names it: `x86_64-unknown-linux-gnu`. */
function hostTarget() {
  host ??= /^host: (.+)$/m.exec(execFileSync('rustc', ['-vV'], { encoding: 'utf8' }))[1]
  return host
}

/** A file of a build: `path` below a profile's folder, in `folder` instead of the ordinary `target`. */
export const built = (path, { folder = join(root, 'target'), profile = 'release' } = {}) => join(folder, hostTarget(), profile, path)
