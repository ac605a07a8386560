//! A change of the account array as a whole: links between neighbours and the tree included.
//!
//! Computed beside the ledger, it either replaces what it was computed from, or is dropped.

use std::sync::Arc;

use libmetachain_primitives::{Result, Root};

use crate::accounts::Accounts;
use crate::leaf::Leaf;
use crate::ordered::{Ordered, in_order};
use crate::tree::{Overlay, Tree};
use crate::workers::{Alone, Workers, both};

/// Accounts, those of about 500 transactions, whose change is made nearly as soon as another thread is told to help.
const APPLIED_ALONE: usize = 1_024;

/// An account gets another next address.
struct Link {
    index: u32,
    next: [u8; 20],
}

/// The accounts of a ledger with everything that depends on them.
pub(crate) struct State {
    pub(crate) accounts: Accounts,
    pub(crate) ordered: Ordered,
    pub(crate) tree: Tree,
    pub(crate) workers: Arc<dyn Workers>,
}

/// What leaves a state for another one.
#[derive(Clone)]
pub(crate) struct Change {
    /// Accounts before and after; when there are fewer, it is the newest that go.
    before: usize,
    after: usize,
    /// Ascending indexes and the leaves to put there, new accounts included.
    indexes: Vec<u32>,
    leaves: Vec<Leaf>,
    overlay: Overlay,
}

impl Change {
    pub(crate) const fn root(&self) -> Root {
        self.overlay.root()
    }

    pub(crate) fn indexes(&self) -> &[u32] {
        &self.indexes
    }

    fn leaves(&self) -> impl Iterator<Item = (u32, &Leaf)> {
        self.indexes.iter().copied().zip(&self.leaves)
    }
}

impl State {
    /// Changes accounts, given by ascending index, and adds new ones behind the last.
    pub(crate) fn extended(
        &self,
        indexes: Vec<u32>,
        leaves: Vec<Leaf>,
        mut created: Vec<Leaf>,
    ) -> Change {
        let before = self.accounts.len();
        let after = before + created.len();
        let links = self.link(&mut created);
        let (mut indexes, mut leaves) = self.merge(indexes, leaves, links);
        indexes.extend((before..after).map(|index| index as u32));
        leaves.append(&mut created);
        let overlay = self.tree.overlay(after, &indexes, &leaves, &*self.workers);
        Change {
            before,
            after,
            indexes,
            leaves,
            overlay,
        }
    }

    /// Changes accounts, given by ascending index, and drops all from index `after` on.
    pub(crate) fn shortened(&self, indexes: Vec<u32>, leaves: Vec<Leaf>, after: usize) -> Change {
        let before = self.accounts.len();
        let mut links = self.unlink(after);
        // The new last leaf counts as changed, as the tree demands: it is given the link it has.
        if after < before
            && let Some(last) = after.checked_sub(1)
        {
            let last = last as u32;
            if let (Err(at), Some(leaf)) = (
                links.binary_search_by_key(&last, |link| link.index),
                self.accounts.get(last),
            ) {
                links.insert(
                    at,
                    Link {
                        index: last,
                        next: *leaf.next(),
                    },
                );
            }
        }
        let (indexes, leaves) = self.merge(indexes, leaves, links);
        let overlay = self.tree.overlay(after, &indexes, &leaves, &*self.workers);
        Change {
            before,
            after,
            indexes,
            leaves,
            overlay,
        }
    }

    /// Makes the change, which was computed from this very state.
    ///
    /// # Errors
    /// `INTERNAL_PANIC`, only where workers lose a piece of work that panicked.
    pub(crate) fn apply(&mut self, change: &Change) -> Result<()> {
        let Self {
            accounts,
            ordered,
            tree,
            workers,
        } = self;
        let small = change.indexes.len() < APPLIED_ALONE;
        let workers: &dyn Workers = if small { &Alone } else { &**workers };
        let put = || {
            for leaf in accounts.leaves().from(change.after) {
                ordered.remove(leaf.address(), accounts.leaves());
            }
            accounts.truncate(change.after);
            for (index, leaf) in change.leaves() {
                accounts.put(index, *leaf);
                if index as usize >= change.before {
                    ordered.insert(leaf.address(), index, accounts.leaves());
                }
            }
        };
        both(workers, || tree.apply(&change.overlay, workers), put)?;
        Ok(())
    }

    /// Links new accounts to each other, and gives the links of the old ones before them.
    fn link(&self, created: &mut [Leaf]) -> Vec<Link> {
        let by_address = in_order(0..created.len() as u32, |at| {
            created.get(at as usize).map(Leaf::address)
        });
        let mut links: Vec<Link> = Vec::new();
        let mut previous: Option<u32> = None;
        for at in by_address {
            let Some(address) = created.get(at as usize).map(|leaf| *leaf.address()) else {
                continue;
            };
            let Some(index) = self.ordered.floor(&address, self.accounts.leaves()) else {
                continue;
            };
            let next = match (previous, links.last()) {
                // Another new account is between this one and the old one before it.
                (Some(previous), Some(link)) if link.index == index => {
                    let before = created.get_mut(previous as usize);
                    before.map(|leaf| {
                        let next = *leaf.next();
                        leaf.set_next(&address);
                        next
                    })
                }
                _ => {
                    links.push(Link {
                        index,
                        next: address,
                    });
                    self.accounts.get(index).map(|leaf| *leaf.next())
                }
            };
            if let (Some(leaf), Some(next)) = (created.get_mut(at as usize), next) {
                leaf.set_next(&next);
            }
            previous = Some(at);
        }
        links.sort_unstable_by_key(|link| link.index);
        links
    }

    /// The links of the accounts that stay, once all from index `after` on are gone.
    fn unlink(&self, after: usize) -> Vec<Link> {
        let leaves = self.accounts.leaves();
        let mut gone: Vec<&Leaf> = leaves.from(after).collect();
        gone.sort_unstable_by_key(|leaf| leaf.address());
        let mut links: Vec<Link> = Vec::new();
        for leaf in gone {
            match self.ordered.below(leaf.address(), leaves) {
                Some(index) if (index as usize) < after => {
                    links.push(Link {
                        index,
                        next: *leaf.next(),
                    });
                }
                // The one before goes too, so that the last link, found before it, is ours as well.
                _ => {
                    if let Some(link) = links.last_mut() {
                        link.next = *leaf.next();
                    }
                }
            }
        }
        links.sort_unstable_by_key(|link| link.index);
        links
    }

    /// Changed accounts and changed links as one list; all ascend, each index at most once.
    fn merge(
        &self,
        indexes: Vec<u32>,
        leaves: Vec<Leaf>,
        links: Vec<Link>,
    ) -> (Vec<u32>, Vec<Leaf>) {
        if links.is_empty() {
            return (indexes, leaves);
        }
        let room = indexes.len() + links.len();
        let mut merged = (Vec::with_capacity(room), Vec::with_capacity(room));
        let mut changed = indexes.into_iter().zip(leaves).peekable();
        for link in links {
            while let Some((index, leaf)) = changed.next_if(|(index, _)| *index < link.index) {
                merged.0.push(index);
                merged.1.push(leaf);
            }
            let leaf = changed
                .next_if(|(index, _)| *index == link.index)
                .map(|(_, leaf)| leaf);
            if let Some(mut leaf) = leaf.or_else(|| self.accounts.get(link.index).copied()) {
                leaf.set_next(&link.next);
                merged.0.push(link.index);
                merged.1.push(leaf);
            }
        }
        for (index, leaf) in changed {
            merged.0.push(index);
            merged.1.push(leaf);
        }
        merged
    }
}
