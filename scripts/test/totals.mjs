// Reads how many tests a runner ran from what it printed.

const sum = (lines, pattern) =>
  lines.reduce((total, line) => {
    const found = pattern.exec(line)
    return total + (found ? Number(found[1].replaceAll(',', '')) : 0)
  }, 0)

/** `cargo test`: one result line for each binary. */
function cargoTest(lines) {
  const results = lines.filter((line) => /^test result: /.test(line))
  return { passed: sum(results, /(\d+) passed/), failed: sum(results, /(\d+) failed/), skipped: sum(results, /(\d+) ignored/) }
}

/** `cargo nextest`: one summary for all binaries. */
function nextest(lines) {
  const results = lines.filter((line) => /^\s*Summary \[/.test(line))
  return {
    passed: sum(results, /(\d+) passed/),
    failed: sum(results, /(\d+) failed/) + sum(results, /(\d+) timed out/),
    skipped: sum(results, /(\d+) skipped/),
  }
}

/** ava's default reporter: a line for each outcome at the end, but none for what passed where something failed. */
function ava(lines) {
  const end = lines.slice(-60)
  return {
    passed: sum(end, /^\s*([\d,]+) tests? passed/) || lines.filter((line) => /^\s*✔ /.test(line)).length,
    failed: sum(end, /^\s*([\d,]+) tests? failed/) + sum(end, /^\s*(\d+) uncaught exceptions?/) + sum(end, /^\s*(\d+) unhandled rejections?/),
    skipped: sum(end, /^\s*([\d,]+) tests? (?:skipped|todo)/),
  }
}

/** A script of ours that counts tests of several kinds: its closing line. */
function several(lines) {
  const end = lines.filter((line) => /^\d+ passed, \d+ failed/.test(line)).slice(-1)
  return { passed: sum(end, /(\d+) passed/), failed: sum(end, /(\d+) failed/), skipped: sum(end, /(\d+) skipped/) }
}

const readers = { cargoTest, nextest, ava, several }

/**
 * The totals of one run. A runner that failed without a failed test, or that ran no test at all,
 * counts as one failure: neither may pass unseen.
 */
export function totals(reader, lines, code) {
  const read = readers[reader](lines)
  if (code !== 0 && read.failed === 0) return { ...read, failed: 1 }
  if (code === 0 && read.passed === 0) return { ...read, failed: read.failed + 1 }
  return read
}
