// Medians and spreads: what rounds of a measurement come to.

/** The value below which a share of the sorted values lies, between neighbours by their distance. */
export function quantile(values, share) {
  const sorted = Float64Array.from(values).sort()
  if (sorted.length === 0) return NaN
  const at = (sorted.length - 1) * share
  const below = Math.floor(at)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below)
}

export const median = (values) => quantile(values, 0.5)

/** The median of the rounds, and the values that a tenth of them lie below and above. */
export function spread(values) {
  return { median: median(values), low: quantile(values, 0.1), high: quantile(values, 0.9) }
}

export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length

/** The mean of ratios: neither a contestant nor its inverse is favoured. */
export const geometricMean = (values) => Math.exp(mean(values.map(Math.log)))
