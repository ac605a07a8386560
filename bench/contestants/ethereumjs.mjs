// ethereumjs building blocks of simple transfers: the EVM in JavaScript, with state, receipt and transaction
// roots, as we make ours. Checking signatures is not part of the time: senders are known beforehand.
import { timedAsync } from '../harness/measure.mjs'
import { addressBytes } from '../harness/workload.mjs'

const senders = 64
const gasOfTransfer = 21_000n
const gasPrice = 10n ** 9n
const blockGas = 30_000_000_000n

export class EthereumJs {
  name = 'ethereumjs'
  note = 'does more: EVM execution, gas, nonces, receipts; in memory only, in JavaScript'
  settings = `runBlock with generated roots, hardfork Shanghai, ${senders} senders`
  #modules
  #vm
  #common
  #senders = []
  #parent
  #root

  async open(accounts) {
    const [vm, tx, util, common, block] = await Promise.all(['vm', 'tx', 'util', 'common', 'block'].map((name) => import(`@ethereumjs/${name}`)))
    this.#modules = { ...vm, ...tx, ...util, ...common, ...block }
    const { createVM, Common, Mainnet, Hardfork, Account, Address, privateToAddress } = this.#modules
    this.#common = new Common({ chain: Mainnet, hardfork: Hardfork.Shanghai })
    this.#vm = await createVM({ common: this.#common })
    const state = this.#vm.stateManager
    const key = (index) => Buffer.from((index + 1).toString(16).padStart(64, '0'), 'hex')
    this.#senders = Array.from({ length: senders }, (_, index) => ({ key: key(index), nonce: 0n, address: new Address(privateToAddress(key(index))) }))
    await state.checkpoint()
    for (const { address } of this.#senders) await state.putAccount(address, new Account(0n, 10n ** 24n))
    for (let account = 0; account < accounts; account += 1) await state.putAccount(new Address(addressBytes(account)), new Account(0n, 10n ** 18n))
    await state.commit()
    await state.flush?.()
    this.#root = await state.getStateRoot()
    this.#parent = this.#modules.createBlock({ header: { gasLimit: blockGas, baseFeePerGas: 7n, stateRoot: this.#root } }, { common: this.#common })
  }

  /** A block of signed transfers, its roots not known yet. */
  #block(work, index) {
    const { createBlock, createLegacyTx, Address } = this.#modules
    const options = { common: this.#common }
    const transactions = []
    work.each(index, (from, to, amount) => {
      const sender = this.#senders[from % senders]
      const values = { nonce: sender.nonce, gasPrice, gasLimit: gasOfTransfer, to: new Address(addressBytes(to)), value: BigInt(amount) }
      transactions.push(createLegacyTx(values, options).sign(sender.key))
      sender.nonce += 1n
    })
    const { number, timestamp } = this.#parent.header
    const header = { number: number + 1n, timestamp: timestamp + 12n, gasLimit: blockGas, baseFeePerGas: 7n, parentHash: this.#parent.hash() }
    const block = createBlock({ header, transactions }, options)
    // Kept by each transaction, so that its key is not recovered again while the time runs.
    for (const transaction of block.transactions) transaction.getSenderAddress()
    return block
  }

  /** Runs one block after the other and has the roots filled in: what its block builder does, without its copies. */
  async mint(work) {
    const times = []
    for (let index = 0; index < work.blocks; index += 1) {
      const block = this.#block(work, index)
      let result
      times.push(await timedAsync(async () => (result = await this.#modules.runBlock(this.#vm, { block, root: this.#root, generate: true, skipBlockValidation: true }))))
      if (result.results.length !== work.txs) throw new Error(`ethereumjs ran ${result.results.length} of ${work.txs} transactions`)
      this.#root = result.stateRoot
      this.#parent = block
    }
    return times
  }

  close() {}
}
