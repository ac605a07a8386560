//! What can be found out about a block while the one before it is still being connected: what its payload says,
//! which accounts it names, and where they stand.

use libmetachain_primitives::{Block, Genesis, Result, Root};

use crate::judge::{decode, roots};
use crate::ledger::Ledger;
use crate::named::{Finding, Named};

/// A payload that was read, and what else about its block does not depend on the tip.
///
/// None of it is believed where it matters: [`Ledger::check_ahead`] gives the verdict of [`Ledger::check`], only
/// sooner.
pub struct Ahead {
    block: Result<Block>,
    /// The roots of its transactions and of its withdrawals.
    roots: (Root, Root),
    finding: Finding,
}

impl Ahead {
    /// Reads a payload. The genesis is that of the ledger which will judge the block.
    #[must_use]
    pub fn of(genesis: &Genesis, payload: &[u8]) -> Self {
        let block = decode(genesis, payload);
        let transactions = block.as_ref().map_or(&[][..], |block| &block.transactions);
        Self {
            roots: roots(transactions),
            finding: Finding::new(transactions.iter()),
            block,
        }
    }

    /// Looks up some of the accounts that the block names. Returns whether there are more: as many as take about
    /// 50 µs are looked up at a time, so that nobody who wants to change the ledger waits for long.
    pub fn look_up(&mut self, ledger: &Ledger) -> bool {
        self.finding.find_some(&ledger.state.accounts)
    }

    pub(crate) fn into_parts(self) -> (Result<Block>, (Root, Root), Option<Named>) {
        (self.block, self.roots, self.finding.done())
    }
}
