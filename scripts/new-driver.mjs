// Copies the driver template under a new name, so that the copy builds where it lies.
//
// node scripts/new-driver.mjs NAME [FOLDER]      FOLDER is ./NAME where left out
import { cpSync, existsSync, readFileSync, readdirSync, realpathSync, writeFileSync } from 'node:fs'
import { basename, join, relative, resolve, sep } from 'node:path'
import { root } from './process.mjs'

const template = join(root, 'examples', 'driver-template')
const templateName = 'driver-template'
const framework = 'crates/data-driver'
/** What cargo accepts as the name of a package and, with underscores, as that of a crate. */
const namePattern = /^[a-z][a-z0-9]*([-_][a-z0-9]+)*$/

const underscored = (name) => name.replaceAll('-', '_')

function* filesBelow(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* filesBelow(path)
    else yield path
  }
}

/**
 * Makes a driver's crate out of the template.
 *
 * @param {string} name the name of the package
 * @param {string} folder where it goes; it must not hold anything yet
 * @returns {string} the folder's path
 */
export function newDriver(name, folder) {
  if (!namePattern.test(name)) throw new Error(`"${name}" is no name for a package: small letters, digits and single dashes, for example my-driver`)
  const path = resolve(folder)
  if (existsSync(path) && readdirSync(path).length > 0) throw new Error(`${path} is not empty`)
  cpSync(template, path, { recursive: true, filter: (source) => basename(source) !== 'target' })
  const toFramework = relative(realpathSync(path), join(root, framework)).split(sep).join('/')
  for (const file of filesBelow(path)) {
    const text = readFileSync(file, 'utf8')
      .replaceAll(templateName, name)
      .replaceAll(underscored(templateName), underscored(name))
      .replaceAll(`../../${framework}`, toFramework)
    writeFileSync(file, text)
  }
  return path
}

if (realpathSync(process.argv[1]) === import.meta.filename) {
  const [name, folder = name, ...rest] = process.argv.slice(2)
  if (name === undefined || name.startsWith('-') || rest.length > 0) {
    console.log('usage: node scripts/new-driver.mjs NAME [FOLDER]')
    process.exit(name === '--help' || name === '-h' ? 0 : 2)
  }
  try {
    const path = newDriver(name, folder)
    console.log(`${path}: src/types.rs holds the contract's types, src/lib.rs its functions; README.md says how to build it`)
  } catch (error) {
    console.error(error.message)
    process.exit(1)
  }
}
