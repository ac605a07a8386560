//! The state tree: a dense binary Merkle tree over the account array, updated a level at a time.
//!
//! - a leaf's hash is the leaf's 64 bytes, hashed;
//! - a node's hash is its two children's, hashed; where a level has an odd number of nodes, the last
//!   one's right sibling is 32 zero bytes;
//! - the root is the top node, the number of leaves in 8 little-endian bytes and 24 zero bytes,
//!   hashed. A single leaf is its own top node.
//!
//! Hashing is BLAKE3 with a key for each of the three, so that none can be taken for another. A tree
//! of a given list of leaves has one root, whatever happened before.
//!
//! Levels lie in memory as pairs of siblings, just as they are hashed, one pair to a cache line. A
//! change is first computed beside the tree, as an [`Overlay`], and moves in only when it is wanted.

use std::sync::LazyLock;

use libmetachain_primitives::Root;
use libmetachain_primitives::tree_hash::{BLOCK_BYTES, Domain, PADDING};

use crate::chunked::Chunked;
use crate::leaf::Leaf;

pub(crate) type Node = [u8; 32];

/// Inputs that are gathered before they are hashed: enough that their cache misses overlap, few
/// enough that they are still in the first-level cache afterwards.
const BATCH: usize = 64;

/// Pairs of a level that stay in the second-level cache from block to block, or nearly so.
const CACHED: usize = 1 << 9;

struct Domains {
    leaf: Domain,
    node: Domain,
    root: Domain,
}

static DOMAINS: LazyLock<Domains> = LazyLock::new(|| Domains {
    leaf: Domain::new("libmetachain 2026 state leaf v1"),
    node: Domain::new("libmetachain 2026 state node v1"),
    root: Domain::new("libmetachain 2026 state root v1"),
});

/// How hashes are computed. Both ways give the same bytes; the tests hold them to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hashing {
    /// Up to sixteen at a time, by the widest vector instructions of this processor.
    #[default]
    Simd,
    /// One at a time, through the documented interface of `blake3`.
    Scalar,
}

impl Hashing {
    fn hash_many(self, domain: &Domain, inputs: &[&[u8; BLOCK_BYTES]], out: &mut [Node]) {
        match self {
            Self::Simd => domain.hash_many(inputs, out.as_flattened_mut()),
            Self::Scalar => domain.hash_many_scalar(inputs, out.as_flattened_mut()),
        }
    }

    /// Hashes inputs of any number, gathered a batch at a time, to the end of `out`.
    fn hash_all<'a>(
        self,
        domain: &Domain,
        inputs: impl Iterator<Item = &'a [u8; BLOCK_BYTES]>,
        out: &mut Vec<Node>,
    ) {
        let mut batch = [&[0; BLOCK_BYTES]; BATCH];
        let mut hashes = [[0; 32]; BATCH];
        let mut inputs = inputs.peekable();
        while inputs.peek().is_some() {
            let mut count = 0;
            for (slot, input) in batch.iter_mut().zip(inputs.by_ref().take(BATCH)) {
                *slot = input;
                count += 1;
            }
            self.hash_many(domain, &batch[..count], &mut hashes[..count]);
            out.extend_from_slice(&hashes[..count]);
        }
    }
}

/// Two sibling nodes; the right one is zeros where there is none.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Pair([u8; BLOCK_BYTES]);

impl Pair {
    const EMPTY: Self = Self([0; BLOCK_BYTES]);

    /// The node of the pair that has this index in its level.
    #[inline]
    fn node(&self, index: usize) -> &Node {
        &self.0.as_chunks().0[index & 1]
    }

    #[inline]
    fn set(&mut self, index: usize, node: &Node) {
        self.0.as_chunks_mut().0[index & 1] = *node;
    }
}

/// The root that a top node and a number of leaves make.
pub(crate) fn root_of(top: &Node, count: u64) -> Root {
    let mut input = [0; BLOCK_BYTES];
    input.as_chunks_mut().0[0] = *top;
    input.as_chunks_mut().0[4] = count.to_le_bytes();
    Root(DOMAINS.root.hash(&input))
}

/// The hash of a leaf.
pub(crate) fn leaf_hash(leaf: &Leaf) -> Node {
    DOMAINS.leaf.hash(leaf.as_bytes())
}

/// The hash of a node above two others.
pub(crate) fn node_hash(left: &Node, right: &Node) -> Node {
    let mut pair = Pair::EMPTY;
    pair.set(0, left);
    pair.set(1, right);
    DOMAINS.node.hash(&pair.0)
}

/// Everything in the tree that a change of leaves changes.
#[derive(Clone)]
pub(crate) struct Overlay {
    /// Leaves after the change.
    count: usize,
    /// The changed nodes, level by level, by ascending index within a level.
    nodes: Vec<Node>,
    indexes: Vec<u32>,
    /// Where each level ends in these two lists.
    ends: Vec<usize>,
    root: Root,
}

impl Overlay {
    pub(crate) const fn root(&self) -> Root {
        self.root
    }
}

pub(crate) struct Tree {
    /// From the leaf hashes up to the top, which is a level of one node.
    levels: Vec<Chunked<Pair>>,
    count: usize,
    hashing: Hashing,
    root: Root,
}

impl Tree {
    /// Hashes all leaves, of which there is at least one.
    pub(crate) fn build(leaves: &Chunked<Leaf>, hashing: Hashing) -> Self {
        let count = leaves.len();
        let mut levels = Vec::new();
        let mut nodes = Vec::new();
        let mut level = Chunked::new();
        let mut at = 0;
        for slice in leaves.slices(0) {
            nodes.clear();
            hashing.hash_all(&DOMAINS.leaf, slice.iter().map(Leaf::as_bytes), &mut nodes);
            at = append(&mut level, at, &nodes);
        }
        let mut width = count;
        while width > 1 {
            let mut above = Chunked::new();
            let mut at = 0;
            for slice in level.slices(0) {
                nodes.clear();
                hashing.hash_all(&DOMAINS.node, slice.iter().map(|pair| &pair.0), &mut nodes);
                at = append(&mut above, at, &nodes);
            }
            levels.push(level);
            level = above;
            width = width.div_ceil(2);
        }
        let root = root_of(
            level.get(0).map_or(&PADDING, |pair| pair.node(0)),
            count as u64,
        );
        levels.push(level);
        Self {
            levels,
            count,
            hashing,
            root,
        }
    }

    pub(crate) const fn root(&self) -> Root {
        self.root
    }

    pub(crate) const fn hashing(&self) -> Hashing {
        self.hashing
    }

    /// What the tree becomes when these leaves are put at these indexes, which ascend, and there are
    /// `count` leaves in all.
    ///
    /// Leaves beyond the old count must all be given, and where leaves are dropped the new last one
    /// must be: nodes above it have lost a child.
    pub(crate) fn overlay(&self, count: usize, indexes: &[u32], leaves: &[Leaf]) -> Overlay {
        // The lower levels change nearly as many nodes as there are leaves to change, the upper
        // ones half as many each.
        let levels = (count.max(2) - 1).ilog2() as usize + 1;
        let full = levels.saturating_sub(leaves.len().max(1).ilog2() as usize);
        let room = leaves.len() * (full + 2);
        let mut overlay = Overlay {
            count,
            nodes: Vec::with_capacity(room),
            indexes: Vec::with_capacity(room),
            ends: Vec::with_capacity(levels + 1),
            root: self.root,
        };
        let bytes = leaves.iter().map(Leaf::as_bytes);
        self.hashing
            .hash_all(&DOMAINS.leaf, bytes, &mut overlay.nodes);
        overlay.indexes.extend_from_slice(indexes);
        overlay.ends.push(overlay.nodes.len());
        let (mut start, mut width, mut level) = (0, count, 0);
        while width > 1 {
            let end = overlay.nodes.len();
            self.hash_level(level, width, start, &mut overlay);
            overlay.ends.push(overlay.nodes.len());
            start = end;
            width = width.div_ceil(2);
            level += 1;
        }
        let top = overlay.nodes.get(start).or_else(|| self.top());
        overlay.root = root_of(top.unwrap_or(&PADDING), count as u64);
        overlay
    }

    /// Adds the parents of a level's changed nodes, which lie from `start` to the end.
    fn hash_level(&self, level: usize, width: usize, start: usize, overlay: &mut Overlay) {
        let base = self.levels.get(level);
        let end = overlay.nodes.len();
        if let Some(base) = base.filter(|base| base.len() > CACHED) {
            touch(base, &overlay.indexes[start..end]);
        }
        let mut at = start;
        let mut pairs = [Pair::EMPTY; BATCH];
        let mut hashes = [[0; 32]; BATCH];
        while at < end {
            let mut filled = 0;
            for pair in &mut pairs {
                let changed = overlay.indexes[at..end].iter().zip(&overlay.nodes[at..end]);
                let mut changed = changed.map(|(index, node)| (*index as usize, node));
                let Some((index, node)) = changed.next() else {
                    break;
                };
                let parent = index / 2;
                *pair = base
                    .and_then(|base| base.get(parent))
                    .copied()
                    .unwrap_or(Pair::EMPTY);
                if 2 * parent + 1 >= width {
                    pair.set(1, &PADDING);
                }
                pair.set(index, node);
                at += 1;
                if let Some((sibling, node)) = changed.next()
                    && sibling / 2 == parent
                {
                    pair.set(sibling, node);
                    at += 1;
                }
                overlay.indexes.push(parent as u32);
                filled += 1;
            }
            let mut inputs = [&[0; BLOCK_BYTES]; BATCH];
            for (input, pair) in inputs.iter_mut().zip(&pairs) {
                *input = &pair.0;
            }
            self.hashing
                .hash_many(&DOMAINS.node, &inputs[..filled], &mut hashes[..filled]);
            overlay.nodes.extend_from_slice(&hashes[..filled]);
        }
    }

    fn top(&self) -> Option<&Node> {
        Some(self.levels.last()?.get(0)?.node(0))
    }

    /// Makes the tree what the overlay, computed from this very tree, says.
    pub(crate) fn apply(&mut self, overlay: &Overlay) {
        self.levels.resize_with(overlay.ends.len(), Chunked::new);
        let mut start = 0;
        let mut width = overlay.count;
        for (level, end) in self.levels.iter_mut().zip(&overlay.ends) {
            level.truncate(width.div_ceil(2));
            if width % 2 == 1
                && let Some(last) = level.get_mut(width / 2)
            {
                last.set(1, &PADDING);
            }
            let changed = overlay.indexes[start..*end]
                .iter()
                .zip(&overlay.nodes[start..*end]);
            for (index, node) in changed {
                put(level, *index as usize, node);
            }
            start = *end;
            width = width.div_ceil(2);
        }
        self.count = overlay.count;
        self.root = overlay.root;
    }

    /// The siblings on the way from a leaf to the top, without those that are padding.
    pub(crate) fn path(&self, index: usize) -> Vec<Node> {
        let mut path = Vec::with_capacity(self.levels.len());
        let (mut at, mut width) = (index, self.count);
        for level in &self.levels {
            let sibling = at ^ 1;
            if sibling < width {
                path.extend(level.get(sibling / 2).map(|pair| *pair.node(sibling)));
            }
            at /= 2;
            width = width.div_ceil(2);
        }
        path
    }
}

/// Brings the pairs of these nodes into the cache. A loop that does nothing else has many of its
/// cache misses under way at once; the gathering after it would wait for few at a time.
fn touch(level: &Chunked<Pair>, indexes: &[u32]) {
    let pairs = indexes
        .iter()
        .filter_map(|index| level.get(*index as usize / 2));
    std::hint::black_box(pairs.fold(0, |sum, pair| sum ^ pair.0[0]));
}

/// Appends nodes to a level that has `at`; gives how many it has then.
fn append(level: &mut Chunked<Pair>, at: usize, nodes: &[Node]) -> usize {
    for (index, node) in (at..).zip(nodes) {
        put(level, index, node);
    }
    at + nodes.len()
}

#[inline]
fn put(level: &mut Chunked<Pair>, index: usize, node: &Node) {
    match level.get_mut(index / 2) {
        Some(pair) => pair.set(index, node),
        None => {
            let mut pair = Pair::EMPTY;
            pair.set(index, node);
            level.push(pair);
        }
    }
}

#[cfg(test)]
mod tests;
