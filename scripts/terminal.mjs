// What set-up and tests show: one live line on a terminal, heartbeats in a log. Always on stderr or
// where the caller says, so that a program's own output stays clean.

const colourful = (stream) => stream.isTTY && !process.env.NO_COLOR

const codes = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], cyan: [36, 39] }

/** Text in a colour or weight, where the stream shows them. */
export function paint(style, text, stream = process.stderr) {
  const [on, off] = codes[style]
  return colourful(stream) ? `\u001b[${on}m${text}\u001b[${off}m` : text
}

/** A length of time as a person says it: `0.4 s`, `12 s`, `3 min 05 s`. */
export function duration(milliseconds) {
  const seconds = milliseconds / 1000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 60) return `${Math.round(seconds)} s`
  const whole = Math.round(seconds)
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`
}

/**
 * One step's progress on stderr.
 *
 * On a terminal a single line is redrawn with the time and the step's latest output; elsewhere the
 * start is a line of its own and a heartbeat follows every `heartbeatMs`, so that a log shows life
 * without holding a compiler's every word.
 */
export class Progress {
  #stream = process.stderr
  #label
  #started = performance.now()
  #latest = ''
  #timer

  constructor(label, { heartbeatMs = 20_000 } = {}) {
    this.#label = label
    const live = this.#stream.isTTY
    if (live) this.#draw()
    else this.#stream.write(`${label} …\n`)
    this.#timer = setInterval(() => (live ? this.#draw() : this.#beat()), live ? 100 : heartbeatMs)
    this.#timer.unref()
  }

  /** The step's latest output. */
  note(line) {
    const text = line.trim()
    if (text !== '') this.#latest = text
  }

  /** Ends the step with a word about how it went. */
  end(outcome, style = 'green') {
    clearInterval(this.#timer)
    if (this.#stream.isTTY) this.#stream.write('\r\u001b[2K')
    const time = duration(performance.now() - this.#started)
    this.#stream.write(`${this.#label} ${paint(style, outcome)} ${paint('dim', `(${time})`)}\n`)
  }

  #draw() {
    const time = duration(performance.now() - this.#started)
    const head = `${this.#label} … ${time} `
    const room = Math.max(0, (this.#stream.columns ?? 80) - head.length - 1)
    this.#stream.write(`\r\u001b[2K${head}${paint('dim', this.#latest.slice(0, room))}`)
  }

  #beat() {
    const time = duration(performance.now() - this.#started)
    this.#stream.write(`${this.#label} … ${time}  ${this.#latest.slice(0, 120)}\n`)
  }
}
