// Numbers as people read them.

/** Three digits that count, thousands apart. */
export function number(value) {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size >= 1000) return Math.round(value).toLocaleString('en-US')
  if (size >= 100) return value.toFixed(0)
  if (size >= 10) return value.toFixed(1)
  return size >= 0.1 || size === 0 ? value.toFixed(2) : value.toPrecision(2)
}

/** How many times as fast. */
export const times = (value) => (Number.isFinite(value) ? `${number(value)}×` : '–')

/** Large counts short: 1.25M, 180k. */
export function count(value) {
  if (value >= 1e6) return `${number(value / 1e6)}M`
  return value >= 1e4 ? `${number(value / 1e3)}k` : number(value)
}

/** A length of time in the unit that suits it. */
export function time(micros) {
  const [size, unit] = micros >= 1e6 ? [1e6, 's'] : micros >= 1e3 ? [1e3, 'ms'] : micros >= 1 ? [1, 'µs'] : [1e-3, 'ns']
  return `${number(micros / size)} ${unit}`
}
