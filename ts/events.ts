// Events: an async iterator over the chain's log, from a cursor on, waiting for what comes next.
import { type NativeMetachain } from '#binding'
import { Checks } from './arguments.js'
import { blockOf } from './block.js'
import { type ChainEvent } from './chain-types.js'
import { badChainArgument, call, MetachainError } from './errors.js'

const checks: Checks = new Checks(badChainArgument)

/** Events that are read at one go. */
const readMax = 32

/** Where to begin, and when to stop. */
export interface EventOptions {
  /** Cursor of the last event that was handled; left out: begin with the first event there ever was. */
  from?: string
  /** Ends the iteration with `ABORTED`. */
  signal?: AbortSignal
}

/** Wakes those who wait for events; for when the chain can no longer wake them itself. @internal */
export class Wakers {
  readonly #all = new Set<() => void>()

  add(wake: () => void): () => void {
    this.#all.add(wake)
    return () => this.#all.delete(wake)
  }

  wakeAll(): void {
    for (const wake of this.#all) wake()
  }
}

/** @internal */
export function checkEventOptions(options: EventOptions): void {
  checks.object(options, 'options')
  checks.optional(options.from, (value) => checks.text(value, 'options.from'))
  checks.optional(options.signal, (value) => checks.signal(value, 'options.signal'))
}

/** @internal */
export async function* events(
  native: NativeMetachain,
  wakers: Wakers,
  { from, signal }: EventOptions,
): AsyncIterableIterator<ChainEvent> {
  const position = call(() => native.eventsFrom(from))
  // Set whenever something may have happened, so that nothing between a look and a wait is missed.
  let woken = true
  let wake = (): void => {}
  const ring = (): void => {
    woken = true
    wake()
  }
  // What was registered before a later registration failed must go too.
  const registered: (() => void)[] = []
  try {
    const number = call(() => native.onEvents(ring))
    registered.push(() => call(() => native.removeEventListener(number)))
    const fatal = call(() => native.onFatal(ring))
    registered.push(() => call(() => native.removeFatalListener(fatal)))
    registered.push(wakers.add(ring))
    signal?.addEventListener('abort', ring)
    registered.push(() => signal?.removeEventListener('abort', ring))
    for (;;) {
      throwIfAborted(signal)
      woken = false
      const found = call(() => native.events(position, readMax))
      for (const event of found) {
        yield { cursor: event.cursor, type: event.disconnected ? 'disconnected' : 'connected', block: blockOf(event.block) }
        throwIfAborted(signal)
      }
      if (found.length === 0 && !woken) await staying(new Promise<void>((resolve) => (wake = resolve)))
    }
  } finally {
    for (const remove of registered) remove()
  }
}

/** Keeps the process alive while somebody waits; an iterator that was left half way does not. */
async function staying(waited: Promise<void>): Promise<void> {
  const alive = setInterval(() => {}, 2 ** 30)
  try {
    await waited
  } finally {
    clearInterval(alive)
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new MetachainError('ABORTED', 'reading events was aborted', { cause: signal.reason })
}
