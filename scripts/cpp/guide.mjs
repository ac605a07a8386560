// docs/cpp.md, followed to the letter in an empty folder: its files are written, its commands are run.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from '../process.mjs'
import { MetachainServer } from './metachain-server.mjs'
import { check } from './tally.mjs'

/** The fenced blocks of a page: the language, the rest of the fence's line, the text. */
function blocks(page) {
  return [...page.matchAll(/^```(\S+)([^\n]*)\n([\s\S]*?)^```$/gm)].map(([, language, info, text]) => ({ language, info: info.trim(), text }))
}

export async function checkGuide({ tools, tally, work }) {
  const page = readFileSync(join(root, 'docs', 'cpp.md'), 'utf8')
  const folder = join(work, 'my-node')
  const all = blocks(page)
  const files = all.filter(({ info }) => info.startsWith('file='))
  const commands = all.filter(({ language, info }) => language === 'sh' && info.startsWith('run='))
  await tally.test('docs/cpp.md has files and commands to follow', () => {
    check(files.length >= 3 && commands.length >= 3, `${files.length} files, ${commands.length} commands`)
    mkdirSync(folder, { recursive: true })
    for (const { info, text } of files) writeFileSync(join(folder, info.slice('file='.length)), text)
  })
  const missing = { cmake: !tools.cmake, 'pkg-config': !tools.pkgConfig }
  const server = await MetachainServer.start(tools.server, { chain: `datadir=${join(work, 'remote')} chain_id=my-chain network=bitcoin-regtest native_start=1` })
  writeFileSync(join(folder, 'token'), `${server.token}\n`)
  // The page speaks of a clone beside the folder, and of a server's address.
  const env = { LIBMETACHAIN: root, LIBMC: tools.library, METACHAIN_URL: server.url }
  try {
    for (const { info, text } of commands) {
      const step = info.slice('run='.length)
      const [needed] = Object.keys(missing).filter((name) => missing[name] && text.includes(name))
      if (needed) {
        tally.skip(`docs/cpp.md, ${step}`, `${needed} is not installed`)
        continue
      }
      await tally.test(`docs/cpp.md, ${step}`, async () => {
        const { code, lines } = await run('sh', ['-eu', '-c', text], { cwd: folder, env })
        const expected = all[all.findIndex((block) => block.text === text && block.info === info) + 1]
        check(code === 0, `exit code ${code}\n${lines.slice(-40).join('\n')}`)
        if (expected?.info !== `prints=${step}`) return
        const printed = lines.join('\n')
        for (const line of expected.text.trimEnd().split('\n')) check(printed.includes(line), `it did not print '${line}' but\n${printed}`)
      })
    }
  } finally {
    await server.stop()
  }
  check(existsSync(folder), 'the folder is gone')
}
