//! The accounts in the order of their addresses: who stands right before an address.
//!
//! A new account is linked in behind its predecessor, and a proof that an account does not exist
//! shows the predecessor. Entries are kept in sorted runs of at most [`RUN`], and the runs in one
//! sorted list: a look-up is two binary searches. An entry holds the first eight bytes of its
//! address, so that the account itself is read only where these are equal; strangers who choose
//! addresses with equal beginnings make that happen more often, but the number of steps stays
//! logarithmic.

use std::cmp::Ordering;

use crate::chunked::Chunked;
use crate::leaf::Leaf;

/// Entries in a run before it is split into halves; 3 KiB.
const RUN: usize = 256;
/// Entries in a run that is built from sorted accounts: not full, for it will take more.
const RUN_BUILT: usize = RUN * 3 / 4;

/// Twelve bytes instead of sixteen: there is one for every account.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
struct Entry {
    prefix: u64,
    index: u32,
}

impl Entry {
    fn new(address: &[u8; 20], index: u32) -> Self {
        Self {
            prefix: prefix(address),
            index,
        }
    }

    fn cmp(self, address: &[u8; 20], leaves: &Chunked<Leaf>) -> Ordering {
        let own = self.prefix;
        own.cmp(&prefix(address)).then_with(|| {
            leaves
                .get(self.index as usize)
                .map(Leaf::address)
                .cmp(&Some(address))
        })
    }
}

/// Positions, each with an address, in the order of their addresses; equal ones in any order.
pub(crate) fn in_order<'a>(
    positions: impl IntoIterator<Item = u32>,
    address: impl Fn(u32) -> Option<&'a [u8; 20]>,
) -> Vec<u32> {
    let with_prefix = |position| (address(position).map_or(0, prefix), position);
    let mut keys: Vec<(u64, u32)> = positions.into_iter().map(with_prefix).collect();
    keys.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| address(a.1).cmp(&address(b.1))));
    keys.into_iter().map(|(_, position)| position).collect()
}

fn prefix(address: &[u8; 20]) -> u64 {
    address.first_chunk().copied().map_or(0, u64::from_be_bytes)
}

/// Where an entry is: in which run, and at which place there.
#[derive(Clone, Copy)]
struct Position {
    run: usize,
    at: usize,
}

pub(crate) struct Ordered {
    runs: Vec<Vec<Entry>>,
    /// The first entry of each run, side by side for the search.
    firsts: Vec<Entry>,
}

impl Ordered {
    /// Sorts all accounts. `None` if an address occurs twice.
    pub(crate) fn build(leaves: &Chunked<Leaf>) -> Option<Self> {
        let mut entries: Vec<Entry> = (0..)
            .zip(leaves.iter())
            .map(|(index, leaf)| Entry::new(leaf.address(), index))
            .collect();
        let order = |a: &Entry, b: &Entry| {
            let (own, other) = (a.prefix, b.prefix);
            own.cmp(&other).then_with(|| {
                let address = |entry: &Entry| leaves.get(entry.index as usize).map(Leaf::address);
                address(a).cmp(&address(b))
            })
        };
        entries.sort_unstable_by(order);
        if entries.is_sorted_by(|a, b| order(a, b) == Ordering::Less) {
            let runs = entries.chunks(RUN_BUILT).map(|entries| {
                let mut run = Vec::with_capacity(RUN);
                run.extend_from_slice(entries);
                run
            });
            let firsts = entries.iter().step_by(RUN_BUILT).copied().collect();
            Some(Self {
                runs: runs.collect(),
                firsts,
            })
        } else {
            None
        }
    }

    /// The indexes of all accounts in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        self.runs.iter().flatten().map(|entry| entry.index)
    }

    /// The account with the greatest address not above this one.
    pub(crate) fn floor(&self, address: &[u8; 20], leaves: &Chunked<Leaf>) -> Option<u32> {
        self.entry(self.last(address, leaves, Ordering::is_le)?)
    }

    /// The account with the greatest address below this one.
    pub(crate) fn below(&self, address: &[u8; 20], leaves: &Chunked<Leaf>) -> Option<u32> {
        self.entry(self.last(address, leaves, Ordering::is_lt)?)
    }

    fn entry(&self, position: Position) -> Option<u32> {
        Some(self.runs.get(position.run)?.get(position.at)?.index)
    }

    /// The last entry whose address compares to this one as wanted, which all before it do too.
    fn last(
        &self,
        address: &[u8; 20],
        leaves: &Chunked<Leaf>,
        wanted: fn(Ordering) -> bool,
    ) -> Option<Position> {
        let before = |entry: &Entry| wanted(entry.cmp(address, leaves));
        let run = self.firsts.partition_point(before).checked_sub(1)?;
        let at = self.runs.get(run)?.partition_point(before).checked_sub(1)?;
        Some(Position { run, at })
    }

    /// Adds an account that is not in the order yet.
    pub(crate) fn insert(&mut self, address: &[u8; 20], index: u32, leaves: &Chunked<Leaf>) {
        let entry = Entry::new(address, index);
        let found = self.last(address, leaves, Ordering::is_le);
        let Position { run, at } = found.map_or(Position { run: 0, at: 0 }, |found| Position {
            run: found.run,
            at: found.at + 1,
        });
        if self.runs.is_empty() {
            self.runs.push(Vec::with_capacity(RUN));
            self.firsts.push(entry);
        }
        if let (Some(entries), Some(first)) = (self.runs.get_mut(run), self.firsts.get_mut(run)) {
            entries.insert(at, entry);
            if at == 0 {
                *first = entry;
            }
            if entries.len() == RUN {
                let mut upper = Vec::with_capacity(RUN);
                upper.extend(entries.drain(RUN / 2..));
                self.firsts.splice(run + 1..run + 1, upper.first().copied());
                self.runs.insert(run + 1, upper);
            }
        }
    }

    /// Takes an account out of the order, while its leaf is still there.
    pub(crate) fn remove(&mut self, address: &[u8; 20], leaves: &Chunked<Leaf>) {
        let Some(Position { run, at }) = self.last(address, leaves, Ordering::is_le) else {
            return;
        };
        let Some(entries) = self.runs.get_mut(run) else {
            return;
        };
        if entries
            .get(at)
            .is_none_or(|entry| entry.cmp(address, leaves).is_ne())
        {
            return;
        }
        entries.remove(at);
        match (entries.first(), self.firsts.get_mut(run)) {
            (Some(entry), Some(first)) => *first = *entry,
            _ => {
                self.runs.remove(run);
                self.firsts.remove(run);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Few distinct bytes, so that equal prefixes of eight bytes and more are common.
    fn address() -> impl Strategy<Value = [u8; 20]> {
        prop_oneof![
            any::<[u8; 20]>(),
            any::<u16>().prop_map(|tail| {
                let mut address = [7; 20];
                address[18..].copy_from_slice(&tail.to_le_bytes());
                address
            }),
        ]
    }

    fn check(
        ordered: &Ordered,
        leaves: &Chunked<Leaf>,
        model: &BTreeMap<[u8; 20], u32>,
        of: &[u8; 20],
    ) {
        assert_eq!(
            ordered.floor(of, leaves),
            model.range(..=*of).next_back().map(|(_, i)| *i)
        );
        assert_eq!(
            ordered.below(of, leaves),
            model.range(..*of).next_back().map(|(_, i)| *i)
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn it_orders_as_a_btree_map(
            addresses in prop::collection::vec(address(), 1..1500),
            built in 0usize..1000,
            removed in prop::collection::vec(any::<prop::sample::Index>(), 0..1000),
            queries in prop::collection::vec(address(), 20),
        ) {
            let mut leaves = Chunked::new();
            let mut model = BTreeMap::new();
            let mut ordered = Ordered::build(&leaves).unwrap();
            for address in &addresses {
                if model.contains_key(address) {
                    continue;
                }
                let index = leaves.len() as u32;
                leaves.push(Leaf::new(address));
                if (index as usize) < built {
                    ordered = if index as usize + 1 == built { Ordered::build(&leaves).unwrap() } else { ordered };
                } else {
                    ordered.insert(address, index, &leaves);
                }
                model.insert(*address, index);
            }
            if leaves.len() < built {
                ordered = Ordered::build(&leaves).unwrap();
            }
            prop_assert!(ordered.iter().eq(model.values().copied()));
            for of in queries.iter().chain(&addresses).take(60) {
                check(&ordered, &leaves, &model, of);
            }
            for which in removed {
                let address = which.get(&addresses);
                ordered.remove(address, &leaves);
                model.remove(address);
                check(&ordered, &leaves, &model, address);
            }
            prop_assert!(ordered.iter().eq(model.values().copied()));
            for address in addresses {
                ordered.remove(&address, &leaves);
            }
            prop_assert_eq!(ordered.iter().count(), 0);
        }
    }

    #[test]
    fn an_address_given_twice_is_noticed() {
        let mut leaves = Chunked::new();
        for address in [[1; 20], [2; 20], [1; 20]] {
            leaves.push(Leaf::new(&address));
        }
        assert!(Ordered::build(&leaves).is_none());
    }
}
