// Live progress on stderr: a bar on a terminal, now and then a line elsewhere.

const BAR_WIDTH = 24
const REDRAW_MS = 80
const LINE_EVERY_MS = 2_000

/** A whole number with thousands separated. */
export const grouped = (value: number | bigint): string => value.toString().replace(/\B(?=(\d{3})+$)/g, ',')

/** A rate with as many digits as it deserves. */
export const rate = (value: number): string => (value >= 100 ? grouped(Math.round(value)) : value.toFixed(1))

export class Progress {
  readonly #stream = process.stderr
  readonly #shown: boolean
  readonly #started = performance.now()
  #drawn = 0
  #open = false

  constructor(shown: boolean) {
    this.#shown = shown
  }

  /** How far the run is; `fraction` from 0 to 1, `facts` the rest of the line. */
  update(fraction: number, facts: () => string): void {
    if (!this.#shown) return
    const now = performance.now()
    if (now - this.#drawn < (this.#stream.isTTY ? REDRAW_MS : LINE_EVERY_MS) && fraction < 1) return
    this.#drawn = now
    const percent = `${Math.floor(fraction * 100)}%`.padStart(4)
    const seconds = (now - this.#started) / 1000
    const left = fraction > 0.02 && fraction < 1 ? `, about ${Math.ceil((seconds / fraction) * (1 - fraction))} s left` : ''
    if (!this.#stream.isTTY) {
      this.#stream.write(`${percent}  ${facts()}${left}\n`)
      return
    }
    const full = Math.round(fraction * BAR_WIDTH)
    const line = `${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)} ${percent}  ${facts()}${left}`
    this.#stream.write(`\r\u001b[2K${line.slice(0, (this.#stream.columns ?? 80) - 1)}`)
    this.#open = true
  }

  /** A line of its own about something that happened. */
  say(text: string): void {
    if (!this.#shown) return
    // In the place of the bar, which the next update draws below.
    this.#stream.write(`${this.#open ? '\r\u001b[2K' : ''}${text}\n`)
    this.#open = false
    this.#drawn = 0
  }

  /** Leaves the bar where it is and goes to a new line. */
  end(): void {
    if (this.#open) this.#stream.write('\n')
    this.#open = false
  }
}
