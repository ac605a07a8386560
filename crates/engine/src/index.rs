//! Where the blocks of the present chain lie: by height, by metachain hash, by native hash.

use std::collections::VecDeque;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use libmetachain_ledger::store::Place;
use libmetachain_primitives::{BlockHash, NativeHash};

/// How callers name a block of the present chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockRef {
    /// By its metachain height.
    Height(u64),
    /// By its metachain hash.
    Hash(BlockHash),
    /// By the hash of the native block that carries it.
    Native(NativeHash),
}

/// A block of the present chain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) hash: BlockHash,
    pub(crate) native: NativeHash,
    /// Its record's number in the log.
    pub(crate) sequence: u64,
    pub(crate) place: Place,
}

/// The newest blocks of the present chain, about 100 bytes each; those before are looked up in the
/// store's index. Opened from the log alone, it holds all blocks.
#[derive(Default)]
pub(crate) struct Index {
    /// The height of the last block that is not here.
    base: u64,
    entries: VecDeque<Entry>,
    /// Heights, of which the low half tells blocks in memory apart.
    by_hash: HashTable<u32>,
    by_native: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Index {
    /// Begins behind a block that is not held.
    pub(crate) fn after(base: u64) -> Self {
        Index {
            base,
            ..Index::default()
        }
    }

    /// The height of the last block, 0 if there is none.
    pub(crate) fn height(&self) -> u64 {
        self.base + self.entries.len() as u64
    }

    /// The height of the last block that is not held.
    pub(crate) fn base(&self) -> u64 {
        self.base
    }

    /// The newest entries, `count` at most, by ascending height.
    pub(crate) fn newest(&self, count: usize) -> impl ExactSizeIterator<Item = &Entry> {
        let skipped = self.entries.len().saturating_sub(count);
        self.entries.iter().skip(skipped)
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        self.entries.push_back(entry);
        self.list(self.height());
    }

    /// Takes in the block before the first that is held.
    pub(crate) fn push_front(&mut self, entry: Entry) {
        self.entries.push_front(entry);
        self.base -= 1;
        self.list(self.base + 1);
    }

    fn list(&mut self, height: u64) {
        let Index {
            base,
            entries,
            hasher,
            ..
        } = self;
        let at = |low: &u32| &entries[(*low).wrapping_sub(*base as u32) as usize - 1];
        let low = height as u32;
        let entry = at(&low);
        self.by_hash
            .insert_unique(hasher.hash_one(entry.hash), low, |low| {
                hasher.hash_one(at(low).hash)
            });
        self.by_native
            .insert_unique(hasher.hash_one(entry.native), low, |low| {
                hasher.hash_one(at(low).native)
            });
    }

    pub(crate) fn pop(&mut self) -> Option<Entry> {
        let low = self.height() as u32;
        let entry = self.entries.pop_back()?;
        for (table, hash) in [
            (&mut self.by_hash, self.hasher.hash_one(entry.hash)),
            (&mut self.by_native, self.hasher.hash_one(entry.native)),
        ] {
            if let Ok(found) = table.find_entry(hash, |other| *other == low) {
                found.remove();
            }
        }
        Some(entry)
    }

    /// The tip, unless it is not held.
    pub(crate) fn last(&self) -> Option<&Entry> {
        self.entries.back()
    }

    /// The block and its height, if it is held.
    pub(crate) fn get(&self, block: BlockRef) -> Option<(u64, &Entry)> {
        let height = match block {
            BlockRef::Height(height) => height,
            BlockRef::Hash(hash) => {
                let found = self.by_hash.find(self.hasher.hash_one(hash), |low| {
                    self.held(*low).is_some_and(|entry| entry.hash == hash)
                });
                self.height_of(*found?)
            }
            BlockRef::Native(native) => {
                let found = self.by_native.find(self.hasher.hash_one(native), |low| {
                    self.held(*low).is_some_and(|entry| entry.native == native)
                });
                self.height_of(*found?)
            }
        };
        let at = usize::try_from(height.checked_sub(self.base + 1)?).ok()?;
        Some((height, self.entries.get(at)?))
    }

    fn held(&self, low: u32) -> Option<&Entry> {
        let at = self.height_of(low).checked_sub(self.base + 1)?;
        self.entries.get(usize::try_from(at).ok()?)
    }

    /// The height of a held block from its low half.
    fn height_of(&self, low: u32) -> u64 {
        self.base + u64::from(low.wrapping_sub(self.base as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(n: u8) -> Entry {
        Entry {
            hash: BlockHash([n; 32]),
            native: NativeHash([n ^ 0xff; 32]),
            sequence: u64::from(n),
            place: Place {
                segment: 0,
                offset: u64::from(n),
                len: 1,
            },
        }
    }

    #[test]
    fn blocks_are_found_by_every_name_until_they_are_popped() {
        let mut index = Index::default();
        (1..=200).for_each(|n| index.push(entry(n)));
        for n in 1..=200u8 {
            for name in [
                BlockRef::Height(u64::from(n)),
                BlockRef::Hash(entry(n).hash),
                BlockRef::Native(entry(n).native),
            ] {
                let (height, found) = index.get(name).unwrap();
                assert_eq!((height, found.sequence), (u64::from(n), u64::from(n)));
            }
        }
        assert!(index.get(BlockRef::Height(0)).is_none());
        assert!(index.get(BlockRef::Height(201)).is_none());
        for n in (1..=200u8).rev() {
            assert_eq!(index.pop().unwrap().sequence, u64::from(n));
            assert!(index.get(BlockRef::Hash(entry(n).hash)).is_none());
            assert!(index.get(BlockRef::Native(entry(n).native)).is_none());
            assert_eq!(index.height(), u64::from(n) - 1);
        }
        assert!(index.pop().is_none());
    }

    #[test]
    fn blocks_before_the_first_held_are_not_here_until_they_are_taken_in() {
        let mut index = Index::after(u64::from(u32::MAX) - 1);
        for n in 1..=4 {
            index.push(entry(n));
        }
        let first = u64::from(u32::MAX);
        assert_eq!(index.height(), first + 3);
        for n in 1..=4u8 {
            let found = index.get(BlockRef::Hash(entry(n).hash)).unwrap();
            assert_eq!(
                (found.0, found.1.sequence),
                (first + u64::from(n) - 1, u64::from(n))
            );
        }
        assert!(index.get(BlockRef::Height(first - 1)).is_none());
        index.push_front(entry(9));
        let found = index.get(BlockRef::Native(entry(9).native)).unwrap();
        assert_eq!((found.0, found.1.sequence), (first - 1, 9));
        assert_eq!(
            index.newest(2).map(|e| e.sequence).collect::<Vec<_>>(),
            [3, 4]
        );
        (0..5).for_each(|_| assert!(index.pop().is_some()));
        assert_eq!((index.height(), index.base()), (first - 2, first - 2));
    }
}
