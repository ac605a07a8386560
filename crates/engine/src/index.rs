//! Where the blocks of the present chain lie: by height, by metachain hash, by native hash.

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

/// The present chain, block 1 first. About 100 bytes a block.
#[derive(Default)]
pub(crate) struct Index {
    entries: Vec<Entry>,
    by_hash: HashTable<u32>,
    by_native: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Index {
    /// The height of the last block, 0 if there is none.
    pub(crate) fn height(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        // Four thousand million blocks are some thousand years away.
        let at = self.entries.len() as u32;
        self.entries.push(entry);
        let Index {
            entries, hasher, ..
        } = self;
        self.by_hash
            .insert_unique(hasher.hash_one(entry.hash), at, |at| {
                hasher.hash_one(entries[*at as usize].hash)
            });
        self.by_native
            .insert_unique(hasher.hash_one(entry.native), at, |at| {
                hasher.hash_one(entries[*at as usize].native)
            });
    }

    pub(crate) fn pop(&mut self) -> Option<Entry> {
        let at = self.entries.len().checked_sub(1)? as u32;
        let entry = self.entries.pop()?;
        if let Ok(found) = self
            .by_hash
            .find_entry(self.hasher.hash_one(entry.hash), |other| *other == at)
        {
            found.remove();
        }
        if let Ok(found) = self
            .by_native
            .find_entry(self.hasher.hash_one(entry.native), |other| *other == at)
        {
            found.remove();
        }
        Some(entry)
    }

    pub(crate) fn last(&self) -> Option<&Entry> {
        self.entries.last()
    }

    /// The block and its height.
    pub(crate) fn get(&self, block: BlockRef) -> Option<(u64, &Entry)> {
        let height = match block {
            BlockRef::Height(height) => height,
            BlockRef::Hash(hash) => self
                .by_hash
                .find(self.hasher.hash_one(hash), |at| {
                    self.entries[*at as usize].hash == hash
                })
                .map(|at| u64::from(*at) + 1)?,
            BlockRef::Native(native) => self
                .by_native
                .find(self.hasher.hash_one(native), |at| {
                    self.entries[*at as usize].native == native
                })
                .map(|at| u64::from(*at) + 1)?,
        };
        let at = usize::try_from(height.checked_sub(1)?).ok()?;
        Some((height, self.entries.get(at)?))
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
}
