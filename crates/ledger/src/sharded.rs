//! A hash table of indexes in many small shards, under a hash that nobody outside can predict.
//!
//! Addresses and transaction ids are chosen by strangers, who could otherwise search for many
//! that collide and make every block slow. The hash is therefore universal with random keys:
//! for any two different inputs that do not depend on the keys, the chance of equal hashes is at
//! most 2^-63 (multilinear hashing: each word times its own random 128-bit key, sum modulo 2^128,
//! upper half). Nothing that leaves the ledger depends on the keys: the tables are never
//! iterated where bytes come out.
//!
//! Shards keep growth small: a table that doubles moves one shard, not a million entries, in the
//! middle of a block.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

const SHARDS: usize = 256;

/// Random keys for inputs of up to 32 bytes.
#[derive(Clone)]
pub(crate) struct Keys {
    start: u128,
    words: [u128; 4],
}

impl Keys {
    /// Fresh keys from the operating system's randomness, by way of the standard library's.
    pub(crate) fn random() -> Self {
        let source = RandomState::new();
        let mut counter = 0u64;
        let mut key = || {
            counter += 2;
            u128::from(source.hash_one(counter)) << 64 | u128::from(source.hash_one(counter + 1))
        };
        Self {
            start: key(),
            words: [key(), key(), key(), key()],
        }
    }

    #[inline]
    pub(crate) fn hash20(&self, bytes: &[u8; 20]) -> u64 {
        let [a, b, c, _] = words(bytes);
        self.mix([a, b, c, 0])
    }

    #[inline]
    pub(crate) fn hash32(&self, bytes: &[u8; 32]) -> u64 {
        self.mix(words(bytes))
    }

    #[inline]
    fn mix(&self, words: [u64; 4]) -> u64 {
        let sum = words
            .iter()
            .zip(&self.words)
            .fold(self.start, |sum, (word, key)| {
                sum.wrapping_add(key.wrapping_mul(u128::from(*word)))
            });
        (sum >> 64) as u64
    }
}

/// Up to 32 bytes as little-endian words, zeros behind the end.
#[inline]
fn words<const N: usize>(bytes: &[u8; N]) -> [u64; 4] {
    let mut padded = [0u8; 32];
    for (to, from) in padded.iter_mut().zip(bytes) {
        *to = *from;
    }
    let mut words = [0u64; 4];
    for (word, chunk) in words.iter_mut().zip(padded.as_chunks().0) {
        *word = u64::from_le_bytes(*chunk);
    }
    words
}

/// A table from a hash to values that the caller can tell apart.
#[derive(Clone)]
pub(crate) struct Sharded<T> {
    shards: Box<[HashTable<T>]>,
}

impl<T> Sharded<T> {
    pub(crate) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| HashTable::new()).collect(),
        }
    }

    /// The table uses the lowest and the highest bits of a hash itself; the shard is from between.
    #[inline]
    const fn shard(hash: u64) -> usize {
        (hash >> 40) as usize % SHARDS
    }

    #[inline]
    pub(crate) fn find(&self, hash: u64, eq: impl FnMut(&T) -> bool) -> Option<&T> {
        self.shards.get(Self::shard(hash))?.find(hash, eq)
    }

    /// Adds a value that is not in the table yet; `hasher` gives the hash of one that is.
    pub(crate) fn insert(&mut self, hash: u64, value: T, hasher: impl Fn(&T) -> u64) {
        if let Some(shard) = self.shards.get_mut(Self::shard(hash)) {
            shard.insert_unique(hash, value, hasher);
        }
    }

    pub(crate) fn remove(&mut self, hash: u64, eq: impl FnMut(&T) -> bool) -> Option<T> {
        let entry = self
            .shards
            .get_mut(Self::shard(hash))?
            .find_entry(hash, eq)
            .ok()?;
        Some(entry.remove().0)
    }

    /// Adds `count` values that are not in the table yet. A batch at a time is sorted by shard, so
    /// that the shard at work stays in the cache.
    pub(crate) fn fill(
        &mut self,
        count: usize,
        mut values: impl Iterator<Item = T>,
        hasher: impl Fn(&T) -> u64,
    ) {
        const BATCH: usize = 1 << 20;
        // Four deviations more than the mean: hardly a shard will have to grow meanwhile.
        let room = |count: usize| count / SHARDS + 4 * (count / SHARDS).isqrt() + 1;
        for shard in &mut self.shards {
            shard.reserve(room(count), &hasher);
        }
        let batch = room(count.min(BATCH));
        let mut sorted: Vec<_> = (0..SHARDS).map(|_| Vec::with_capacity(batch)).collect();
        let mut more = true;
        while more {
            let mut taken = 0;
            for value in values.by_ref().take(BATCH) {
                let hash = hasher(&value);
                if let Some(values) = sorted.get_mut(Self::shard(hash)) {
                    values.push((hash, value));
                }
                taken += 1;
            }
            for (shard, values) in self.shards.iter_mut().zip(&mut sorted) {
                for (hash, value) in values.drain(..) {
                    shard.insert_unique(hash, value, &hasher);
                }
            }
            more = taken == BATCH;
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(HashTable::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_an_input_counts() {
        let keys = Keys::random();
        let base = [7u8; 32];
        for at in 0..32 {
            let mut other = base;
            other[at] ^= 1;
            assert_ne!(keys.hash32(&base), keys.hash32(&other), "byte {at}");
        }
        let base = [7u8; 20];
        for at in 0..20 {
            let mut other = base;
            other[at] ^= 1;
            assert_ne!(keys.hash20(&base), keys.hash20(&other), "byte {at}");
        }
    }

    #[test]
    fn two_tables_do_not_share_keys() {
        let input = [1u8; 20];
        assert_ne!(Keys::random().hash20(&input), Keys::random().hash20(&input));
    }

    #[test]
    fn values_are_found_until_removed_and_shards_fill_evenly() {
        let keys = Keys::random();
        let hash = |value: &u32| {
            // As addresses are: hashes of something. Of numbers that follow one another the hashes do too, and one
            // key in a hundred puts those in few shards.
            let mut bytes = [0; 20];
            let mut word = u64::from(*value) + 1;
            for chunk in bytes.chunks_mut(4) {
                word = (word ^ (word >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                chunk.copy_from_slice(&word.to_be_bytes()[..4]);
            }
            keys.hash20(&bytes)
        };
        let mut table = Sharded::new();
        table.fill(7_000, 0..7_000, hash);
        for value in 7_000..20_000u32 {
            table.insert(hash(&value), value, hash);
        }
        assert!(
            table
                .shards
                .iter()
                .all(|shard| (20..160).contains(&shard.len()))
        );
        for value in 0..20_000u32 {
            assert_eq!(
                table.find(hash(&value), |found| *found == value),
                Some(&value)
            );
        }
        for value in (0..20_000u32).step_by(2) {
            assert_eq!(
                table.remove(hash(&value), |found| *found == value),
                Some(value)
            );
            assert_eq!(table.remove(hash(&value), |found| *found == value), None);
        }
        assert_eq!(table.len(), 10_000);
        assert_eq!(table.find(hash(&4), |found| *found == 4), None);
        assert_eq!(table.find(hash(&5), |found| *found == 5), Some(&5));
    }
}
