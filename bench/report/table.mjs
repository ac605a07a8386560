// Rows as tables: one for each measurement, and one of the goals.
import { paint } from '../../scripts/terminal.mjs'
import { goals, judge } from './goals.mjs'
import { number, times } from './format.mjs'

/** Who shows what the work of these rows, which are one measurement's, costs at least: its group says so, or the name. */
export const limitOf = (rows) => [rows[0].limit, 'limit', 'native'].find((name) => rows.some(({ contestant }) => contestant === name))

/** Rows of one measurement as cells, the heading first. */
export function cells(rows) {
  const limit = limitOf(rows)
  const tail = rows.some((row) => Number.isFinite(row.p99) && row.better === 'lower')
  const ours = rows.length > 1 && rows.some(({ contestant }) => contestant === 'ours')
  const head = ['', `median, ${rows[0].unit}`, 'spread', ...(tail ? ['99% within'] : []), ...(ours ? ['ours is'] : []), ...(limit ? ['of limit'] : [])]
  const body = rows.map((row) => [
    row.contestant,
    number(row.median),
    `${number(row.low)} … ${number(row.high)}`,
    ...(tail ? [number(row.p99)] : []),
    ...(ours ? [row.ratio_to.ours ? times(1 / row.ratio_to.ours.median) : ''] : []),
    ...(limit ? [row.ratio_to[limit] ? times(row.ratio_to[limit].median) : ''] : []),
  ])
  return [head, ...body]
}

/** Rows by the measurement they belong to, in order. */
export function byId(rows) {
  const groups = new Map()
  for (const row of rows) groups.set(row.id, [...(groups.get(row.id) ?? []), row])
  return groups
}

const aligned = (table) => {
  const widths = table[0].map((_, column) => Math.max(...table.map((line) => line[column].length)))
  return table.map((line) => line.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join('  '))
}

/** Who did what, each only once in a run: `told` remembers. */
function* remarks(rows, told) {
  for (const { contestant, note, settings } of rows) {
    const text = [note, settings].filter((part) => part !== undefined).join('; ')
    if (text === '' || told.has(contestant + text)) continue
    told.add(contestant + text)
    yield `  ${contestant}: ${text}`
  }
}

/** For a terminal. */
export function rowTables(rows, told = new Set()) {
  const dim = (line) => paint('dim', line, process.stdout)
  const blocks = [...byId(rows)].map(([id, group]) => {
    const [head, ...body] = aligned(cells(group))
    return [paint('bold', id, process.stdout), dim(`  ${head}`), ...body.map((line) => `  ${line}`), ...[...remarks(group, told)].map(dim)].join('\n')
  })
  return blocks.join('\n\n') + '\n'
}

/** For a document. */
export function markdown(table) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  const [head, ...body] = table
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '---:'))), ...body.map(line)].join('\n')
}

/** The goals that these rows allow to judge, as cells; empty where there are none. */
export function goalCells(rows) {
  const judged = goals.map((goal) => ({ goal, result: judge(goal, rows) })).filter(({ result }) => result !== null)
  if (judged.length === 0) return []
  return [['row', 'goal', 'measured', ''], ...judged.map(({ goal, result }) => [goal.contestant === 'ours' ? goal.id : `${goal.id} ${goal.contestant}`, result.wanted, result.found, result.met ? 'met' : 'missed'])]
}

/** For a terminal. */
export function goalsTable(rows) {
  const table = goalCells(rows)
  if (table.length === 0) return null
  const widths = table[0].map((_, column) => Math.max(...table.map((line) => line[column].length)))
  const lines = table.map((line) => line.map((cell, column) => cell.padEnd(widths[column])).join('  '))
  const colour = (line, at) => (at === 0 ? paint('bold', line, process.stdout) : paint(table[at].at(-1) === 'met' ? 'green' : 'red', line, process.stdout))
  return `${lines.map(colour).join('\n')}\n`
}
