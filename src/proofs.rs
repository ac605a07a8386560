//! Proofs checked without any chain.

use libmetachain_engine::verify_account_proof;
use libmetachain_primitives::{MetaAddress, verify_withdrawal};
use napi_derive::napi;

use crate::block::{printed_as, withdrawal_columns};
use crate::guard::guard;
use crate::queries::NativeAccount;
use crate::transactions::TransactionColumns;
use crate::values;

/// A proven withdrawal.
#[napi(object, object_from_js = false)]
pub struct ProvenWithdrawal {
    /// Its position among the block's withdrawals.
    pub index: u32,
    /// The withdrawal, alone.
    pub columns: TransactionColumns,
}

/// Checks a withdrawal proof without any chain.
#[napi]
pub fn check_withdrawal_proof(
    root: &[u8],
    proof: &[u8],
    network: Option<String>,
) -> napi::Result<ProvenWithdrawal> {
    guard("verifyWithdrawalProof", || {
        let root = values::hash(root, "withdrawalsRoot")?;
        let withdrawal = verify_withdrawal(&root, proof)?;
        let network = printed_as(network.as_deref(), Some(&withdrawal.to))?;
        Ok(ProvenWithdrawal {
            index: withdrawal.index,
            columns: withdrawal_columns(std::slice::from_ref(&withdrawal), network)?,
        })
    })
}

/// Checks an account proof without any chain: the account, or that there is none.
#[napi]
pub fn check_account_proof(
    root: &[u8],
    address: String,
    proof: &[u8],
) -> napi::Result<Option<NativeAccount>> {
    guard("verifyAccountProof", || {
        let root = values::hash(root, "stateRoot")?;
        let address = MetaAddress::parse(&address)?;
        let account = verify_account_proof(&root, &address, proof)?;
        Ok(account.map(|account| NativeAccount::new(&address, account)))
    })
}
