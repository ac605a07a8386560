// A process that opens a store: to be timed, or to connect blocks and be killed.
import { nativeBlock, nativeHash } from '../harness/chain.mjs'
import { Work } from '../harness/workload.mjs'
import { implementations } from './implementations.mjs'

const [command, store, order] = process.argv.slice(2)
const [{ implementation }] = await implementations()
const { Metachain, TxBatch } = implementation

const start = performance.now()
const chain = await Metachain.open({ path: store })
const milliseconds = performance.now() - start

if (command === 'open') {
  await chain.close()
  console.log(milliseconds)
} else {
  const { blocks, txs, counter, accounts } = JSON.parse(order)
  const work = new Work(counter, txs, blocks, accounts)
  let { nativeHeight: height } = chain.tip
  for (let block = 0; block < blocks; block += 1) {
    const batch = new TxBatch()
    work.objects(block).forEach(({ from, to, amount }) => batch.add(from, to, amount))
    height += 1
    const native = { ...nativeBlock(height), nativeHash: nativeHash(height) }
    const { payload } = chain.mintBlock(native, batch)
    await chain.connectBlock({ ...native, payload, transactions: batch })
  }
  console.log('connected')
  // Until the kill comes.
  setInterval(() => {}, 1000)
}
