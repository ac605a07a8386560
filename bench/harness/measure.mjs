// Runs contestants turn by turn, so that whatever else the machine does meets all of them alike.
import { mean, quantile, spread } from './statistics.mjs'

/** Fewest rounds of a measurement. */
export const roundsLeast = 7

/** Samples kept for the distribution of one contestant; more would only cost memory. */
const samplesMax = 20_000

/**
 * Contestants in another order each round: everybody comes equally often in every place, and equally often after
 * each other one, for whoever runs before leaves caches and a disk behind (a Williams design; an odd number of
 * contestants needs twice as many rounds for it as there are contestants).
 */
export function rotated(list, round) {
  const count = list.length
  const zigzag = (place) => (place % 2 === 1 ? (place + 1) / 2 : count - place / 2)
  const turned = list.map((_, place) => list[(zigzag(place) + round) % count])
  return Math.floor(round / count) % 2 === 0 ? turned : turned.reverse()
}

/**
 * Measures contestants against each other: every one once a round, in a rotated order, after `warmup` rounds
 * that do not count. Garbage of what ran before is collected first where Node runs with `--expose-gc`.
 *
 * A contestant has a `name`, a `run` that gives one number for each thing it did, in `unit`, and, as it likes, a
 * `prepare` that runs before it unmeasured, `ids`: the rows that it belongs to (default: `id` alone), and what its rows
 * shall say: a `note`, its `settings`, the `threads` it uses.
 * Rounds beyond `roundsLeast` are left out once `seconds` are over. The first `settle` numbers of a turn, in which it
 * fills the caches that others have used, do not count where a turn gives more than twice as many.
 *
 * Gives rows: for each contestant the median of its rounds, their spread, the distribution of single numbers, and
 * its speed as a multiple of the others', round by round: of those in the same row by their name, and of those
 * with its own name in other rows by the row's.
 */
export async function measure({ id, unit, better = 'lower', rounds = roundsLeast, seconds = Infinity, warmup = 1, settle = 0, contestants, progress = () => {} }) {
  const taken = new Map(contestants.map((contestant) => [contestant, { rounds: [], samples: [] }]))
  const end = performance.now() + seconds * 1000
  for (let round = -warmup; round < rounds; round += 1) {
    if (round >= roundsLeast && performance.now() > end) break
    for (const contestant of rotated(contestants, round + warmup)) {
      progress(`${id}: ${round < 0 ? 'warm-up' : `round ${round + 1} of ${rounds}`}, ${contestant.name}`)
      await contestant.prepare?.()
      globalThis.gc?.()
      const all = await contestant.run()
      if (round < 0) continue
      const samples = all.length > settle * 2 ? all.slice(settle) : all
      const of = taken.get(contestant)
      of.rounds.push(mean(samples))
      if (of.samples.length < samplesMax) of.samples.push(...samples)
    }
  }
  return rowsOf(taken, { id, unit, better })
}

function rowsOf(taken, { id, unit, better }) {
  const idsOf = (contestant) => contestant.ids ?? [id]
  const ids = [...new Set([...taken.keys()].flatMap(idsOf))]
  return ids.flatMap((own) =>
    [...taken].filter(([contestant]) => idsOf(contestant).includes(own)).map(([contestant, { rounds, samples }]) => {
      const row = { id: own, contestant: contestant.name, unit, better, ...spread(rounds), p10: quantile(samples, 0.1), p50: quantile(samples, 0.5), p99: quantile(samples, 0.99), rounds: rounds.length, ratio_to: {} }
      for (const say of ['note', 'settings', 'threads']) if (contestant[say] !== undefined) row[say] = contestant[say]
      for (const [other, { rounds: others }] of taken) {
        if (other === contestant) continue
        const key = idsOf(other).includes(own) ? other.name : other.name === contestant.name ? idsOf(other)[0] : null
        if (key !== null) row.ratio_to[key] = spread(rounds.map((value, round) => (better === 'lower' ? others[round] / value : value / others[round])))
      }
      return row
    }),
  )
}

/** Runs `work` and gives the microseconds it took. */
export function timed(work) {
  const start = performance.now()
  work()
  return (performance.now() - start) * 1000
}

/** As `timed`, for work that is over when its promise is settled. */
export async function timedAsync(work) {
  const start = performance.now()
  await work()
  return (performance.now() - start) * 1000
}
