// The chain vectors as both TypeScript bindings run them: steps, and their answers in the vectors' own form.
import { readFile } from 'node:fs/promises'
import { type CarriedTransactions, type Genesis, Metachain, MetachainError, type MetaTransaction, type Network, type RpcClient, type RpcWire } from 'libmetachain'
import { hex } from './native.js'

export interface TransactionVector {
  from: string
  to: string
  amount: string
  txid: string | null
}

export interface GenesisVector {
  chainId: string
  network: Network
  balances: Record<string, string>
  nativeStart: number | null
  time: number
  transactionsMax: number
  payloadBytesMax: number
  replayWindow: number
}

/** A call with its arguments, and the answer or the error that it must give. */
export interface Step {
  call: string
  context?: { nativeHeight: number; nativeParentHash: string; time: number }
  transactions?: TransactionVector[] | 'unchecked'
  payload?: string
  nativeHash?: string
  address?: string
  txid?: string
  height?: number
  index?: number
  after?: number
  answer?: unknown
  error?: { code: string; verdict: boolean; retryable: boolean }
}

export interface Scenario {
  name: string
  genesis: GenesisVector
  undoDepth: number
  steps: Step[]
}

/** A file of the vectors. */
export async function vectors<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(new URL(`../../spec/vectors/${name}`, import.meta.url), 'utf8')) as T
}

export const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))

export function genesisOf(given: GenesisVector): Genesis {
  const { nativeStart, balances, ...rest } = given
  const amounts = Object.fromEntries(Object.entries(balances).map(([address, amount]) => [address, BigInt(amount)]))
  return { ...rest, balances: amounts, ...(nativeStart !== null && { nativeStart }) }
}

export const openScenario = ({ genesis, undoDepth }: Scenario): Promise<Metachain> => Metachain.open({ genesis: genesisOf(genesis), undoDepth })

/** What a step came to: its answer, or its error. */
export async function outcome(call: () => unknown): Promise<Pick<Step, 'answer' | 'error'>> {
  try {
    return { answer: await call() }
  } catch (error) {
    if (!(error instanceof MetachainError)) throw error
    const { code, verdict, retryable } = error
    return { error: { code, verdict, retryable } }
  }
}

const orNull = (value: Uint8Array | null | undefined): string | null => (value ? hex(value) : null)

const given = ({ from, to, amount, txid }: TransactionVector): MetaTransaction => ({
  from,
  to,
  amount: BigInt(amount),
  ...(txid !== null && { txid: bytes(txid) }),
})

const written = ({ from, to, amount, txid }: MetaTransaction): TransactionVector => ({ from, to, amount: String(amount), txid: orNull(txid) })

const tipAnswer = ({ height, hash, nativeHeight, nativeHash, stateRoot, time }: Metachain['tip'], supply: bigint) => ({
  height,
  hash: hex(hash),
  nativeHeight,
  nativeHash: orNull(nativeHash),
  stateRoot: hex(stateRoot),
  time,
  supply: String(supply),
})

/** Makes a step's call on a chain of this process. */
export async function callChain(chain: Metachain, step: Step): Promise<unknown> {
  const context = () => {
    const { nativeHeight, nativeParentHash, time } = step.context as Required<Step>['context']
    return { nativeHeight, nativeParentHash: bytes(nativeParentHash), time }
  }
  const list = () => (step.transactions as TransactionVector[]).map(given)
  const carried = (): CarriedTransactions => (step.transactions === 'unchecked' ? 'unchecked' : list())
  const candidate = () => ({ ...context(), payload: bytes(step.payload as string), transactions: carried() })
  const nativeHash = () => bytes(step.nativeHash as string)
  switch (step.call) {
    case 'mintBlock': {
      const { payload, hash, height, stateRoot, supply, accepted, rejected } = chain.mintBlock(context(), list())
      const left = rejected.map(({ index, code, balance }) => ({ index, code, balance: balance === undefined ? null : String(balance) }))
      return { payload: hex(payload), hash: hex(hash), height, stateRoot: hex(stateRoot), supply: String(supply), accepted, rejected: left }
    }
    case 'checkBlock': {
      const { hash, height } = chain.checkBlock(candidate())
      return { hash: hex(hash), height }
    }
    case 'connectBlock': {
      const { status, hash, height } = await chain.connectBlock({ ...candidate(), nativeHash: nativeHash() })
      return { status, hash: hex(hash), height }
    }
    case 'disconnectBlock':
      return tipAnswer(await chain.disconnectBlock(nativeHash()), chain.supply)
    case 'finalize':
      await chain.finalize(nativeHash())
      return tipAnswer(chain.tip, chain.supply)
    case 'tip':
      return tipAnswer(chain.tip, chain.supply)
    case 'account': {
      const found = chain.account(step.address as string)
      return found && { balance: String(found.balance), sequence: String(found.sequence) }
    }
    case 'withdrawals':
      return chain.withdrawals(step.height as number).map(({ index, from, to, amount, txid }) => ({ index, from, to, amount: String(amount), txid: orNull(txid) }))
    case 'transaction': {
      const found = chain.transaction(bytes(step.txid as string))
      return found && { height: found.block, index: found.index, transaction: written(found.transaction) }
    }
    case 'payload':
      return orNull(chain.payload(step.height as number))
    case 'proveAccount': {
      const { height, stateRoot, proof } = chain.proveAccount(step.address as string)
      return { height, root: hex(stateRoot), proof: hex(proof) }
    }
    case 'proveWithdrawal': {
      const { height, withdrawalsRoot, proof } = chain.proveWithdrawal(step.height as number, step.index as number)
      return { height, root: hex(withdrawalsRoot), proof: hex(proof) }
    }
    default:
      throw new Error(`the vectors have a new call: ${step.call}`)
  }
}

const wireTransaction = ({ txid, ...rest }: TransactionVector): RpcWire.MetaTransaction => ({ ...rest, ...(txid !== null && { txid }) })

const tipOfWire = ({ height, hash, nativeHeight, nativeHash, stateRoot, time, supply }: RpcWire.MetaTip) => ({
  height: Number(height),
  hash,
  nativeHeight: nativeHeight === undefined ? null : Number(nativeHeight),
  nativeHash: nativeHash ?? null,
  stateRoot,
  time: Number(time),
  supply,
})

/** Makes a step's call on a chain behind a server. */
export async function callServer(client: RpcClient, step: Step): Promise<unknown> {
  const context = () => {
    const { nativeHeight, nativeParentHash, time } = step.context as Required<Step>['context']
    return { nativeHeight: String(nativeHeight), nativeParentHash, time: String(time) }
  }
  const list = () => (step.transactions as TransactionVector[]).map(wireTransaction)
  const carried = (): RpcWire.MetaCarried => (step.transactions === 'unchecked' ? { unchecked: true } : { txs: list() })
  const candidate = () => ({ ...context(), payload: step.payload as string, carried: carried() })
  const native = () => ({ nativeHash: step.nativeHash as string })
  const block = () => ({ height: String(step.height) })
  const proof = ({ height, ...rest }: RpcWire.MetaProof) => ({ height: Number(height), ...rest })
  switch (step.call) {
    case 'mintBlock': {
      const minted = await client.call('metaConsensusRpc_mintBlock', { txs: list(), context: context() })
      const rejected = minted.rejected.map(({ index, code, balance = null }) => ({ index, code, balance }))
      return { ...minted, height: Number(minted.height), rejected }
    }
    case 'checkBlock': {
      const { hash, height } = await client.call('metaConsensusRpc_checkBlock', candidate())
      return { hash, height: Number(height) }
    }
    case 'connectBlock': {
      const { status, hash, height } = await client.call('metaConsensusRpc_connectBlock', { ...candidate(), ...native() })
      return { status, hash, height: Number(height) }
    }
    case 'disconnectBlock':
      return tipOfWire(await client.call('metaConsensusRpc_disconnectBlock', native()))
    case 'finalize':
      return tipOfWire(await client.call('metaConsensusRpc_finalize', native()))
    case 'tip':
      return tipOfWire(await client.call('metaConsensusRpc_tip', {}))
    case 'account': {
      const { account } = await client.call('metaConsensusRpc_account', { address: step.address as string })
      return account ? { balance: account.balance, sequence: account.sequence } : null
    }
    case 'withdrawals': {
      const { withdrawals } = await client.call('metaConsensusRpc_withdrawals', block())
      return withdrawals.map(({ txid = null, ...rest }) => ({ ...rest, txid }))
    }
    case 'transaction': {
      const { found } = await client.call('metaConsensusRpc_transaction', { txid: step.txid as string })
      if (!found) return null
      const { txid = null, ...rest } = found.transaction
      return { height: Number(found.height), index: found.index, transaction: { ...rest, txid } }
    }
    case 'payload':
      return (await client.call('metaConsensusRpc_payload', block())).payload ?? null
    case 'proveAccount':
      return proof(await client.call('metaConsensusRpc_proveAccount', { address: step.address as string }))
    case 'proveWithdrawal':
      return proof(await client.call('metaConsensusRpc_proveWithdrawal', { block: block(), index: step.index as number }))
    default:
      throw new Error(`the vectors have a new call: ${step.call}`)
  }
}
