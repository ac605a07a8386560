// What the rows are meant to reach, and whether they do.
import { number, times } from './format.mjs'

/** Ours at least so many times as fast as another contestant of the row; `low`: also in a slow round. */
const ratio = (id, against, least, low) => ({ kind: 'ratio', id, contestant: 'ours', against, least, low })
/** Ours at least so large a part of what it is in another row. */
const row = (id, other, least) => ({ kind: 'row', id, contestant: 'ours', other, least })
/** No more than so much. */
const most = (id, contestant, value) => ({ kind: 'most', id, contestant, most: value })

/** Within so many times of the contestant's time. */
const within = (id, against, factor) => ratio(id, against, 1 / factor)


export const goals = [
  ratio('mint.packed.1000', 'limit', 0.8),
  ratio('mint.objects.1000', 'ours-packed', 0.5),
  ratio('connect.block.1', 'limit', 0.6),
  ratio('connect.block.1000', 'limit', 0.85),
  ratio('connect.block.10000', 'limit', 0.85),
  ratio('connect.pipelined.1000', 'limit', 1),
  ratio('connect.block.1', 'sqlite', 1),
  ratio('connect.block.1', 'lmdb', 1),
  ratio('connect.block.1000', 'sqlite', 8),
  ratio('connect.block.1000', 'lmdb', 8),
  within('disconnect.1000', 'ours-connect', 1.2),
  row('scale.10M', 'scale.1M', 0.45),
  ...['clean', 'killed'].flatMap((how) => ['1M', '10M'].map((size) => within(`open.${how}.${size}`, 'limit', 2))),
  ...['1M', '1.1M', '3M'].map((size) => most(`memory.per-account.${size}`, 'ours', 200)),
]

/**
 * What a goal wants and what was found, or null where these rows do not have it. A goal of `each` holds for
 * every row whose name begins with its own; the worst one is shown.
 */
export function judge(goal, rows) {
  const found = (id) => rows.find((row) => row.id === id && row.contestant === goal.contestant)
  const mine = found(goal.id)
  if (mine === undefined) return null
  if (goal.kind === 'most') return { wanted: `at most ${number(goal.most)} ${mine.unit}`, found: number(mine.median), met: mine.median <= goal.most }
  if (goal.kind === 'row') {
    const other = found(goal.other)
    if (other === undefined) return null
    const part = mine.better === 'higher' ? mine.median / other.median : other.median / mine.median
    return { wanted: `at least ${times(goal.least)} ${goal.other}`, found: times(part), met: part >= goal.least }
  }
  return judgeRatio(goal, mine, rows)
}

function judgeRatio(goal, mine, rows) {
  const ids = goal.each ? rows.filter((row) => row.contestant === goal.contestant && row.id.startsWith(`${goal.id}.`)) : []
  const ratios = [mine, ...ids].flatMap((row) => (row.ratio_to[goal.against] ? [{ id: row.id, ...row.ratio_to[goal.against] }] : []))
  if (ratios.length === 0) return null
  const wanted = `at least ${times(goal.least)} ${goal.against}${goal.low ? `, in slow rounds ${times(goal.low)}` : ''}${goal.each ? ', each' : ''}`
  const worst = ratios.reduce((a, b) => (b.median < a.median ? b : a))
  const slow = Math.min(...ratios.map(({ low }) => low))
  const spoken = goal.low ? `${times(worst.median)} (${worst.id.slice(goal.id.length + 1) || 'all'}), slow ${times(slow)}` : `${times(worst.median)} (${times(worst.low)} … ${times(worst.high)})`
  return { wanted, found: spoken, met: worst.median >= goal.least && (!goal.low || slow >= goal.low) }
}
