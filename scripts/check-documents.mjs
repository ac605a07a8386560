// Documents do not drift: the tests that they name exist, and their links lead somewhere.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from './process.mjs'
import { filesBelow } from './checks/source.mjs'

const documents = filesBelow('.', '.md').filter((path) => !path.startsWith('.'))

const read = (path) => readFileSync(join(root, path), 'utf8')

/** A heading's anchor, as the usual renderers make it. */
const anchor = (heading) =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')

/** Prose without its code blocks. */
const prose = (text) => text.replace(/^```[\s\S]*?^```/gm, '')

/** Whether a test file holds a test of this name. */
function hasTest(path, name) {
  if (!existsSync(join(root, path))) return false
  const text = read(path)
  if (path.endsWith('.rs')) return new RegExp(`\\bfn ${name}\\(`).test(text)
  return ["'", '"', '`'].some((quote) => text.includes(`${quote}${name}${quote}`))
}

function* deadLinks(path, text) {
  for (const [, target] of prose(text).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue
    const [file, fragment] = target.split('#')
    const linked = file === '' ? path : join(dirname(path), file)
    if (!existsSync(join(root, linked))) yield `${path}: the link to ${target} leads nowhere`
    else if (fragment !== undefined && linked.endsWith('.md')) {
      const anchors = [...prose(read(linked)).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchor(heading))
      if (!anchors.includes(fragment)) yield `${path}: ${linked} has no heading #${fragment}`
    }
  }
}

function* missingTests(path, text) {
  for (const [, file, name] of text.matchAll(/`([\w./-]+\.(?:rs|ts))::([^`]+)`/g))
    if (!hasTest(file, name)) yield `${path}: there is no test '${name}' in ${file}`
}

const faults = documents.flatMap((path) => [...deadLinks(path, read(path)), ...missingTests(path, read(path))])
for (const fault of faults) console.error(fault)
console.log(`documents: ${documents.length}, ${faults.length === 0 ? 'nothing drifted' : `${faults.length} faults`}`)
process.exitCode = faults.length === 0 ? 0 : 1
