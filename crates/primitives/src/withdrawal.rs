//! Withdrawals of a block and the proof that a block contains one.

use crate::address::{MetaAddress, NativeAddress};
use crate::amount::Amount;
use crate::error::{Code, Error, Result};
use crate::hash::{HASH_BYTES, Root, TxId};
use crate::merkle::WITHDRAWALS;
use crate::transaction::Transaction;
use crate::tree_hash::PADDING;

/// A withdrawal as the native node releases it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// The position among the block's withdrawals, from 0.
    pub index: u32,
    /// Who was debited on the metachain.
    pub from: MetaAddress,
    /// Who is to be paid on the native chain.
    pub to: NativeAddress,
    /// Base units to release.
    pub amount: Amount,
    /// The native transaction that carried the withdrawal, where it was given.
    pub txid: Option<TxId>,
}

/// The withdrawals among a block's transactions, in order.
#[must_use]
pub fn withdrawals(transactions: &[Transaction]) -> Vec<Withdrawal> {
    let mut found = Vec::new();
    for transaction in transactions {
        if let Transaction::Withdraw {
            from,
            to,
            amount,
            txid,
        } = transaction
        {
            found.push(Withdrawal {
                // A payload of 16 MiB, the largest there is by default, has fewer than 2^32 transactions;
                // so has any whose size fits its own 32-bit offsets.
                index: found.len() as u32,
                from: *from,
                to: to.clone(),
                amount: *amount,
                txid: *txid,
            });
        }
    }
    found
}

/// The commitment to the withdrawals among a block's transactions.
#[must_use]
pub fn withdrawals_root(transactions: &[Transaction]) -> Root {
    let mut leaves = Vec::new();
    let mut bytes = Vec::new();
    let withdrawn = transactions
        .iter()
        .filter(|transaction| matches!(transaction, Transaction::Withdraw { .. }));
    for (index, transaction) in (0u32..).zip(withdrawn) {
        leaves.extend_from_slice(&leaf(index, transaction, &mut bytes));
    }
    WITHDRAWALS.root_and_path(leaves, None).0
}

fn leaf(index: u32, transaction: &Transaction, scratch: &mut Vec<u8>) -> [u8; HASH_BYTES] {
    scratch.clear();
    scratch.extend_from_slice(&index.to_le_bytes());
    transaction.encode_leaf(scratch);
    WITHDRAWALS.leaf(scratch)
}

/// Bytes of a proof: version, index, count, path length, path, amount, from, flag, id, address.
const PROOF_VERSION: u8 = 1;
/// A list of 2^32 leaves has paths of 32 hashes.
const PATH_MAX: usize = 32;

/// Proves that the `index`-th withdrawal of a block is what it is.
///
/// Fails with `BAD_ARGUMENT` if the block has no such withdrawal.
pub fn prove_withdrawal(transactions: &[Transaction], index: u32) -> Result<Vec<u8>> {
    let withdrawn: Vec<&Transaction> = transactions
        .iter()
        .filter(|transaction| matches!(transaction, Transaction::Withdraw { .. }))
        .collect();
    let at = index as usize;
    let Some(Transaction::Withdraw {
        from,
        to,
        amount,
        txid,
    }) = withdrawn.get(at).copied()
    else {
        return Err(Error::new(
            Code::BadArgument,
            format!(
                "the block has {} withdrawals, none at {index}",
                withdrawn.len()
            ),
        )
        .with("index", index)
        .with("withdrawals", withdrawn.len() as u64));
    };
    let mut scratch = Vec::new();
    let mut leaves = Vec::with_capacity(withdrawn.len() * HASH_BYTES);
    for (index, transaction) in (0u32..).zip(&withdrawn) {
        leaves.extend_from_slice(&leaf(index, transaction, &mut scratch));
    }
    let (_, path) = WITHDRAWALS.root_and_path(leaves, Some(at));
    let mut proof = vec![PROOF_VERSION];
    proof.extend_from_slice(&index.to_le_bytes());
    proof.extend_from_slice(&(withdrawn.len() as u64).to_le_bytes());
    proof.push(path.len() as u8);
    path.iter().for_each(|hash| proof.extend_from_slice(hash));
    proof.extend_from_slice(&amount.get().to_le_bytes());
    proof.extend_from_slice(&from.0);
    proof.push(u8::from(txid.is_some()));
    if let Some(txid) = txid {
        proof.extend_from_slice(&txid.0);
    }
    to.encode(&mut proof);
    Ok(proof)
}

/// The withdrawal that the proof proves under the root, without any store.
///
/// Fails with `INVALID_PROOF` if the bytes are not a proof, or prove it under another root.
pub fn verify_withdrawal(root: &Root, proof: &[u8]) -> Result<Withdrawal> {
    let refused = |why: &str| Error::new(Code::InvalidProof, format!("the withdrawal proof {why}"));
    let malformed = || refused("is malformed");
    let mut rest = proof;
    let [version] = take::<1>(&mut rest).ok_or_else(malformed)?;
    if version != PROOF_VERSION {
        return Err(refused(&format!(
            "is of version {version}, not {PROOF_VERSION}"
        )));
    }
    let index = u32::from_le_bytes(take(&mut rest).ok_or_else(malformed)?);
    let count = u64::from_le_bytes(take(&mut rest).ok_or_else(malformed)?);
    let [path_length] = take::<1>(&mut rest).ok_or_else(malformed)?;
    if usize::from(path_length) > PATH_MAX || u64::from(index) >= count {
        return Err(malformed());
    }
    let mut path = Vec::with_capacity(usize::from(path_length));
    for _ in 0..path_length {
        path.push(take::<HASH_BYTES>(&mut rest).ok_or_else(malformed)?);
    }
    let amount = u64::from_le_bytes(take(&mut rest).ok_or_else(malformed)?);
    let from = MetaAddress(take(&mut rest).ok_or_else(malformed)?);
    let txid = match take::<1>(&mut rest).ok_or_else(malformed)? {
        [0] => None,
        [1] => Some(TxId(take(&mut rest).ok_or_else(malformed)?)),
        _ => return Err(malformed()),
    };
    let to = NativeAddress::decode(&mut rest).ok_or_else(malformed)?;
    if !rest.is_empty() {
        return Err(malformed());
    }
    let amount = Amount::new(amount).ok_or_else(malformed)?;
    let transaction = Transaction::Withdraw {
        from,
        to: to.clone(),
        amount,
        txid,
    };
    let mut hash = leaf(index, &transaction, &mut Vec::new());
    let (mut at, mut width) = (u64::from(index), count);
    for sibling in &path {
        let last = at.is_multiple_of(2) && at + 1 == width;
        if width < 2 || (last && *sibling != PADDING) {
            return Err(malformed());
        }
        hash = if at.is_multiple_of(2) {
            WITHDRAWALS.node(&hash, sibling)
        } else {
            WITHDRAWALS.node(sibling, &hash)
        };
        at /= 2;
        width = width.div_ceil(2);
    }
    if width != 1 || WITHDRAWALS.root_over(&hash, count) != *root {
        return Err(refused(&format!("does not lead to the root {root}")));
    }
    Ok(Withdrawal {
        index,
        from,
        to,
        amount,
        txid,
    })
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}
