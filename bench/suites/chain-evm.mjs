// Building blocks of simple transfers beside two EVMs, on fewer accounts than the chain has elsewhere.
import { EthereumJs } from '../contestants/ethereumjs.mjs'
import { Edr } from '../contestants/edr.mjs'
import { Limit } from '../contestants/limit.mjs'
import { ChainUnderTest } from '../harness/chain.mjs'
import { Workload } from '../harness/workload.mjs'
import { inputs, mintingNote } from './chain-contestants.mjs'
import { implementations } from './implementations.mjs'

/** Blocks a round: the EVMs take their time. */
const blocksOf = { 1: 5, 100: 1, 1000: 1 }

export async function run({ accounts, sizes, progress, measure }) {
  const [{ implementation }] = await implementations()
  const ours = new ChainUnderTest('ours', implementation)
  const evms = [new Edr(), new EthereumJs()]
  await ours.open(accounts, progress)
  for (const evm of evms) {
    progress(`${evm.name}: ${accounts} accounts`)
    await evm.open(accounts)
  }
  const limit = new Limit()
  await limit.ask('accounts', accounts)
  const workload = new Workload(accounts)
  for (const txs of sizes) {
    const next = () => workload.next(txs, blocksOf[txs])
    await measure({
      id: `evm.mint.${txs}`,
      unit: 'µs a block',
      warmup: 1,
      contestants: [
        { name: 'ours', note: 'mintBlock of a TxBatch new to the library; nothing is signed here', run: () => ours.mint(next(), (work, block) => inputs.packed(ours, work, block)) },
        {
          name: 'limit',
          note: `${mintingNote}; the same number of accounts`,
          run: () => {
            const { counter, blocks } = next()
            return limit.times('mint', counter, txs, blocks)
          },
        },
        ...evms.map((evm) => ({ name: evm.name, note: evm.note, settings: evm.settings, run: () => evm.mint(next()) })),
      ],
    })
  }
  limit.close()
  await ours.close()
}
