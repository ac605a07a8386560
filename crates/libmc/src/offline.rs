//! What needs no chain: addresses, roots, payloads and the proofs that others made.

use cxx::CxxVector;
use libmetachain_engine as engine;
use libmetachain_primitives::address::is_metachain_text;
use libmetachain_primitives::genesis::{PAYLOAD_BYTES_MAX_DEFAULT, TRANSACTIONS_MAX_DEFAULT};
use libmetachain_primitives::{self as primitives, MetaAddress, NativeAddress, Result};

use crate::bridge::ffi::{DmcTx, MetaAccountResult, MetaBlock, MetaWithdrawal};
use crate::convert;
use crate::guard::{guard, guard_or_default};
use crate::settings::network;
use crate::transactions;

/// The canonical text of an address of either domain.
pub(crate) fn canonical_address(address: &str, of: &str) -> Result<String> {
    guard("canonical_address", || {
        let network = network(of)?;
        if is_metachain_text(address) {
            MetaAddress::parse(address).map(|address| address.to_string())
        } else {
            NativeAddress::parse(address, network)?.to_text(network)
        }
    })
}

/// The commitment to transactions.
pub(crate) fn tx_root(txs: &CxxVector<DmcTx>, of: &str) -> Result<Vec<u8>> {
    guard("tx_root", || {
        Ok(transactions::root(txs, network(of)?)?.0.to_vec())
    })
}

/// Reads a payload without checking its claims.
pub(crate) fn decode_payload(payload: &[u8], of: &str) -> Result<MetaBlock> {
    guard("decode_payload", || {
        let network = network(of)?;
        // What any chain may allow; the limits of one are checked where the payload is connected.
        let block = primitives::decode_payload(
            payload,
            PAYLOAD_BYTES_MAX_DEFAULT,
            TRANSACTIONS_MAX_DEFAULT,
        )?;
        let hash = block.header.hash();
        convert::block(&block, hash, None, network)
    })
}

/// What a proof of an account proves under a state root.
pub(crate) fn verify_account_proof(
    state_root: &[u8],
    address: &str,
    proof: &[u8],
) -> Result<MetaAccountResult> {
    guard("verify_account_proof", || {
        let address = MetaAddress::parse(address)?;
        let root = convert::hash(state_root, "state_root")?;
        let account = engine::verify_account_proof(&root, &address, proof)?;
        Ok(convert::account(&address, account))
    })
}

/// The withdrawal that a proof proves under a withdrawals root.
pub(crate) fn verify_withdrawal_proof(
    withdrawals_root: &[u8],
    proof: &[u8],
    of: &str,
) -> Result<MetaWithdrawal> {
    guard("verify_withdrawal_proof", || {
        let root = convert::hash(withdrawals_root, "withdrawals_root")?;
        let withdrawal = primitives::verify_withdrawal(&root, proof)?;
        convert::withdrawal(&withdrawal, network(of)?)
    })
}

/// Bytes as the structs of the bridge hold them.
pub(crate) fn copy_bytes(bytes: &[u8]) -> Vec<u8> {
    guard_or_default("copy_bytes", || bytes.to_vec())
}
