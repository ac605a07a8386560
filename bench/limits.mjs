// Every row of ours stands beside what its work costs at least: who shows that in which rows, and whether he is there.
import { asked } from './suites/index.mjs'

/** The contestant that shows a row's limit, as its group names it: `families` is the group's `rows`. */
export const limitOf = (families, id) => Object.entries(families).find(([family]) => asked([family], id))?.[1]

/** Of `[{ id, contestant }]`, the rows of ours whose limit takes no part. */
export function withoutLimit(families, rows) {
  const part = (id, name) => rows.some((row) => row.id === id && row.contestant === name)
  const ours = rows.filter(({ contestant }) => contestant === 'ours').map(({ id }) => id)
  return [...new Set(ours)].filter((id) => !part(id, limitOf(families, id)))
}

/** The rows, each with the name of its limit, if that takes part. */
export function withLimits(families, rows) {
  const lacking = new Set(withoutLimit(families, rows))
  return rows.map((row) => (lacking.has(row.id) ? row : { ...row, limit: limitOf(families, row.id) }))
}
