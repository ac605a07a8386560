//! Merkle trees over lists: the transaction root, the withdrawals root and proofs of withdrawals.
//!
//! Shape: leaves in list order; a node hashes its two children; where a level has an odd number of
//! nodes the last one's right sibling is [`PADDING`]; the root hashes the top node, the number of
//! leaves in little-endian and 24 zero bytes, so that a list and its padded form differ. An empty
//! list's top node is [`PADDING`]. Leaves, nodes and roots are hashed in domains of their own.

use std::sync::LazyLock;

use crate::hash::{HASH_BYTES, Root};
use crate::transaction::Transaction;
use crate::tree_hash::{BLOCK_BYTES, Domain, PADDING};

type Hash = [u8; HASH_BYTES];

/// The three domains of one kind of tree.
pub(crate) struct ListTree {
    leaf: Domain,
    node: Domain,
    root: Domain,
}

static TRANSACTIONS: LazyLock<ListTree> = LazyLock::new(|| ListTree {
    leaf: Domain::new("libmetachain 2026 transaction leaf v1"),
    node: Domain::new("libmetachain 2026 transaction node v1"),
    root: Domain::new("libmetachain 2026 transaction root v1"),
});

pub(crate) static WITHDRAWALS: LazyLock<ListTree> = LazyLock::new(|| ListTree {
    leaf: Domain::new("libmetachain 2026 withdrawal leaf v1"),
    node: Domain::new("libmetachain 2026 withdrawal node v1"),
    root: Domain::new("libmetachain 2026 withdrawal root v1"),
});

impl ListTree {
    pub(crate) fn leaf(&self, bytes: &[u8]) -> Hash {
        self.leaf.hash(bytes)
    }

    /// The level above; the hashes are packed one after the other.
    fn parents(&self, level: &mut Vec<u8>) -> Vec<u8> {
        if !level.len().is_multiple_of(BLOCK_BYTES) {
            level.extend_from_slice(&PADDING);
        }
        let (pairs, _) = level.as_chunks::<BLOCK_BYTES>();
        let pairs: Vec<&[u8; BLOCK_BYTES]> = pairs.iter().collect();
        let mut parents = vec![0; pairs.len() * HASH_BYTES];
        self.node.hash_many(&pairs, &mut parents);
        parents
    }

    /// The root over leaf hashes, and the siblings on the way up from leaf `of`.
    pub(crate) fn root_and_path(&self, leaves: Vec<u8>, of: Option<usize>) -> (Root, Vec<Hash>) {
        let count = leaves.len() / HASH_BYTES;
        let mut level = leaves;
        let mut path = Vec::new();
        let mut at = of;
        while level.len() > HASH_BYTES {
            let parents = self.parents(&mut level);
            if let Some(index) = at {
                let sibling = (index ^ 1) * HASH_BYTES;
                path.extend(level.get(sibling..).and_then(<[u8]>::first_chunk));
                at = Some(index / 2);
            }
            level = parents;
        }
        let top = level.first_chunk().unwrap_or(&PADDING);
        (self.root_over(top, count as u64), path)
    }

    pub(crate) fn root_over(&self, top: &Hash, count: u64) -> Root {
        let mut block = [0; BLOCK_BYTES];
        block[..HASH_BYTES].copy_from_slice(top);
        block[HASH_BYTES..HASH_BYTES + 8].copy_from_slice(&count.to_le_bytes());
        Root(self.root.hash(&block))
    }

    pub(crate) fn node(&self, left: &Hash, right: &Hash) -> Hash {
        let mut block = [0; BLOCK_BYTES];
        block[..HASH_BYTES].copy_from_slice(left);
        block[HASH_BYTES..].copy_from_slice(right);
        self.node.hash(&block)
    }
}

/// The commitment to transactions, in order: what a block's header and a native block's own list are compared by.
#[must_use]
pub fn tx_root<'a>(transactions: impl IntoIterator<Item = &'a Transaction>) -> Root {
    let mut transactions = transactions.into_iter().peekable();
    let mut leaves = Vec::with_capacity(transactions.size_hint().0 * HASH_BYTES);
    let mut bytes = Vec::with_capacity(BATCH * WIDE);
    let mut ends = Vec::with_capacity(BATCH);
    while transactions.peek().is_some() {
        bytes.clear();
        ends.clear();
        for transaction in transactions.by_ref().take(BATCH) {
            transaction.encode_leaf(&mut bytes);
            ends.push(bytes.len());
        }
        hash_leaves(&bytes, &ends, &mut leaves);
    }
    TRANSACTIONS.root_and_path(leaves, None).0
}

/// Leaves that are hashed together: as encoded they stay in the first-level cache.
const BATCH: usize = 64;

/// The length of the longer one of the two kinds of leaves that nearly all are.
const WIDE: usize = 2 * BLOCK_BYTES;

/// Hashes encoded transactions, given by where each ends, to the end of `leaves`; those of one length together.
fn hash_leaves(bytes: &[u8], ends: &[usize], leaves: &mut Vec<u8>) {
    let before = leaves.len();
    leaves.resize(before + ends.len() * HASH_BYTES, 0);
    let leaves = &mut leaves[before..];
    let (mut narrow, mut narrow_at) = (Vec::new(), Vec::new());
    let (mut wide, mut wide_at) = (
        Vec::with_capacity(ends.len()),
        Vec::with_capacity(ends.len()),
    );
    let mut start = 0;
    for (at, end) in ends.iter().enumerate() {
        let leaf = &bytes[start..*end];
        start = *end;
        if let Ok(leaf) = <&[u8; BLOCK_BYTES]>::try_from(leaf) {
            narrow.push(leaf);
            narrow_at.push(at);
        } else if let Ok(leaf) = <&[u8; WIDE]>::try_from(leaf) {
            wide.push(leaf);
            wide_at.push(at);
        } else {
            leaves[at * HASH_BYTES..][..HASH_BYTES].copy_from_slice(&TRANSACTIONS.leaf(leaf));
        }
    }
    scatter(&TRANSACTIONS.leaf, &narrow, &narrow_at, leaves);
    scatter(&TRANSACTIONS.leaf, &wide, &wide_at, leaves);
}

/// Hashes inputs of one length and puts each hash where its leaf belongs.
fn scatter<const N: usize>(
    domain: &Domain,
    inputs: &[&[u8; N]],
    places: &[usize],
    leaves: &mut [u8],
) {
    let mut hashes = vec![0; inputs.len() * HASH_BYTES];
    domain.hash_many(inputs, &mut hashes);
    for (hash, at) in hashes.chunks_exact(HASH_BYTES).zip(places) {
        leaves[at * HASH_BYTES..][..HASH_BYTES].copy_from_slice(hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shape as its description says it, recursively and one hash at a time.
    fn naive_top(tree: &ListTree, level: &[Hash]) -> Hash {
        match level {
            [] => PADDING,
            [top] => *top,
            _ => {
                let above: Vec<Hash> = level
                    .chunks(2)
                    .map(|pair| tree.node(&pair[0], pair.get(1).unwrap_or(&PADDING)))
                    .collect();
                naive_top(tree, &above)
            }
        }
    }

    #[test]
    fn the_root_has_the_described_shape() {
        for count in (0..70).chain([127, 128, 129]) {
            let leaves: Vec<Hash> = (0..count).map(|i: u8| [i; HASH_BYTES]).collect();
            let expected =
                WITHDRAWALS.root_over(&naive_top(&WITHDRAWALS, &leaves), u64::from(count));
            let (root, path) = WITHDRAWALS.root_and_path(leaves.concat(), Some(0));
            assert_eq!(root, expected, "{count} leaves");
            let height = usize::from(count).next_power_of_two().ilog2() as usize;
            assert_eq!(path.len(), if count == 0 { 0 } else { height });
        }
    }
}
