// Numbers as people read them.

/** Three digits that count, thousands apart. */
export function number(value) {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size >= 1000) return Math.round(value).toLocaleString('en-US')
  if (size >= 100) return value.toFixed(0)
  if (size >= 10) return value.toFixed(1)
  return size >= 1 || size === 0 ? value.toFixed(2) : value.toPrecision(2)
}

/** How many times as fast. */
export const times = (value) => (Number.isFinite(value) ? `${number(value)}×` : '–')
