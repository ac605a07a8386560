// A worker of v8-workers.mjs: decodes the events of a message with an instance of its own.
import { parentPort, workerData } from 'node:worker_threads'
import { V8Driver } from './v8-driver.mjs'

const driver = new V8Driver(workerData)

parentPort.on('message', ({ names, data, ends }) => {
  const answers = []
  const errors = {}
  let at = 0
  for (const [index, end] of ends.entries()) {
    try {
      answers.push(Buffer.from(driver.decodeEventJson(names[index], data.subarray(at, end))))
    } catch (error) {
      answers.push(Buffer.alloc(0))
      errors[index] = error.message
    }
    at = end
  }
  let size = 0
  const sizes = answers.map((answer) => (size += answer.length))
  const texts = new Uint8Array(size)
  for (const [index, answer] of answers.entries()) texts.set(answer, sizes[index] - answer.length)
  parentPort.postMessage({ texts, ends: sizes, errors }, [texts.buffer])
})
parentPort.postMessage('ready')
