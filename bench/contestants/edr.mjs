// Hardhat's EVM simulator (Rust, in memory) mining simple transfers: executes the EVM and makes state, receipt
// and transaction roots, as we make ours. Checking signatures is not part of the time.
import { createRequire } from 'node:module'
import { timedAsync } from '../harness/measure.mjs'
import { addressBytes } from '../harness/workload.mjs'

/** Whoever signs: more would only make the set-up longer. */
const senders = 64
const gasOfTransfer = 21_000
const gasPrice = 10n ** 9n
const hex = (number) => `0x${number.toString(16)}`

export class Edr {
  name = 'edr'
  note = 'does more: EVM execution, gas, nonces, receipts, a log of blocks; in memory only, transactions already in its pool'
  settings = `hardfork Prague, mining by hand, first come first served, ${senders} senders, no traces`
  #provider
  #senders = []
  #id = 0

  async open(accounts) {
    const require = createRequire(import.meta.url)
    const { EdrContext, ContractDecoder, L1_CHAIN_TYPE, l1ProviderFactory, l1GenesisState, l1HardforkToString, MineOrdering, SpecId, IncludeTraces } = require('@nomicfoundation/edr')
    const context = new EdrContext()
    await context.registerProviderFactory(L1_CHAIN_TYPE, l1ProviderFactory())
    const hardfork = l1HardforkToString(SpecId.Prague)
    const keys = Array.from({ length: senders }, (_, index) => `0x${(index + 1).toString(16).padStart(64, '0')}`)
    const genesisState = [
      ...l1GenesisState(SpecId.Prague),
      ...Array.from({ length: accounts }, (_, account) => ({ address: addressBytes(account), balance: 10n ** 18n })),
    ]
    const config = {
      allowBlocksWithSameTimestamp: true, allowUnlimitedContractSize: false, bailOnCallFailure: true, bailOnTransactionFailure: true,
      chainId: 31337n, coinbase: Buffer.alloc(20, 1), defaultTransactionGasLimit: BigInt(gasOfTransfer), genesisState, hardfork,
      initialBaseFeePerGas: 1n, initialParentBeaconBlockRoot: Buffer.alloc(32), minGasPrice: 0n,
      mining: { autoMine: false, memPool: { order: MineOrdering.Fifo } },
      network: { genesisBlockGasLimit: 60_000_000_000n }, networkId: 31337n, observability: { includeCallTraces: IncludeTraces?.None }, ownedAccounts: keys, precompileOverrides: [],
    }
    const logger = { enable: false, decodeConsoleLogInputsCallback: () => [], printLineCallback: () => {} }
    this.#provider = await context.createProvider(L1_CHAIN_TYPE, config, logger, { subscriptionCallback: () => {} }, new ContractDecoder())
    this.#senders = await this.#ask('eth_accounts')
    for (const sender of this.#senders) await this.#ask('hardhat_setBalance', sender, hex(10n ** 24n))
  }

  async #ask(method, ...params) {
    const { data } = await this.#provider.handleRequest(JSON.stringify({ jsonrpc: '2.0', id: (this.#id += 1), method, params }))
    const { result, error } = typeof data === 'string' ? JSON.parse(data) : data
    if (error) throw new Error(`edr: ${method}: ${error.message}`)
    return result
  }

  /** Mines one block after the other; the transactions of each are in the pool before its time runs. */
  async mint(work) {
    const times = []
    for (let block = 0; block < work.blocks; block += 1) {
      const transfers = []
      work.each(block, (from, to, amount) => transfers.push({ from: this.#senders[from % senders], to: `0x${addressBytes(to).toString('hex')}`, value: hex(amount), gas: hex(gasOfTransfer), gasPrice: hex(gasPrice) }))
      for (const transfer of transfers) await this.#ask('eth_sendTransaction', transfer)
      times.push(await timedAsync(() => this.#ask('evm_mine')))
      const { transactions } = await this.#ask('eth_getBlockByNumber', 'latest', false)
      if (transactions.length !== work.txs) throw new Error(`edr mined ${transactions.length} of ${work.txs} transactions`)
    }
    return times
  }

  close() {}
}
