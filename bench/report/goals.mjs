// What the rows are meant to reach, and whether they do.
import { number, times } from './format.mjs'

/** Ours at least so many times as fast as another contestant of the row; `low`: also in a slow round. */
const ratio = (id, against, least, low) => ({ kind: 'ratio', id, contestant: 'ours', against, least, low })
/** Ours at least so large a part of what it is in another row. */
const row = (id, other, least) => ({ kind: 'row', id, contestant: 'ours', other, least })
/** No more than so much. */
const most = (id, contestant, value) => ({ kind: 'most', id, contestant, most: value })

/** The same of another way of ours. */
const by = (contestant, goal) => ({ ...goal, contestant })

/** Within so many times of the contestant's time. */
const within = (id, against, factor) => ratio(id, against, 1 / factor)

export const goals = [
  ratio('mint.packed.1000', 'limit', 0.8),
  ratio('mint.objects.1000', 'mint.packed.1000', 0.5),
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
  ...['decode.event', 'decode.input', 'decode.output', 'encode.input'].map((name) => ratio(`driver.${name}`, 'v8', 1, 0.9)),
  ...['ours', 'ours-rust'].flatMap((contestant) => ['version', 'rejected'].map((name) => by(contestant, ratio(`driver.call.${name}`, 'v8', 2)))),
  ratio('driver.load.cached', 'v8', 8),
  ratio('driver.instance.fresh', 'v8', 8),
  ratio('driver.batch.decode', 'v8', 1.8),
  within('driver.batch.delay', 'idle', 5),
  ...['calls', 'loads'].map((what) => most(`driver.memory.${what}`, 'ours', 1)),
  within('rpc.mint.1000', 'in-process', 3),
  ratio('cpp.mint.1000', 'rust', 0.95),
  ...['1M', '1.1M', '3M'].map((size) => most(`memory.per-account.${size}`, 'ours', 200)),
]

/** What a goal wants and what was found, or null where these rows do not have it. */
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
  return judgeRatio(goal, mine)
}

function judgeRatio({ against, least, low }, { ratio_to }) {
  const found = ratio_to[against]
  if (found === undefined) return null
  const wanted = `at least ${times(least)} ${against}${low ? `, in slow rounds ${times(low)}` : ''}`
  return { wanted, found: `${times(found.median)} (${times(found.low)} … ${times(found.high)})`, met: found.median >= least && (!low || found.low >= low) }
}
