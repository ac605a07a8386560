//! The accounts that a block's transactions name: which ones, and where they stand.
//!
//! Who is named depends on the transactions alone, and an account's place never changes while it exists. Both can
//! therefore be found out before the block's parent is the tip; whether it is still so shows when the accounts are read.

use std::mem::take;

use libmetachain_primitives::{MetaAddress, Transaction};

use crate::accounts::{ABSENT, Accounts, PART};
use crate::leaf::Leaf;
use crate::ordered::in_order;
use crate::radix::sorted_by_index;
use crate::room::room_for;
use crate::workers::Workers;

/// Who is debited and who is credited on the metachain.
pub(crate) fn parties(transaction: &Transaction) -> (Option<&MetaAddress>, Option<&MetaAddress>) {
    match transaction {
        Transaction::Deposit { to, .. } => (None, Some(to)),
        Transaction::Withdraw { from, .. } => (Some(from), None),
        Transaction::Transfer { from, to, .. } => (Some(from), Some(to)),
    }
}

/// The address of each party of each transaction, in order.
fn addresses<'a>(transactions: impl Iterator<Item = &'a Transaction>) -> Vec<[u8; 20]> {
    let mut addresses = Vec::with_capacity(2 * transactions.size_hint().1.unwrap_or(0));
    for transaction in transactions {
        let (debit, credit) = parties(transaction);
        addresses.extend(debit.into_iter().chain(credit).map(|address| address.0));
    }
    addresses
}

/// Every account that is named, once.
pub(crate) struct Named {
    /// The address of each party of each transaction, in order.
    addresses: Vec<[u8; 20]>,
    /// Those that exist, by ascending index.
    indexes: Vec<u32>,
    /// Those that do not, by ascending address: each as its place in `addresses`.
    missing: Vec<u32>,
    /// For each of the addresses its place among those that exist, with those that do not behind them.
    slots: Vec<u32>,
}

impl Named {
    pub(crate) fn find<'a>(
        accounts: &Accounts,
        transactions: impl Iterator<Item = &'a Transaction>,
        workers: &dyn Workers,
    ) -> Self {
        let addresses = addresses(transactions);
        let found = accounts.find_many(&addresses, workers);
        Self::at(addresses, found, accounts.len())
    }

    /// Addresses whose indexes, all below `len`, are known.
    fn at(addresses: Vec<[u8; 20]>, found: Vec<u32>, len: usize) -> Self {
        debug_assert_eq!(addresses.len(), found.len());
        let mut present = Vec::with_capacity(found.len());
        let mut absent: Vec<u32> = Vec::new();
        for (position, index) in (0u32..).zip(&found) {
            if *index == ABSENT {
                absent.push(position);
            } else {
                present.push(u64::from(*index) << 32 | u64::from(position));
            }
        }
        let present = sorted_by_index(present, len);
        let absent = in_order(absent, |position| addresses.get(position as usize));

        // Each has its place overwritten.
        let mut slots = found;
        let mut place = |position: u32, slot: usize| {
            if let Some(place) = slots.get_mut(position as usize) {
                *place = slot as u32;
            }
        };
        let mut indexes: Vec<u32> = Vec::with_capacity(present.len());
        for key in present {
            let index = (key >> 32) as u32;
            if indexes.last() != Some(&index) {
                indexes.push(index);
            }
            place(key as u32, indexes.len() - 1);
        }
        let mut missing: Vec<u32> = Vec::new();
        let mut last = None;
        for position in absent {
            let address = addresses.get(position as usize);
            if last != address {
                missing.push(position);
                last = address;
            }
            place(position, indexes.len() + missing.len() - 1);
        }
        Self {
            addresses,
            indexes,
            missing,
            slots,
        }
    }

    /// The indexes of those that exist, ascending.
    pub(crate) fn indexes(&self) -> &[u32] {
        &self.indexes
    }

    pub(crate) fn into_indexes(self) -> Vec<u32> {
        self.indexes
    }

    /// For each party of each transaction in order, its place in what [`Named::read`] gives.
    pub(crate) fn slots(&self) -> &[u32] {
        &self.slots
    }

    /// Copies of those that exist, by ascending index; then empty ones, by ascending address, for those that do not.
    pub(crate) fn read(&self, accounts: &Accounts) -> Vec<Leaf> {
        let mut leaves = Vec::with_capacity(room_for(self.indexes.len() + self.missing.len()));
        leaves.extend(self.indexes.iter().filter_map(|index| accounts.get(*index)));
        let missing = self.missing.iter();
        leaves.extend(
            missing
                .filter_map(|position| self.addresses.get(*position as usize))
                .map(Leaf::new),
        );
        leaves
    }

    /// Whether what was found out from other accounts than these, of which `leaves` was read, is true of these.
    pub(crate) fn is_true_of(&self, accounts: &Accounts, leaves: &[Leaf]) -> bool {
        let mut missing = self.missing.iter();
        let stand_there = self
            .addresses
            .iter()
            .zip(&self.slots)
            .all(|(address, slot)| {
                leaves
                    .get(*slot as usize)
                    .is_some_and(|leaf| leaf.address() == address)
            });
        stand_there
            && missing.all(|position| {
                let address = self.addresses.get(*position as usize);
                address.is_some_and(|address| accounts.find(address).is_none())
            })
    }
}

/// Accounts that are found a part at a time.
pub(crate) enum Finding {
    Begun {
        addresses: Vec<[u8; 20]>,
        /// The indexes of the first of them.
        found: Vec<u32>,
        /// More than any of these indexes.
        len: usize,
    },
    Done(Named),
}

impl Finding {
    pub(crate) fn new<'a>(transactions: impl Iterator<Item = &'a Transaction>) -> Self {
        let addresses = addresses(transactions);
        Self::Begun {
            found: Vec::with_capacity(addresses.len()),
            addresses,
            len: 0,
        }
    }

    /// Finds the next part. Returns whether there is another.
    pub(crate) fn find_some(&mut self, accounts: &Accounts) -> bool {
        let Self::Begun {
            addresses,
            found,
            len,
        } = self
        else {
            return false;
        };
        let start = found.len();
        let rest = addresses.get(start..).unwrap_or_default();
        let part = rest.get(..PART).unwrap_or(rest);
        found.resize(start + part.len(), ABSENT);
        accounts.find_part(part, &mut found[start..]);
        *len = accounts.len().max(*len);
        let more = found.len() < addresses.len();
        if !more {
            *self = Self::Done(Named::at(take(addresses), take(found), *len));
        }
        more
    }

    /// Who is named: `None` while not all are found.
    pub(crate) fn done(self) -> Option<Named> {
        match self {
            Self::Begun { .. } => None,
            Self::Done(named) => Some(named),
        }
    }
}
