// Drivers run by V8 on all cores: one worker for each, chunks of packed columns to it and back by transfer.
import { Worker } from 'node:worker_threads'

/** Items of a message: few enough that the workers end together, enough that a message costs little. */
const chunkItems = 512
/** Messages that a worker has before it, so that it never waits for the next. */
const underWay = 2

export class V8Workers {
  #workers

  /** The module is compiled once; workers share its code. */
  static async start(module, threads) {
    const workers = Array.from({ length: threads }, () => new Worker(new URL('./v8-worker.mjs', import.meta.url), { workerData: module }))
    await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))))
    return new V8Workers(workers)
  }

  constructor(workers) {
    this.#workers = workers.map((worker) => ({ worker, waiting: [] }))
    for (const { worker, waiting } of this.#workers) worker.on('message', (answer) => waiting.shift()(answer))
  }

  /** Decodes events: `{ value }` or `{ error }` for each, in order. */
  async decodeEvents(items) {
    const results = new Array(items.length)
    let next = 0
    const lane = async (slot) => {
      while (next < items.length) {
        const start = next
        next = Math.min(items.length, next + chunkItems)
        unpack(await ask(slot, pack(items, start, next)), results, start)
      }
    }
    await Promise.all(this.#workers.flatMap((slot) => Array.from({ length: underWay }, () => lane(slot))))
    return results
  }

  async close() {
    await Promise.all(this.#workers.map(({ worker }) => worker.terminate()))
  }
}

const ask = ({ worker, waiting }, message) =>
  new Promise((resolve) => {
    waiting.push(resolve)
    worker.postMessage(message, [message.data.buffer])
  })

function pack(items, start, end) {
  const names = []
  const ends = []
  let size = 0
  for (let index = start; index < end; index += 1) {
    names.push(items[index].name)
    size += items[index].data.length
    ends.push(size)
  }
  const data = new Uint8Array(size)
  for (let index = start, at = 0; index < end; index += 1) {
    data.set(items[index].data, at)
    at += items[index].data.length
  }
  return { names, data, ends }
}

function unpack({ texts, ends, errors }, results, start) {
  const all = Buffer.from(texts.buffer, texts.byteOffset, texts.length)
  let at = 0
  for (const [index, end] of ends.entries()) {
    results[start + index] = errors[index] === undefined ? { value: JSON.parse(all.toString('utf8', at, end)) } : { error: new Error(errors[index]) }
    at = end
  }
}
