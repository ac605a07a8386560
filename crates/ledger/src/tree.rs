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
use crate::room::room_for;
use crate::workers::{Workers, each, gather};

pub(crate) type Node = [u8; 32];

/// Inputs that are gathered before they are hashed: enough that their cache misses overlap, few
/// enough that they are still in the first-level cache afterwards.
const BATCH: usize = 64;

/// Changed leaves that are hashed together, with all above them: about 50 µs, several times what it takes to
/// tell another thread, and few enough that the last part is not long waited for.
const PART: usize = 192;

/// Levels at the top that no part has for itself.
const SHARED_LEVELS: usize = 6;

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

/// Changed nodes, level by level, by ascending index within a level.
#[derive(Clone)]
struct Part {
    /// The level of the first ones.
    first: usize,
    nodes: Vec<Node>,
    indexes: Vec<u32>,
    /// Where each level ends in these two lists.
    ends: Vec<usize>,
}

impl Part {
    /// Nothing yet, with room for `leaves` nodes, among `span`, on the first level and for those above them on `levels`
    /// levels.
    fn with_room(first: usize, leaves: usize, span: usize, levels: usize) -> Self {
        // The lower levels change as many nodes as there are leaves to change, the upper ones half as many each, but
        // one at least.
        let full = (span / leaves.max(1)).max(1).ilog2() as usize;
        let room = room_for(leaves * (full.min(levels) + 3) + levels);
        Self {
            first,
            nodes: Vec::with_capacity(room),
            indexes: Vec::with_capacity(room),
            ends: Vec::with_capacity(levels + 1),
        }
    }

    /// The indexes and nodes of a level.
    fn level(&self, level: usize) -> (&[u32], &[Node]) {
        let range = level.checked_sub(self.first).and_then(|at| {
            let start = at.checked_sub(1).map_or(Some(&0), |at| self.ends.get(at));
            Some(*start?..*self.ends.get(at)?)
        });
        let range = range.unwrap_or_default();
        (&self.indexes[range.clone()], &self.nodes[range])
    }

    /// Where the last level begins.
    fn last_start(&self) -> usize {
        let before = self.ends.len().checked_sub(2);
        before
            .and_then(|at| self.ends.get(at))
            .copied()
            .unwrap_or(0)
    }

    /// Moves the last level to the end of another part.
    fn give_last(&mut self, to: &mut Self) {
        let start = self.last_start();
        to.nodes.extend_from_slice(&self.nodes[start..]);
        to.indexes.extend_from_slice(&self.indexes[start..]);
        self.nodes.truncate(start);
        self.indexes.truncate(start);
        self.ends.pop();
    }
}

/// Where a batch is gathered and hashed: made once for many levels, of which the upper ones have few nodes.
struct Room {
    pairs: [Pair; BATCH],
    hashes: [Node; BATCH],
}

impl Room {
    const fn new() -> Self {
        Self {
            pairs: [Pair::EMPTY; BATCH],
            hashes: [[0; 32]; BATCH],
        }
    }
}

/// Everything in the tree that a change of leaves changes.
#[derive(Clone)]
pub(crate) struct Overlay {
    /// Leaves after the change.
    count: usize,
    /// Each level's nodes ascend from part to part.
    parts: Vec<Part>,
    root: Root,
}

impl Overlay {
    pub(crate) const fn root(&self) -> Root {
        self.root
    }

    /// Puts the nodes of one level into it.
    fn apply_level(&self, at: usize, level: &mut Chunked<Pair>) {
        let width = width(self.count, at);
        level.truncate(width.div_ceil(2));
        if width % 2 == 1
            && let Some(last) = level.get_mut(width / 2)
        {
            last.set(1, &PADDING);
        }
        for part in &self.parts {
            let (indexes, nodes) = part.level(at);
            for (index, node) in indexes.iter().zip(nodes) {
                put(level, *index as usize, node);
            }
        }
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
            hashing.hash_all(
                &DOMAINS.leaf,
                slice.iter().map(|line| line.0.as_bytes()),
                &mut nodes,
            );
            at = append(&mut level, at, &nodes);
        }
        let mut width = count;
        while width > 1 {
            let mut above = Chunked::new();
            let mut at = 0;
            for slice in level.slices(0) {
                nodes.clear();
                hashing.hash_all(
                    &DOMAINS.node,
                    slice.iter().map(|line| &line.0.0),
                    &mut nodes,
                );
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
    pub(crate) fn overlay(
        &self,
        count: usize,
        indexes: &[u32],
        leaves: &[Leaf],
        workers: &dyn Workers,
    ) -> Overlay {
        let levels = top_level(count);
        // Parts are made of whole trees below this level, so that they do not meet before it.
        let shared = levels.saturating_sub(SHARED_LEVELS);
        let cuts = cuts(indexes, shared);
        let alone = cuts.len() < 3;
        let top = if alone { levels } else { shared };
        let mut parts = gather(workers, cuts.len() - 1, |part| {
            let range = cuts[part]..cuts[part + 1];
            let own = &indexes[range.clone()];
            let ends = own.last().zip(own.first());
            let span = ends.map_or(0, |(last, first)| last - first);
            let mut part = Part::with_room(0, own.len(), span as usize, top);
            // From here on each level is fetched from memory while the one below it is hashed.
            if let Some(pairs) = self.levels.first() {
                own.iter()
                    .for_each(|index| pairs.prefetch(*index as usize / 2));
            }
            let bytes = leaves[range].iter().map(Leaf::as_bytes);
            self.hashing.hash_all(&DOMAINS.leaf, bytes, &mut part.nodes);
            part.indexes.extend_from_slice(own);
            part.ends.push(part.nodes.len());
            self.hash_up(count, top, &mut part);
            part
        });
        if !alone {
            let mut above = Part::with_room(shared, 1 << SHARED_LEVELS, 0, SHARED_LEVELS);
            parts.iter_mut().for_each(|part| part.give_last(&mut above));
            above.ends.push(above.nodes.len());
            self.hash_up(count, levels, &mut above);
            parts.push(above);
        }
        let top = parts.last().and_then(|part| part.nodes.last());
        let top = top.or_else(|| self.top());
        let root = root_of(top.unwrap_or(&PADDING), count as u64);
        Overlay { count, parts, root }
    }

    /// Adds to a part, which has one level, the levels up to this one.
    fn hash_up(&self, count: usize, to: usize, part: &mut Part) {
        let mut room = Room::new();
        for level in part.first..to {
            let start = part.last_start();
            self.hash_level(level, width(count, level), start, part, &mut room);
            part.ends.push(part.nodes.len());
        }
    }

    /// Adds the parents of a level's changed nodes, which lie from `start` to the end.
    fn hash_level(
        &self,
        level: usize,
        width: usize,
        start: usize,
        part: &mut Part,
        Room { pairs, hashes }: &mut Room,
    ) {
        let base = self.levels.get(level);
        let end = part.nodes.len();
        let above = self.levels.get(level + 1);
        let above = above.filter(|above| above.len() > CACHED);
        let mut at = start;
        while at < end {
            let mut filled = 0;
            for pair in &mut *pairs {
                let changed = part.indexes[at..end].iter().zip(&part.nodes[at..end]);
                let mut changed = changed.map(|(index, node)| (*index as usize, node));
                let Some((index, node)) = changed.next() else {
                    break;
                };
                let parent = index / 2;
                match base.and_then(|base| base.get(parent)) {
                    Some(base) => pair.0 = base.0,
                    None => pair.0 = Pair::EMPTY.0,
                }
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
                part.indexes.push(parent as u32);
                if let Some(above) = above {
                    above.prefetch(parent / 2);
                }
                filled += 1;
            }
            let mut inputs = [&[0; BLOCK_BYTES]; BATCH];
            for (input, pair) in inputs.iter_mut().zip(&*pairs) {
                *input = &pair.0;
            }
            self.hashing
                .hash_many(&DOMAINS.node, &inputs[..filled], &mut hashes[..filled]);
            part.nodes.extend_from_slice(&hashes[..filled]);
        }
    }

    fn top(&self) -> Option<&Node> {
        Some(self.levels.last()?.get(0)?.node(0))
    }

    /// Makes the tree what the overlay, computed from this very tree, says.
    pub(crate) fn apply(&mut self, overlay: &Overlay, workers: &dyn Workers) {
        self.levels
            .resize_with(top_level(overlay.count) + 1, Chunked::new);
        // Levels lie apart from each other: each is written by whoever has time.
        let levels = self.levels.iter_mut().enumerate();
        each(workers, levels, |(at, level)| {
            overlay.apply_level(at, level)
        });
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

/// The level of the top node over so many leaves.
fn top_level(count: usize) -> usize {
    count.max(1).next_power_of_two().ilog2() as usize
}

/// The nodes of a level over so many leaves.
const fn width(count: usize, level: usize) -> usize {
    count.div_ceil(1 << level)
}

/// Where the ascending indexes are cut into parts, ends included: between trees whose tops are on this
/// level, and so that each part has [`PART`] leaves or a few more.
fn cuts(indexes: &[u32], level: usize) -> Vec<usize> {
    let mut cuts = vec![0];
    let mut next = PART;
    while next + PART <= indexes.len() {
        let tree = indexes[next] >> level;
        let cut = indexes.partition_point(|index| index >> level < tree);
        if cuts.last() != Some(&cut) {
            cuts.push(cut);
        }
        next += PART;
    }
    cuts.push(indexes.len());
    cuts
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
