// The plots of a report, as SVG and as pictures.
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bench } from '../paths.mjs'
import { building, cores, latencies, scaling, throughput } from './points.mjs'
import { dumbbells, lines } from './shapes.mjs'

/** Rows of a family, not their variants, and whom of them a plot shows. */
const among = (family, contestants) => (row) => family.test(row.id) && row.id.split('.').length === 3 && contestants.includes(row.contestant)
const steady = among(/^connect\.block\./, ['ours', 'limit', 'sqlite', 'lmdb'])
const driving = among(/^driver\.(call|decode|encode|instance)\./, ['ours', 'v8', 'native'])

/** Every plot: its file, what it says to those who cannot see it, and how it is made of the rows. */
const plots = [
  {
    name: 'throughput',
    alt: 'Transactions a second by transactions in a block, each block durable',
    draw: (rows) => lines(throughput(rows), { title: 'Connecting blocks', subtitle: 'Executed, checked and on disk; the bar is the spread of rounds', x: ['txs', 'transactions in a block'], y: ['rate', 'transactions a second'], logY: true }),
  },
  {
    name: 'scaling',
    alt: 'Transactions a second by accounts, blocks of 1,000 transactions',
    draw: (rows) => lines(scaling(rows), { title: 'More accounts', subtitle: 'Blocks of 1,000 random transfers, state root included, each block durable', x: ['accounts', 'accounts'], y: ['rate', 'transactions a second'], logY: true }),
  },
  {
    name: 'building',
    alt: 'Transactions a second of building blocks in memory, beside two EVMs',
    draw: (rows) => lines(building(rows), { title: 'Building blocks in memory', subtitle: 'Simple transfers; the EVMs do more: execution, gas, nonces, receipts', x: ['txs', 'transactions in a block'], y: ['rate', 'transactions a second'], logY: true }),
  },
  {
    name: 'cores',
    alt: 'Events decoded a second by threads',
    draw: (rows) => lines(cores(rows), { title: 'More cores', subtitle: 'Events of the stake contract, decoded in batches', x: ['threads', 'threads'], y: ['rate', 'events a second'], whole: true }),
  },
  {
    name: 'latency-connect',
    alt: 'Half and 99 of 100 blocks were durable within this time',
    draw: (rows) => dumbbells(latencies(rows, steady), { title: 'Time until a block is durable', subtitle: 'Filled: half of all blocks; hollow: 99 of 100' }),
  },
  {
    name: 'latency-driver',
    alt: 'Half and 99 of 100 calls of a data driver took no longer than this',
    draw: (rows) => dumbbells(latencies(rows, driving), { title: 'Time of a call of a data driver', subtitle: 'Over all calls of a kind. Filled: half of them; hollow: 99 of 100' }),
  },
]

/** The plots that these rows have points for: `[{ name, alt, svg }]`. */
export async function draw(rows) {
  // The peers' folder has what draws, and this module may run where it is not looked for.
  const load = (name) => import(pathToFileURL(createRequire(join(bench, 'package.json')).resolve(name)).href)
  const [vega, vegaLite] = await Promise.all(['vega', 'vega-lite'].map(load))
  const drawn = []
  for (const { name, alt, draw: specify } of plots) {
    const spec = specify(rows)
    if (spec === null) continue
    const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), { renderer: 'none' })
    drawn.push({ name, alt, svg: `${await view.toSVG()}\n` })
    view.finalize()
  }
  return drawn
}

/** Writes them as SVG, and as PNG too where `pictures` is set; gives the paths. */
export function writePlots(folder, drawn, { pictures = false } = {}) {
  mkdirSync(folder, { recursive: true })
  return drawn.flatMap(({ name, svg }) => {
    const path = join(folder, `${name}.svg`)
    writeFileSync(path, svg)
    if (!pictures) return [path]
    const { Resvg } = createRequire(join(bench, 'package.json'))('@resvg/resvg-js')
    const picture = join(folder, `${name}.png`)
    writeFileSync(picture, new Resvg(svg, { fitTo: { mode: 'zoom', value: 2 }, font: { defaultFontFamily: 'DejaVu Sans' } }).render().asPng())
    return [path, picture]
  })
}
