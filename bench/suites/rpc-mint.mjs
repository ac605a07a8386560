// Rows of the other two bindings, minting the same transactions: what a mint over JSON-RPC costs the server beside
// a mint in process, and what a native node written in C++ pays beside a program written in Rust.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { costProgram, mintProgram } from '../paths.mjs'

/** Mints in a round: above the clock's and the scheduler's grain, and soon over. */
const mintsOf = { 1: 2_000, 100: 400, 1000: 100, 10_000: 10 }

export async function run({ sizes, directory, measure }) {
  mkdirSync(directory, { recursive: true })
  for (const txs of sizes) {
    const file = join(directory, `${txs}.tsv`)
    writeFileSync(file, transactions(txs))
    const rust = new Program(costProgram, file)
    try {
      const hashes = [await rust.ask('hash'), await alone(mintProgram, file, 'hash')]
      if (hashes[0] !== hashes[1]) throw new Error(`C++ mints ${hashes[1]}, Rust ${hashes[0]}: they did not do the same`)
      const asked = (question) => () => rust.ask(`${question} ${mintsOf[txs]}`)
      await measure({
        id: `rpc.mint.${txs}`,
        unit: 'µs of processor time',
        contestants: [
          { name: 'ours', note: "the server's threads: HTTP, JSON, hex, the mint and its answer; a client of this machine, one connection", run: asked('served') },
          { name: 'in-process', note: 'Rust: the same values as text, parsed and minted', run: asked('inside') },
        ],
      })
    } finally {
      await rust.close()
    }
    const timed = (program) => () => alone(program, file, `timed ${mintsOf[txs]}`)
    await measure({
      id: `cpp.mint.${txs}`,
      unit: 'µs a block',
      contestants: [
        { name: 'ours', note: 'C++: mint_block of a vector of DmcTx', run: timed(mintProgram) },
        { name: 'rust', note: 'Rust: the same values as text, parsed and minted', run: timed(costProgram) },
      ],
    })
  }
}

/**
 * The answer of a program that was asked nothing before: where its memory came to lie, and what its allocator
 * learnt from other questions, is worth more than what the two languages differ by.
 */
async function alone(path, file, question) {
  const program = new Program(path, file)
  try {
    return await program.ask(question)
  } finally {
    await program.close()
  }
}

/** Deposits to accounts of their own, one a line: from, to, base units, txid. */
function transactions(count) {
  const line = (number) => {
    const id = createHash('sha256').update(`deposit ${number}`).digest('hex')
    return `bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080\t0x${id.slice(0, 40)}\t${100_000_000 + number}\t${id}\n`
  }
  return Array.from({ length: count }, (_, number) => line(number)).join('')
}

/** A program that answers each line with one of JSON. */
class Program {
  #child
  #lines

  constructor(path, file) {
    this.#child = spawn(path, [file], { stdio: ['pipe', 'pipe', 'inherit'] })
    // Its end is noticed by the missing answer.
    this.#child.stdin.on('error', () => {})
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
    this.path = path
  }

  async ask(question) {
    this.#child.stdin.write(`${question}\n`)
    const { value, done } = await this.#lines.next()
    if (done) throw new Error(`${this.path} ended before it answered '${question}'`)
    return JSON.parse(value)
  }

  async close() {
    const { exitCode, signalCode } = this.#child
    if (exitCode !== null || signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.stdin.end()
    await ended
  }
}
