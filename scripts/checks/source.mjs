// Reads source files for the checks: which there are, and their code without comments and strings.
import { readdirSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { root } from '../process.mjs'

const skipped = new Set(['target', 'node_modules', 'dist'])

/** Every file below `folder` (relative to the root) whose name ends so, as paths from the root. */
export function filesBelow(folder, ending) {
  let entries
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true })
  } catch {
    return []
  }
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = relative(root, join(root, folder, entry.name)).split(sep).join('/')
      if (entry.isDirectory()) return skipped.has(entry.name) ? [] : filesBelow(path, ending)
      return entry.name.endsWith(ending) ? [path] : []
    })
}

/** What is no code in Rust: comments, strings (raw ones too) and character literals. */
const notCode = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|\bb?c?r(#*)"[\s\S]*?"\1|"(?:\\[\s\S]|[^"\\])*"|'(?:\\[^\n]{1,9}?|[^'\\\n])'/g

/** Rust source with comments, strings and characters blanked out; every line keeps its number. */
export function rustCode(text) {
  return text.replace(notCode, (found) => found.replace(/[^\n]/g, ' '))
}

/** The 1-based numbers of the lines of `code` that match. */
export function linesMatching(code, pattern) {
  return code.split('\n').flatMap((line, index) => (pattern.test(line) ? [index + 1] : []))
}
