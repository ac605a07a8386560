// Offline verifiers: what a proof shows to someone who has a root and no store.
import { checkAccountProof, checkWithdrawalProof } from '#binding'
import { Checks } from './arguments.js'
import { networkOrNone, withdrawalsOf } from './block.js'
import { type Account, type Network, type Withdrawal } from './chain-types.js'
import { badChainArgument, call } from './errors.js'

const checks: Checks = new Checks(badChainArgument)

/**
 * Verifies offline what a proof by `Metachain.proveAccount` says under a state root: the account, or null where it
 * proves that there is none.
 *
 * @throws MetachainError `INVALID_PROOF`, `INVALID_ADDRESS`.
 */
export function verifyAccountProof(stateRoot: Uint8Array, address: string, proof: Uint8Array): Account | null {
  checks.hash(stateRoot, 'stateRoot')
  checks.text(address, 'address')
  checks.bytes(proof, 'proof')
  return call(() => checkAccountProof(stateRoot, address, proof))
}

/**
 * Verifies offline that a withdrawal belongs to the block with this withdrawals root, and returns it.
 *
 * @param network how the native address is printed, as in `decodePayload`.
 * @throws MetachainError `INVALID_PROOF`.
 */
export function verifyWithdrawalProof(withdrawalsRoot: Uint8Array, proof: Uint8Array, network?: Network): Withdrawal {
  checks.hash(withdrawalsRoot, 'withdrawalsRoot')
  checks.bytes(proof, 'proof')
  networkOrNone(network)
  const { index, columns } = call(() => checkWithdrawalProof(withdrawalsRoot, proof, network))
  return withdrawalsOf(columns, index)[0] as Withdrawal
}
