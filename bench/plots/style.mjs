// How all plots look: on a card of their own, so that they read the same on a white page and on a dark one.

/** Okabe and Ito's colours, told apart by most eyes, and a shape for those that need one. */
const looks = {
  ours: ['#0072b2', 'circle'],
  'ours, pipelined': ['#56b4e9', 'square'],
  'ours, one sync for all': ['#009e73', 'diamond'],
  limit: ['#5f6773', 'cross'],
  native: ['#5f6773', 'cross'],
  sqlite: ['#d55e00', 'triangle-up'],
  lmdb: ['#cc79a7', 'triangle-down'],
  edr: ['#e69f00', 'triangle-right'],
  ethereumjs: ['#8a5a2b', 'triangle-left'],
  v8: ['#d55e00', 'triangle-up'],
  'v8-workers': ['#cc79a7', 'triangle-down'],
}
const spare = [['#7a4fb5', 'diamond'], ['#3b6e3b', 'square']]

/** Colour and shape scales for these series, in their order. */
export function scales(series) {
  let unknown = 0
  const own = series.map((name) => looks[name] ?? spare[(unknown += 1) % spare.length])
  return {
    color: { domain: series, range: own.map(([colour]) => colour) },
    shape: { domain: series, range: own.map(([, shape]) => shape) },
  }
}

const text = '#22272e'
const quiet = '#57606a'
const font = 'Inter, "Helvetica Neue", Arial, "DejaVu Sans", sans-serif'

export const config = {
  background: '#ffffff',
  padding: 16,
  font,
  title: { anchor: 'start', color: text, fontSize: 16, fontWeight: 600, subtitleColor: quiet, subtitleFontSize: 12, subtitlePadding: 6, offset: 14 },
  axis: { labelColor: quiet, titleColor: text, labelFontSize: 12, titleFontSize: 12, titleFontWeight: 500, titlePadding: 10, gridColor: '#e6e9ed', domainColor: '#9aa4af', tickColor: '#9aa4af', labelPadding: 5, labelFlush: false },
  legend: { labelColor: text, labelFontSize: 12, symbolSize: 110, symbolOpacity: 1, title: null, orient: 'right', offset: 18, rowPadding: 6, labelLimit: 240 },
  view: { stroke: null },
}

/** Room for the axes; the same in all, so that they stand under each other. */
export const size = { width: 560, height: 320 }

/** Powers of ten and what lies between, short: 10k, 1M. */
export const shortNumbers = "datum.value >= 1e6 ? format(datum.value / 1e6, '~g') + 'M' : datum.value >= 1e3 ? format(datum.value / 1e3, '~g') + 'k' : format(datum.value, '~g')"

/** Lengths of time that are given in microseconds: 1 µs, 1 ms, 1 s. */
export const shortTimes = "datum.value >= 1e6 ? format(datum.value / 1e6, '~g') + ' s' : datum.value >= 1e3 ? format(datum.value / 1e3, '~g') + ' ms' : format(datum.value, '~g') + ' µs'"
