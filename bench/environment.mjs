// What a measurement was made on.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { probe } from '../scripts/process.mjs'
import { bench, root } from './paths.mjs'

const versionOf = (name) => {
  try {
    return JSON.parse(readFileSync(join(bench, 'node_modules', name, 'package.json'), 'utf8')).version
  } catch {
    return null
  }
}

/** Machine, versions and commit; nothing that names the machine. */
export function environment(node) {
  const { buildInfo } = createRequire(import.meta.url)(join(root, 'dist', 'index.js'))
  const { simd, wasmtime, profile } = buildInfo()
  const run = (program, ...args) => execFileSync(program, args, { encoding: 'utf8' }).trim()
  const peers = ['better-sqlite3', 'lmdb', '@nomicfoundation/edr', '@ethereumjs/vm']
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: probe('git', ['rev-parse', '--short=12', 'HEAD']) ?? 'unknown',
    changed: (probe('git', ['status', '--porcelain', '--untracked-files=no']) ?? '') !== '',
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    load: Number(loadavg()[0].toFixed(1)),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${process.arch}, kernel ${release()}`,
    node: run(node, '--version'),
    v8: run(node, '-p', 'process.versions.v8'),
    rust: probe('rustc', ['--version']) ?? 'unknown',
    simd,
    wasmtime,
    profile,
    peers: Object.fromEntries(peers.map((name) => [name, versionOf(name)])),
  }
}
