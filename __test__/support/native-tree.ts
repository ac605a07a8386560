// A native chain with branches, made once, and what must be in a store that stands at any block of it.
import { writeFile } from 'node:fs/promises'
import { type Genesis, Metachain, type MetaTransaction, type NativeBlock, type NativeSource } from 'libmetachain'
import { metaText } from './addresses.js'
import { carry, deposit, firstNative, genesis as ordinary, hash, hex, next, transfer, withdrawal } from './native.js'
import { read } from './payload-layout.js'
import { Random } from './random.js'
import { ReferenceLedger } from './reference-ledger.js'

export interface TreeBlock {
  /** The place of the block below in the list; -1 for the first. */
  parent: number
  native: NativeBlock
  txRoot: Uint8Array
}

const accounts = Array.from({ length: 16 }, (_, at) => metaText(hash(`account ${at}`).subarray(0, 20)))

export class NativeTree {
  readonly genesis: Genesis = { ...ordinary, nativeStart: firstNative }
  readonly blocks: TreeBlock[] = []

  /** A main line of `length` blocks; at each `every`th a branch of `branch` blocks parts from it. */
  static async grow(random: Random, { length, every, branch }: { length: number; every: number; branch: number }): Promise<NativeTree> {
    const tree = new NativeTree()
    const chain = await Metachain.open({ genesis: tree.genesis })
    let main = -1
    for (let height = 1; height <= length; height += 1) {
      if (height % every === 0) {
        let side = main
        for (let count = 0; count < branch; count += 1) side = await tree.#mine(chain, random, side, `branch ${height}`)
        for (let count = 0; count < branch; count += 1) await chain.disconnectBlock(chain.tip.nativeHash as Uint8Array)
      }
      main = await tree.#mine(chain, random, main, '')
    }
    await chain.close()
    return tree
  }

  async #mine(chain: Metachain, random: Random, parent: number, branch: string): Promise<number> {
    const given = Array.from({ length: random.below(12) }, (): MetaTransaction => {
      const [from, to, amount] = [random.pick(accounts), random.pick(accounts), BigInt(1 + random.below(500))]
      const made = random.pick([deposit(amount, to), transfer(amount, from, to), withdrawal(amount, from)])
      return random.chance(2) ? { ...made, txid: random.bytes(32) } : made
    })
    const minted = chain.mintBlock(next(chain), given)
    const native = carry(chain, minted, 'unchecked', branch)
    const { txRoot } = chain.checkBlock(native)
    await chain.connectBlock({ ...native, transactions: txRoot })
    return this.blocks.push({ parent, native: { ...native, transactions: txRoot }, txRoot }) - 1
  }

  /** For other processes. */
  async save(file: string): Promise<void> {
    const texts = this.blocks.map(({ parent, txRoot, native }) => ({
      parent,
      txRoot: hex(txRoot),
      nativeHeight: native.nativeHeight,
      time: native.time,
      nativeHash: hex(native.nativeHash),
      nativeParentHash: hex(native.nativeParentHash),
      payload: hex(native.payload),
    }))
    await writeFile(file, JSON.stringify(texts))
  }

  /** The blocks from the first up to one; none for -1. */
  line(id: number): NativeBlock[] {
    const found: NativeBlock[] = []
    for (let at = id; at !== -1; ) {
      const { parent, native } = this.blocks[at] as TreeBlock
      found.unshift(native)
      at = parent
    }
    return found
  }

  idOf(nativeHash: Uint8Array | null): number {
    return nativeHash === null ? -1 : this.blocks.findIndex(({ native }) => hex(native.nativeHash) === hex(nativeHash))
  }

  /** A native node whose best chain ends with a block. */
  source(id: number): NativeSource {
    const line = this.line(id)
    const { nativeHeight, nativeHash } = line.at(-1) as NativeBlock
    return { tip: async () => ({ nativeHeight, nativeHash }), block: async (height) => line[height - firstNative] ?? null }
  }

  /** What payloads lead to, by the second decoder and the second ledger. */
  replay(payloads: Uint8Array[], spoil: (ledger: ReferenceLedger) => void = () => {}): ReferenceLedger {
    const ledger = new ReferenceLedger(this.genesis.balances as Record<string, bigint>)
    for (const payload of payloads) for (const transaction of read(payload).transactions) ledger.execute(transaction)
    spoil(ledger)
    return ledger
  }
}
