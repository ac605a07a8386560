// A native chain as small as tests need it: hashes, contexts, blocks around a metachain.
import { createHash } from 'node:crypto'
import { type CarriedTransactions, type Genesis, Metachain, type MetaTransaction, type MintedBlock, type NativeBlock } from 'libmetachain'

/** Metachain addresses with an initial balance in `genesis`, and some without. */
export const alice = '0x52908400098527886E0F7030069857D2E4169EE7'
export const bob = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'
export const carol = '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359'
/** Addresses of DeFiChain's main network, of each kind. */
export const nativeP2pkh = '8Ge6f2eohG3EJu42qr5thGPHEnFmyox4Wy'
export const nativeP2sh = 'dGXmUvQAjG6mnCdk1M9zaJU3ToRVPKfdWJ'
export const nativeWitness = 'df1qxvenxvenxvenxvenxvenxvenxvenxvenzqfu8c'

export const genesis: Genesis = {
  chainId: 'tests',
  network: 'defichain-mainnet',
  balances: { [alice]: 1_000_000n, [bob]: 500n },
}

/** A hash that stands for a text. */
export function hash(text: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(text).digest())
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** The chain in memory. */
export const openInMemory = (more: Partial<Genesis> = {}): Promise<Metachain> =>
  Metachain.open({ genesis: { ...genesis, ...more } })

/** The first native height that these tests use. */
export const firstNative = 100

/** The context of the block after the tip. */
export function next(chain: Metachain): { nativeHeight: number; nativeParentHash: Uint8Array; time: number } {
  const { nativeHeight, nativeHash, height } = chain.tip
  return {
    nativeHeight: nativeHeight === null ? firstNative : nativeHeight + 1,
    nativeParentHash: nativeHash ?? hash(`native ${firstNative - 1}`),
    time: 1_700_000_000 + height,
  }
}

/** The native block that carries a minted block; `branch` tells native blocks of one height apart. */
export function carry(
  chain: Metachain,
  minted: MintedBlock,
  transactions: CarriedTransactions = 'unchecked',
  branch = '',
): NativeBlock {
  const context = next(chain)
  return { ...context, nativeHash: hash(`native ${context.nativeHeight}${branch}`), payload: minted.payload, transactions }
}

/** Mints and connects a block of transactions. */
export async function mine(chain: Metachain, txs: MetaTransaction[] = [], branch = ''): Promise<NativeBlock> {
  const minted = chain.mintBlock(next(chain), txs)
  const rejected = new Set(minted.rejected.map(({ index }) => index))
  const block = carry(chain, minted, txs.filter((_, index) => !rejected.has(index)), branch)
  await chain.connectBlock(block)
  return block
}

export const deposit = (amount: bigint, to = alice, from = nativeP2pkh): MetaTransaction => ({ from, to, amount })
export const withdrawal = (amount: bigint, from = alice, to = nativeWitness): MetaTransaction => ({ from, to, amount })
export const transfer = (amount: bigint, from = alice, to = carol): MetaTransaction => ({ from, to, amount })
