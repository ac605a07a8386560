//! All accounts in the order of their creation, and the way from an address to its place there.
//!
//! Index 0 is the zero address from the beginning, whether or not it is an account yet.

use crate::chunked::Chunked;
use crate::leaf::Leaf;
use crate::sharded::{Keys, Sharded};
use crate::workers::{Workers, each};

/// Stands for the index of an address that has none. No account ever gets it.
pub(crate) const ABSENT: u32 = u32::MAX;

/// Addresses that are looked up together: about 40 µs of cache misses, several times what it takes to tell
/// another thread.
pub(crate) const PART: usize = 512;

pub(crate) struct Accounts {
    leaves: Chunked<Leaf>,
    table: Sharded<u32>,
    keys: Keys,
}

impl Accounts {
    /// Accounts that lie as they should already, and become searchable here, all at once.
    pub(crate) fn from_leaves(leaves: Chunked<Leaf>) -> Self {
        let (mut table, keys) = (Sharded::new(), Keys::random());
        let count = leaves.len();
        table.fill(count, 0..count as u32, |index| hash(&leaves, &keys, *index));
        Self {
            leaves,
            table,
            keys,
        }
    }

    pub(crate) const fn leaves(&self) -> &Chunked<Leaf> {
        &self.leaves
    }

    /// The number of leaves, the zero address included.
    pub(crate) const fn len(&self) -> usize {
        self.leaves.len()
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&Leaf> {
        self.leaves.get(index as usize)
    }

    pub(crate) fn find(&self, address: &[u8; 20]) -> Option<u32> {
        self.find_hashed(self.keys.hash20(address), address)
    }

    #[inline]
    fn find_hashed(&self, hash: u64, address: &[u8; 20]) -> Option<u32> {
        let is_it = |index: &u32| {
            self.get(*index)
                .is_some_and(|leaf| leaf.address() == address)
        };
        self.table.find(hash, is_it).copied()
    }

    /// The index of each address, or [`ABSENT`].
    pub(crate) fn find_many(&self, addresses: &[[u8; 20]], workers: &dyn Workers) -> Vec<u32> {
        let mut found = vec![ABSENT; addresses.len()];
        let parts = addresses.chunks(PART).zip(found.chunks_mut(PART));
        each(workers, parts, |(addresses, found)| {
            self.find_part(addresses, found);
        });
        found
    }

    /// The index of each of at most [`PART`] addresses, or [`ABSENT`].
    ///
    /// In short loops whose turns do not depend on each other: the processor then waits for many of
    /// their cache misses at once. The first guess is whatever the table has under the hash, without
    /// a look at the account, which is only fetched; it is nearly always right, and checked in a loop of its own.
    pub(crate) fn find_part(&self, addresses: &[[u8; 20]], found: &mut [u32]) {
        debug_assert!(addresses.len() <= PART && addresses.len() == found.len());
        let mut hashes = [0; PART];
        for (hash, address) in hashes.iter_mut().zip(addresses) {
            *hash = self.keys.hash20(address);
        }
        for (index, hash) in found.iter_mut().zip(&hashes) {
            *index = self.table.find(*hash, |_| true).copied().unwrap_or(ABSENT);
            self.leaves.prefetch(*index as usize);
        }
        for ((index, address), hash) in found.iter_mut().zip(addresses).zip(hashes) {
            let wrong = *index != ABSENT
                && self
                    .get(*index)
                    .is_none_or(|leaf| leaf.address() != address);
            if wrong {
                *index = self.find_hashed(hash, address).unwrap_or(ABSENT);
            }
        }
    }

    /// Overwrites the leaf at `index`, whose address stays; or adds a leaf at the end.
    pub(crate) fn put(&mut self, index: u32, leaf: Leaf) {
        match self.leaves.get_mut(index as usize) {
            Some(slot) => *slot = leaf,
            None => self.push(leaf),
        }
    }

    fn push(&mut self, leaf: Leaf) {
        let index = self.leaves.len() as u32;
        self.leaves.push(leaf);
        let Self {
            leaves,
            table,
            keys,
        } = self;
        let hash = |index: &u32| hash(leaves, keys, *index);
        table.insert(hash(&index), index, hash);
    }

    /// Removes the newest accounts until `len` are left.
    pub(crate) fn truncate(&mut self, len: usize) {
        for leaf in self.leaves.from(len) {
            let address = leaf.address();
            let is_it = |index: &u32| {
                self.leaves
                    .get(*index as usize)
                    .is_some_and(|leaf| leaf.address() == address)
            };
            self.table.remove(self.keys.hash20(address), is_it);
        }
        self.leaves.truncate(len);
    }

    /// A leaf to be changed in place; its address stays.
    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut Leaf> {
        self.leaves.get_mut(index as usize)
    }
}

fn hash(leaves: &Chunked<Leaf>, keys: &Keys, index: u32) -> u64 {
    let leaf = leaves.get(index as usize);
    leaf.map_or(0, |leaf| keys.hash20(leaf.address()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workers::Alone;

    fn address(number: u32) -> [u8; 20] {
        let mut address = [1; 20];
        address[16..].copy_from_slice(&number.to_le_bytes());
        address
    }

    #[test]
    fn accounts_are_found_as_long_as_they_are_there() {
        let mut leaves = Chunked::new();
        leaves.push(Leaf::new(&[0; 20]));
        let mut accounts = Accounts::from_leaves(leaves);
        for number in 0..5_000 {
            accounts.put(number + 1, Leaf::new(&address(number)));
        }
        let bulk = Accounts::from_leaves(accounts.leaves().clone());
        for accounts in [&accounts, &bulk] {
            assert_eq!(accounts.find(&[0; 20]), Some(0));
            let wanted: Vec<_> = (0..6_000).map(address).collect();
            let expected: Vec<_> = (0..6_000)
                .map(|number| if number < 5_000 { number + 1 } else { ABSENT })
                .collect();
            assert_eq!(accounts.find_many(&wanted, &Alone), expected);
        }
        accounts.truncate(1_001);
        assert_eq!(accounts.len(), 1_001);
        assert_eq!(accounts.find(&address(999)), Some(1_000));
        assert_eq!(accounts.find(&address(1_000)), None);
        accounts.put(1_001, Leaf::new(&address(4_999)));
        assert_eq!(accounts.find(&address(4_999)), Some(1_001));
        assert_eq!(
            accounts.table.len(),
            accounts.len(),
            "nothing is left behind"
        );
    }
}
