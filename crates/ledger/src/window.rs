//! The transaction ids of the last blocks: none of them may be used again so soon.
//!
//! The ids lie block by block; a table finds them. When a block comes, the oldest one slides out;
//! when the tip is taken back, that one returns, which is why the undo of a block carries it.

use std::collections::VecDeque;

use libmetachain_primitives::TxId;

use crate::sharded::{Keys, Sharded};

/// Where an id lies: the low half of its block's height, and the position in that block.
#[derive(Clone, Copy, PartialEq, Eq)]
struct At {
    height: u32,
    position: u32,
}

pub(crate) struct Window {
    /// How many blocks are remembered.
    depth: usize,
    /// The ids of each remembered block, the oldest first.
    blocks: VecDeque<Box<[TxId]>>,
    /// The height of the newest remembered block, or of genesis.
    height: u64,
    table: Sharded<At>,
    keys: Keys,
}

impl Window {
    /// Nothing remembered, at this height.
    pub(crate) fn new(depth: u32, height: u64) -> Self {
        Self {
            depth: depth as usize,
            blocks: VecDeque::new(),
            height,
            table: Sharded::new(),
            keys: Keys::random(),
        }
    }

    #[inline]
    pub(crate) fn hash(&self, txid: &TxId) -> u64 {
        self.keys.hash32(&txid.0)
    }

    /// Whether the id, of which this is the hash, was used in a remembered block.
    #[inline]
    pub(crate) fn contains(&self, hash: u64, txid: &TxId) -> bool {
        self.table
            .find(hash, |at| self.at(*at) == Some(txid))
            .is_some()
    }

    fn at(&self, at: At) -> Option<&TxId> {
        // Fewer than 2^32 blocks are remembered, so that the low half says which.
        let back = (self.height as u32).wrapping_sub(at.height) as usize;
        let block = self.blocks.len().checked_sub(1)?.checked_sub(back)?;
        self.blocks.get(block)?.get(at.position as usize)
    }

    /// The ids that one more block will push out; `None` while there is room.
    pub(crate) fn next_out(&self) -> Option<&[TxId]> {
        (self.blocks.len() == self.depth).then(|| self.blocks.front().map_or(&[][..], |ids| ids))
    }

    /// Remembers the ids of the next block.
    pub(crate) fn push(&mut self, txids: Vec<TxId>) {
        self.height += 1;
        if self.depth == 0 {
            return;
        }
        if self.blocks.len() == self.depth {
            let oldest = self.height - self.depth as u64;
            if let Some(txids) = self.blocks.pop_front() {
                self.unlist(oldest, &txids);
            }
        }
        self.blocks.push_back(txids.into_boxed_slice());
        self.list(self.height);
    }

    /// Whether the newest block pushed one out, or none, as is said here.
    pub(crate) fn can_pop(&self, pushed_out: Option<&[TxId]>) -> bool {
        pushed_out.is_some() == (self.height > self.depth as u64)
    }

    /// Forgets the newest block, and remembers again the one that it had pushed out.
    pub(crate) fn pop(&mut self, pushed_out: Option<Vec<TxId>>) {
        if let Some(txids) = self.blocks.pop_back() {
            self.unlist(self.height, &txids);
        }
        self.height = self.height.saturating_sub(1);
        // With a gap before the blocks that are remembered, this one would not be next to them.
        if let Some(txids) = pushed_out
            && self.blocks.len() + 1 == self.depth
        {
            self.blocks.push_front(txids.into_boxed_slice());
            self.list(self.height + 1 - self.depth as u64);
        }
    }

    /// The remembered blocks with their heights, the oldest first.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = (u64, &[TxId])> {
        let first = self.height + 1 - self.blocks.len() as u64;
        (first..).zip(self.blocks.iter().map(|ids| &ids[..]))
    }

    /// Whether every block is remembered that should be at this height.
    pub(crate) fn is_complete(&self) -> bool {
        self.blocks.len() as u64 == self.height.min(self.depth as u64)
    }

    /// Enters a remembered block's ids in the table.
    fn list(&mut self, height: u64) {
        let back = (self.height - height) as usize;
        let Some(block) = self.blocks.len().checked_sub(1 + back) else {
            return;
        };
        let Self {
            blocks,
            table,
            keys,
            ..
        } = self;
        let now = self.height as u32;
        let newest = blocks.len() - 1;
        let rehash = |at: &At| {
            let back = now.wrapping_sub(at.height) as usize;
            let txid = newest
                .checked_sub(back)
                .and_then(|block| blocks.get(block)?.get(at.position as usize));
            txid.map_or(0, |txid| keys.hash32(&txid.0))
        };
        let txids = blocks.get(block).map_or(&[][..], |txids| txids);
        for (position, txid) in (0u32..).zip(txids) {
            let at = At {
                height: height as u32,
                position,
            };
            table.insert(keys.hash32(&txid.0), at, rehash);
        }
    }

    /// Removes from the table a block's ids, which need not lie in `blocks` any more.
    fn unlist(&mut self, height: u64, txids: &[TxId]) {
        let height = height as u32;
        for (position, txid) in (0u32..).zip(txids) {
            let at = At { height, position };
            self.table
                .remove(self.keys.hash32(&txid.0), |found| *found == at);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn txid(number: u16) -> TxId {
        let mut bytes = [5; 32];
        bytes[..2].copy_from_slice(&number.to_le_bytes());
        TxId(bytes)
    }

    fn holds(window: &Window, number: u16) -> bool {
        let txid = txid(number);
        window.contains(window.hash(&txid), &txid)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_remembers_exactly_the_last_blocks_also_after_taking_some_back(
            depth in 0u32..6,
            steps in prop::collection::vec((any::<bool>(), 0u16..40), 1..60),
        ) {
            let mut window = Window::new(depth, 0);
            let mut chain: Vec<(Vec<u16>, Option<Vec<TxId>>)> = Vec::new();
            let mut fresh = 0u16;
            for (back, count) in steps {
                if back && let Some((_, out)) = chain.pop() {
                    window.pop(out);
                } else {
                    let numbers: Vec<u16> = (fresh..fresh + count).collect();
                    fresh += count;
                    let out = window.next_out().map(<[TxId]>::to_vec);
                    window.push(numbers.iter().map(|number| txid(*number)).collect());
                    chain.push((numbers, out));
                }
                let recent: Vec<u16> = chain.iter().rev().take(depth as usize).rev()
                    .flat_map(|(numbers, _)| numbers.clone()).collect();
                for number in 0..fresh {
                    prop_assert_eq!(holds(&window, number), recent.contains(&number));
                }
                prop_assert_eq!(window.table.len(), recent.len());
                prop_assert!(window.is_complete());
                let dump: Vec<_> = window.blocks().map(|(height, ids)| (height, ids.len())).collect();
                let first = chain.len().saturating_sub(depth as usize);
                let expected: Vec<_> = chain.iter().enumerate().skip(first)
                    .map(|(at, (numbers, _))| (at as u64 + 1, numbers.len())).collect();
                prop_assert_eq!(dump, expected);
            }
        }
    }
}
