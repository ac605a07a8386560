// The benchmark's own arithmetic: what it makes of rounds, what its guard lets pass, and what its page says.
import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as libmetachain from 'libmetachain'
import * as harness from 'libmetachain/bench'
import { ChainUnderTest, geometricMean, measure, median, quantile, rotated, type Row, roundsLeast, spread, Workload } from 'libmetachain/bench'
import test from 'ava'

const root = fileURLToPath(new URL('..', import.meta.url))
const run = promisify(execFile)

/** A module of the benchmark that is not published. */
const inner = async <T>(path: string): Promise<T> => (await import(new URL(`../bench/${path}`, import.meta.url).href)) as T

test('statistics are those of the textbook', (t) => {
  t.is(median([3, 1, 2]), 2)
  t.is(median([4, 1, 2, 3]), 2.5)
  t.is(quantile([10, 20], 0.25), 12.5)
  t.is(quantile([7], 0.99), 7)
  t.is(quantile([], 0.5), NaN)
  t.deepEqual(spread([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), { median: 6, low: 2, high: 10 })
  t.true(Math.abs(geometricMean([0.5, 2]) - 1) < 1e-12)
})

test('contestants come equally often in every place and after each other', (t) => {
  for (const count of [2, 3, 4, 5, 8]) {
    const names = Array.from({ length: count }, (_, index) => `contestant ${index}`)
    const rounds = Array.from({ length: count * 2 }, (_, round) => rotated(names, round))
    const pairs = rounds.flatMap((round) => round.slice(1).map((name, index) => `${round[index]} then ${name}`))
    for (const name of names) {
      for (const place of names.keys()) t.is(rounds.filter((round) => round[place] === name).length, 2)
      for (const other of names) if (other !== name) t.is(pairs.filter((pair) => pair === `${name} then ${other}`).length, 2)
    }
  }
})

test('a measurement leaves the warm-up out, runs the least rounds whatever the time, and takes ratios round by round', async (t) => {
  let prepared = 0
  const told: number[] = []
  const rows = await measure({
    id: 'x.1', unit: 'µs', rounds: 50, seconds: 0, warmup: 2,
    contestants: [
      { name: 'ours', ids: ['x.1', 'y.1'], note: 'a note', prepare: () => (prepared += 1), run: () => (told.push(prepared), [prepared <= 2 ? 1e6 : 10, prepared <= 2 ? 1e6 : 20]) },
      { name: 'other', run: () => [30] },
      { name: 'other', ids: ['y.1'], run: () => [60] },
    ],
  })
  t.is(prepared, roundsLeast + 2)
  t.deepEqual(rows.map(({ id, contestant }) => `${id} ${contestant}`), ['x.1 ours', 'x.1 other', 'y.1 ours', 'y.1 other'])
  const [ours, other, again] = rows as [Row, Row, Row]
  t.like(ours, { median: 15, low: 15, high: 15, p50: 15, rounds: roundsLeast, note: 'a note', better: 'lower' })
  t.is(ours.ratio_to['other']?.median, 2)
  t.is(other.ratio_to['ours']?.median, 0.5)
  t.is(other.ratio_to['y.1']?.median, 2)
  t.is(again.ratio_to['other']?.median, 4)
  const [rate] = await measure({ id: 'z', unit: 'tx a second', better: 'higher', contestants: [{ name: 'ours', run: () => [50] }, { name: 'other', run: () => [100] }] })
  t.is(rate?.ratio_to['other']?.median, 0.5)
  const settled = async (settle: number) => (await measure({ id: 'v', unit: 's', settle, contestants: [{ name: 'ours', run: () => [90, 90, 1, 1, 1] }] }))[0]?.median
  t.deepEqual([await settled(2), await settled(3)], [1, 36.6])
  await t.throwsAsync(measure({ id: 'w', unit: 's', contestants: [{ name: 'ours', run: () => { throw new Error('no') } }] }), { message: 'no' })
})

test('chains under test mint, connect and take back the same blocks', async (t) => {
  const directory = join(root, 'target', 'bench-test', String(process.pid))
  const chain = new ChainUnderTest('ours', libmetachain, { directory })
  await chain.open(200)
  const workload = new Workload(200)
  t.is((await chain.mint(workload.next(10, 3), (work, block) => chain.batch(work, block))).length, 3)
  for (const carried of ['root', 'batch', 'objects'] as const) {
    const blocks = await chain.produce(workload.next(10, 4), carried)
    t.is(chain.connectSync(blocks.slice(0, 2)).length, 2)
    t.is((await chain.connectRun(blocks.slice(2))).length, 1)
    t.is((await chain.disconnect(blocks.slice(2))).length, 2)
    t.deepEqual(chain.connector?.tip?.stateRoot, chain.stateRoot)
  }
  await chain.close()
})

type Check = (rows: Partial<Row>[], baseline: { ratios: Record<string, number> }) => { worse: string[]; text: string }
/** Ours at so many times the speed of a limit. */
const oursAt = (speed: number): Partial<Row>[] => [
  { id: 'mint.packed.1', contestant: 'ours', better: 'lower', p10: 1 / speed },
  { id: 'mint.packed.1', contestant: 'limit', better: 'lower', p10: 1 },
]

test('the guard fails past twice as bad, and not before', async (t) => {
  const { check, better } = await inner<{ check: Check; better: (rows: Partial<Row>[], again: Partial<Row>[]) => Partial<Row>[] }>('report/check.mjs')
  const baseline = { ratios: { 'mint.packed.1 ours/limit': 0.8, 'connect.block.1 ours/limit': 1 } }
  t.deepEqual(check(oursAt(0.41), baseline).worse, [])
  t.regex(check(oursAt(0.41), baseline).text, /slower {3}mint\.packed\.1 ours\/limit[\s\S]*1 ratios compared/)
  t.notRegex(check(oursAt(0.7), baseline).text, /slower/)
  t.deepEqual(check(oursAt(0.39), baseline).worse, ['mint.packed.1 ours/limit'])
  t.deepEqual(check(oursAt(1).slice(0, 1), baseline).worse, ['mint.packed.1 ours/limit'], 'a contestant was lost')
  t.deepEqual(check(better(oursAt(0.39), oursAt(0.5)), baseline).worse, [], 'the second look is better')
  t.deepEqual(check(better(oursAt(0.5), oursAt(0.1)), baseline).worse, [], 'the first look was better')
  t.deepEqual(check(better(oursAt(0.39), oursAt(0.39)), baseline).worse, ['mint.packed.1 ours/limit'])
})

test('the committed baseline speaks of rows that there are', async (t) => {
  const { ratios, failing } = JSON.parse(await readFile(join(root, 'bench', 'baseline.json'), 'utf8')) as { ratios: Record<string, number>; failing: number }
  t.is(failing, 2)
  t.true(Object.keys(ratios).length > 0)
  for (const [name, ratio] of Object.entries(ratios)) {
    t.regex(name, /^(mint|connect|disconnect|driver|rpc|cpp)\.[\w.]+ ours\/[\w.-]+$/)
    t.true(ratio > 0)
  }
})

test('names of rows choose whole families, and never a longer number', async (t) => {
  const { asked, groupsOf, label, suiteNames } = await inner<{
    suiteNames: string[]
    asked: (names: string[] | null, row: string) => boolean
    groupsOf: (options: object) => { name: string; seconds: number }[]
    label: (accounts: number) => string
  }>('suites/index.mjs')
  t.true(asked(null, 'mint.packed.1'))
  t.true(asked(['mint'], 'mint.packed.1'))
  t.true(asked(['mint.packed.1'], 'mint.'))
  t.true(asked(['mint.packed.1'], 'mint.packed.1.eip55'))
  t.false(asked(['mint.packed.1'], 'mint.packed.1000'))
  t.false(asked(['scale'], 'mint.packed.1'))
  t.deepEqual([10_000, 1_000_000, 1_100_000].map(label), ['10k', '1M', '1.1M'])
  const chosen = (rows: string[] | null, quick: boolean) => groupsOf({ suites: suiteNames, rows, quick, accounts: null })
  t.deepEqual(chosen(['scale.10M'], false).map(({ name }) => name), ['scale.10M'])
  // What the guide promises of two idle cores.
  t.true(chosen(null, true).reduce((sum, { seconds }) => sum + seconds, 0) <= 180)
  t.true(chosen(null, false).reduce((sum, { seconds }) => sum + seconds, 0) <= 1800)
})

test('each family of rows names its limit, and tables say how far from it ours is', async (t) => {
  const { groupsOf, suiteNames } = await inner<{ suiteNames: string[]; groupsOf: (options: object) => { name: string; rows: Record<string, string> }[] }>('suites/index.mjs')
  const { cells } = await inner<{ cells: (rows: object[]) => string[][] }>('report/table.mjs')
  const { limitOf } = await inner<{ limitOf: (families: Record<string, string>, id: string) => string | undefined }>('limits.mjs')
  for (const quick of [true, false])
    for (const { name, rows } of groupsOf({ suites: suiteNames, rows: null, quick, accounts: null }))
      for (const [family, limit] of Object.entries(rows)) t.regex(limit, /^(limit|native|idle|in-process|rust)$/, `${name}: ${family}`)
  const families = { 'a.decode': 'native', 'a.delay': 'idle' }
  t.deepEqual(['a.decode.event', 'a.delay', 'a.call'].map((id) => limitOf(families, id)), ['native', 'idle', undefined])
  const rows = (await measure({ id: 'a.delay', unit: 'ms', contestants: [{ name: 'ours', run: () => [4] }, { name: 'idle', run: () => [1] }] })).map((row) => ({ ...row, limit: 'idle' }))
  const [head, ours] = cells(rows) as [string[], string[]]
  t.is(ours[head.indexOf('of limit')], '0.25×')
  t.false(cells(rows.map((row) => ({ ...row, limit: 'native' })))[0]?.includes('of limit'), 'it took no part')
})

test('goals are judged by ratio, by other rows and by value', async (t) => {
  const { judge } = await inner<{ judge: (goal: object, rows: object[]) => { met: boolean; found: string } | null }>('report/goals.mjs')
  const rows = [
    { id: 'a', contestant: 'ours', unit: 'µs', better: 'lower', median: 50, ratio_to: { limit: { median: 0.9, low: 0.6, high: 1 } } },
    { id: 'b', contestant: 'ours', unit: 'tx a second', better: 'higher', median: 40, ratio_to: {} },
    { id: 'c', contestant: 'ours', unit: 'tx a second', better: 'higher', median: 100, ratio_to: {} },
  ]
  const ratio = (least: number, low?: number) => judge({ kind: 'ratio', id: 'a', contestant: 'ours', against: 'limit', least, low }, rows)?.met
  t.deepEqual([ratio(0.9), ratio(0.91), ratio(0.8, 0.6), ratio(0.8, 0.7)], [true, false, true, false])
  const part = (least: number) => judge({ kind: 'row', id: 'b', contestant: 'ours', other: 'c', least }, rows)?.met
  t.deepEqual([part(0.4), part(0.41)], [true, false])
  t.is(judge({ kind: 'most', id: 'a', contestant: 'ours', most: 49 }, rows)?.met, false)
  t.is(judge({ kind: 'most', id: 'missing', contestant: 'ours', most: 49 }, rows), null)
})

test('tables and pages hold what was measured, and the README keeps its markers', async (t) => {
  const { withTable, document } = await inner<{ withTable: (text: string, table: string) => string; document: (report: object, plots: object[]) => string }>('report/document.mjs')
  const rows = await measure({
    id: 'mint.packed.1000', unit: 'µs a block',
    contestants: [{ name: 'ours', note: 'as it is', run: () => [1000] }, { name: 'limit', settings: 'none', run: () => [500] }, { name: 'sqlite', run: () => [8000] }],
  })
  const environment = { date: '2026-01-02', commit: 'abc', processor: 'a processor', cores: 2, memoryGiB: 4, system: 's', node: 'v24', v8: '13', rust: 'r', simd: 'x', wasmtime: 'w', peers: {} }
  const page = document({ rows: rows.map((row) => ({ suite: 'chain', ...row })), notes: [], environment, command: 'npm run bench', seconds: 7, quick: false }, [])
  t.regex(page, /^<!-- Generated by `npm run bench -- --write`/)
  t.regex(page, /\| mint a block of 1,000 transfers \| 1\.00 ms \(1\.00M tx\/s\) \| 0\.50× \| 8\.00× sqlite \|/)
  t.regex(page, /### mint\.packed\.1000\n\n\|[^\n]*\n\|[^\n]*\n\| ours \| 1,000 \|/)
  t.regex(page, /- ours: as it is/)
  t.regex(page, /- \*\*limit\*\*: none/)
  const readme = await readFile(join(root, 'README.md'), 'utf8')
  const written = withTable(readme, 'a table')
  t.is(withTable(written, 'a table'), written)
  t.regex(written, /--write`\. -->\na table\n<!-- End/)
  t.throws(() => withTable('nothing', 'a table'), { message: /markers/ })
})

test('mistakes in the options are told before anything is built', async (t) => {
  const { parseOptions } = await inner<{ parseOptions: (args: string[]) => { suites: string[]; rows: string[] | null; command: string } }>('options.mjs')
  t.like(parseOptions(['--suite', 'chain', '--row', 'mint,connect']), { suites: ['chain'], rows: ['mint', 'connect'] })
  t.is(parseOptions(['--json', '/home/somebody/x', '--quick']).command, 'npm run bench -- --quick')
  for (const args of [['--suite', 'none'], ['--accounts', 'many'], ['--contestant', 'X'], ['--unknown'], ['stray']]) t.throws(() => parseOptions(args), undefined, args.join(' '))
  const error = (await run(process.execPath, ['scripts/bench.mjs', '--suite', 'none'], { cwd: root }).catch((failed: unknown) => failed)) as { code: number; stderr: string }
  t.is(error.code, 2)
  t.regex(error.stderr, /There is no suite 'none'/)
})

test('its types name what it exports', async (t) => {
  const types = await readFile(join(root, 'bench', 'harness', 'index.d.ts'), 'utf8')
  const named = [...types.matchAll(/^export (?:function|const|class) (\w+)/gm)].map(([, name]) => name as string)
  t.deepEqual(named.sort(), Object.keys(harness).sort())
})

test("the guide's example runs as it stands there", async (t) => {
  const guide = await readFile(join(root, 'docs', 'benchmarking.md'), 'utf8')
  const code = /^```ts\n([\s\S]*?)^```/m.exec(guide)?.[1] ?? ''
  // Within the package, whose own name the example imports.
  const folder = join(root, 'target', 'bench-test')
  await mkdir(folder, { recursive: true })
  const path = join(folder, 'example.mts')
  await writeFile(path, code)
  const { stdout } = await run(process.execPath, ['--import', 'tsx', path], { cwd: root, timeout: 60_000 })
  t.regex(stdout, /^ours \{[\s\S]*^another \{/m)
})
