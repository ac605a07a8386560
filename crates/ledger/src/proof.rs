//! Account proofs: that an account holds what it holds, or that an address has none, by one leaf and
//! its way to the state root. Checking one needs no ledger.
//!
//! Every leaf names the next address in order, so the leaf right below an address proves that there
//! is none for it.

use libmetachain_primitives::tree_hash::PADDING;
use libmetachain_primitives::{Code, Error, MetaAddress, Result, Root};

use crate::delta::take;
use crate::leaf::{Account, LEAF_BYTES, Leaf};
use crate::ledger::Ledger;
use crate::tree::{Node, leaf_hash, node_hash, root_of};

const VERSION: u8 = 1;

/// Proves what one address holds under a state root, or that it holds nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountProof {
    /// Leaves in the tree.
    count: u32,
    index: u32,
    /// The account's leaf, or the one before the place where it would be.
    leaf: Leaf,
    /// The siblings from the leaf up; where a node has none there is none here either.
    path: Vec<Node>,
}

impl Ledger {
    /// Proves what an address holds at the tip; a proof of absence if it was never credited.
    #[must_use]
    pub fn prove_account(&self, address: &MetaAddress) -> AccountProof {
        let accounts = &self.state.accounts;
        let found = accounts.find(&address.0);
        let below = || self.state.ordered.floor(&address.0, accounts.leaves());
        // The zero address is always there, and is not above any other.
        let index = found.or_else(below).unwrap_or(0);
        let leaf = accounts.get(index).copied();
        AccountProof {
            count: accounts.len() as u32,
            index,
            leaf: leaf.unwrap_or_else(|| Leaf::new(&MetaAddress::ZERO.0)),
            path: self.state.tree.path(index as usize),
        }
    }
}

impl AccountProof {
    /// Version (1), number of leaves (4), index (4), the leaf (64), the siblings from the leaf up
    /// (32 each); numbers in little-endian.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + 4 + 4 + LEAF_BYTES + self.path.len() * PADDING.len());
        out.push(VERSION);
        out.extend_from_slice(&self.count.to_le_bytes());
        out.extend_from_slice(&self.index.to_le_bytes());
        out.extend_from_slice(self.leaf.as_bytes());
        out.extend_from_slice(self.path.as_flattened());
        out
    }

    /// Reads a proof from a stranger; whether it proves anything is for [`AccountProof::verify`].
    ///
    /// # Errors
    /// `INVALID_PROOF` if the bytes are not the encoding of a proof.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes).ok_or_else(|| refused("is malformed"))
    }

    fn read(mut bytes: &[u8]) -> Option<Self> {
        let [VERSION] = take(&mut bytes)? else {
            return None;
        };
        let count = u32::from_le_bytes(take(&mut bytes)?);
        let index = u32::from_le_bytes(take(&mut bytes)?);
        let leaf = Leaf::from_bytes(&take(&mut bytes)?)?;
        let (path, rest) = bytes.as_chunks();
        let fits = index < count && rest.is_empty() && path.len() == siblings(count, index);
        fits.then(|| Self {
            count,
            index,
            leaf,
            path: path.to_vec(),
        })
    }

    /// What the address holds in the state with this root; `None` if it was never credited there.
    ///
    /// # Errors
    /// `INVALID_PROOF` if the proof is of another root, or does not speak of this address.
    pub fn verify(&self, root: &Root, address: &MetaAddress) -> Result<Option<Account>> {
        let mut node = leaf_hash(&self.leaf);
        let mut path = self.path.iter();
        for side in sides(self.count, self.index) {
            node = match side {
                Side::Left => node_hash(path.next().ok_or_else(short)?, &node),
                Side::Right => node_hash(&node, path.next().ok_or_else(short)?),
                Side::Nothing => node_hash(&node, &PADDING),
            };
        }
        if path.next().is_some() || root_of(&node, u64::from(self.count)) != *root {
            return Err(refused(&format!("does not lead to the root {root}")));
        }
        let (own, next) = (self.leaf.address(), self.leaf.next());
        if *own == address.0 {
            return Ok(self.leaf.account());
        }
        let last = *next == MetaAddress::ZERO.0;
        if *own < address.0 && (last || address.0 < *next) {
            return Ok(None);
        }
        Err(refused(&format!("says nothing of {address}")))
    }
}

/// What an address holds under a state root, by the encoded proof alone; `None` if it was never
/// credited there.
///
/// # Errors
/// `INVALID_PROOF` if the bytes are no proof, or not one of this address under this root.
pub fn verify_account_proof(
    root: &Root,
    address: &MetaAddress,
    proof: &[u8],
) -> Result<Option<Account>> {
    AccountProof::decode(proof)?.verify(root, address)
}

/// Where a node's sibling is.
enum Side {
    Left,
    Right,
    /// It is the last of an odd number of nodes.
    Nothing,
}

/// The siblings' sides from a leaf up to the top.
fn sides(count: u32, index: u32) -> impl Iterator<Item = Side> {
    let (mut at, mut width) = (index, count);
    std::iter::from_fn(move || {
        if width <= 1 {
            return None;
        }
        let side = match at % 2 {
            1 => Side::Left,
            _ if at + 1 == width => Side::Nothing,
            _ => Side::Right,
        };
        at /= 2;
        width = width.div_ceil(2);
        Some(side)
    })
}

fn siblings(count: u32, index: u32) -> usize {
    sides(count, index)
        .filter(|side| !matches!(side, Side::Nothing))
        .count()
}

fn short() -> Error {
    refused("is malformed")
}

fn refused(why: &str) -> Error {
    Error::new(Code::InvalidProof, format!("the account proof {why}"))
}
