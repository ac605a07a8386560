// The options of open and the parameters of genesis, on their way into the addon.
import { type NativeGenesis, type NativeOpenOptions } from '#binding'
import { Checks } from './arguments.js'
import { type Genesis, type OpenOptions } from './chain-types.js'
import { badChainArgument, MetachainError } from './errors.js'
import { networks } from './tx-batch.js'

const checks: Checks = new Checks(badChainArgument)
const amountMax = 2n ** 63n - 1n
const countMax = 2 ** 32 - 1

/** @internal */
export function nativeOpenOptions(options: OpenOptions): NativeOpenOptions {
  checks.object(options, 'options')
  const { path, genesis, durability, undoDepth, snapshotEvery, eventRetention } = options
  const native: NativeOpenOptions = {
    batch: checks.optional(durability, (value) => checks.word(value, 'durability', ['block', 'batch'])) === 'batch',
  }
  if (path !== undefined) native.path = filePath(path, 'path')
  if (genesis !== undefined) native.genesis = nativeGenesis(genesis)
  if (undoDepth !== undefined) native.undoDepth = checks.whole(undoDepth, 'undoDepth')
  if (snapshotEvery !== undefined) native.snapshotEvery = checks.whole(snapshotEvery, 'snapshotEvery', 1)
  if (eventRetention !== undefined) native.eventRetention = checks.whole(eventRetention, 'eventRetention')
  return native
}

/** A path that the system can take. @internal */
export function filePath(path: unknown, field: string): string {
  const text = checks.text(path, field)
  return text === '' || text.includes('\0') ? checks.fail(field, 'a path', path) : text
}

function nativeGenesis(genesis: Genesis): NativeGenesis {
  checks.object(genesis, 'genesis')
  const { chainId, network, balances, nativeStart, transactionsMax, time, replayWindow, payloadBytesMax } = genesis
  const native: NativeGenesis = {
    chainId: checks.text(chainId, 'genesis.chainId'),
    network: checks.word(network, 'genesis.network', networks),
    ...columns(balances),
  }
  if (nativeStart !== undefined) native.nativeStart = checks.whole(nativeStart, 'genesis.nativeStart')
  if (transactionsMax !== undefined)
    native.transactionsMax = checks.whole(transactionsMax, 'genesis.transactionsMax', 1, countMax)
  if (time !== undefined) native.time = checks.whole(time, 'genesis.time')
  if (replayWindow !== undefined) native.replayWindow = checks.whole(replayWindow, 'genesis.replayWindow', 0, countMax)
  if (payloadBytesMax !== undefined)
    native.payloadBytesMax = checks.whole(payloadBytesMax, 'genesis.payloadBytesMax', 1, countMax)
  return native
}

/** The balances as two columns. */
function columns(balances: Genesis['balances']): { addresses: string[]; balances: BigInt64Array } {
  const addresses: string[] = []
  const amounts: bigint[] = []
  for (const [address, amount] of pairs(balances)) {
    addresses.push(checks.text(address, 'the address of a genesis balance'))
    const field = `the genesis balance of ${address}`
    if (typeof amount !== 'bigint') checks.fail(field, 'a bigint', amount, { address })
    if (amount < 1n || amount > amountMax)
      throw new MetachainError('BAD_ARGUMENT', `${field} must be 1 to 2^63 - 1 base units, not ${amount}`, {
        details: { field: 'genesis.balances', address },
      })
    amounts.push(amount)
  }
  return { addresses, balances: BigInt64Array.from(amounts) }
}

function* pairs(balances: Genesis['balances']): Iterable<readonly [string, bigint]> {
  if (balances === undefined) return
  checks.isObject(balances, 'genesis.balances')
  if (!(Symbol.iterator in balances)) return yield* Object.entries(balances)
  for (const pair of balances) {
    if (!Array.isArray(pair) || pair.length !== 2)
      checks.fail('a genesis balance', 'a pair of address and amount', pair)
    yield pair as unknown as readonly [string, bigint]
  }
}
