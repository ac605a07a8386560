// The two kinds of plots: lines over a logarithmic axis, and pairs of points on a line of time.
import { config, scales, shortNumbers, shortTimes, size } from './style.mjs'

const schema = 'https://vega.github.io/schema/vega-lite/v6.json'
const seriesOf = (values) => [...new Set(values.map(({ series }) => series))]

/** Ticks at powers of ten alone: with those between them the labels would run into each other. */
const powers = (values) => {
  const [least, most] = [Math.min(...values), Math.max(...values)]
  const first = Math.floor(Math.log10(least))
  return Array.from({ length: Math.ceil(Math.log10(most)) - first + 1 }, (_, at) => 10 ** (first + at))
}

/**
 * A line for each series with the spread of rounds at every point, or null where there are no two points to join.
 *
 * `whole`: the horizontal axis counts (1, 2, 3) instead of multiplying.
 */
export function lines(values, { title, subtitle, x: [x, xTitle], y: [y, yTitle], logY = false, whole = false }) {
  const places = [...new Set(values.map((value) => value[x]))].sort((a, b) => a - b)
  if (places.length < 2) return null
  const { color, shape } = scales(seriesOf(values))
  const ticks = powers(values.flatMap(({ low, high }) => [low, high]))
  const vertical = logY
    ? { scale: { type: 'log', domain: [ticks[0], ticks.at(-1)], nice: false }, axis: { values: ticks, labelExpr: shortNumbers } }
    : { scale: { zero: true }, axis: { labelExpr: shortNumbers, tickCount: 6 } }
  const encoding = {
    x: { field: x, type: 'quantitative', title: xTitle, scale: { type: whole ? 'linear' : 'log', domain: [places[0], places.at(-1)], nice: false, padding: 16, ...(whole ? { zero: false } : {}) }, axis: { values: places, labelExpr: shortNumbers, grid: false } },
    color: { field: 'series', type: 'nominal', scale: color },
  }
  return {
    $schema: schema, config, ...size, title: { text: title, subtitle }, data: { values },
    encoding,
    layer: [
      { mark: { type: 'rule', opacity: 0.35, strokeWidth: 3 }, encoding: { y: { field: 'low', type: 'quantitative', title: yTitle, ...vertical }, y2: { field: 'high' } } },
      { mark: { type: 'line', strokeWidth: 2 }, encoding: { y: { field: y, type: 'quantitative', ...vertical }, strokeDash: { condition: { test: "datum.series === 'limit' || datum.series === 'native'", value: [5, 4] }, value: [1, 0] } } },
      { mark: { type: 'point', filled: true, size: 70, opacity: 1 }, encoding: { y: { field: y, type: 'quantitative', ...vertical }, shape: { field: 'series', type: 'nominal', scale: shape } } },
    ],
  }
}

/** For each row the contestants below each other, a filled point at half and a hollow one at 99 of 100; or null. */
export function dumbbells(values, { title, subtitle }) {
  if (values.length === 0) return null
  const { color } = scales(seriesOf(values))
  const rows = [...new Set(values.map(({ row }) => row))]
  const ticks = powers(values.flatMap(({ p50, p99 }) => [p50, p99]))
  const scale = { type: 'log', domain: [ticks[0], ticks.at(-1)], nice: false }
  const axis = { values: ticks, labelExpr: shortTimes, grid: true }
  const x = (field) => ({ field, type: 'quantitative', title: null, scale, axis })
  return {
    $schema: schema, config, width: size.width, height: { step: 13 }, title: { text: title, subtitle }, data: { values },
    encoding: {
      y: { field: 'row', type: 'nominal', title: null, sort: rows, scale: { paddingInner: 0.35 }, axis: { labelLimit: 220, domain: false, ticks: false, grid: false } },
      yOffset: { field: 'series', type: 'nominal', sort: seriesOf(values) },
      color: { field: 'series', type: 'nominal', scale: color },
    },
    layer: [
      { mark: { type: 'rule', strokeWidth: 2, opacity: 0.5 }, encoding: { x: x('p50'), x2: { field: 'p99' } } },
      { mark: { type: 'point', filled: true, size: 60, opacity: 1 }, encoding: { x: x('p50') } },
      { mark: { type: 'point', filled: false, fill: 'white', size: 50, strokeWidth: 2, opacity: 1 }, encoding: { x: x('p99') } },
    ],
  }
}
