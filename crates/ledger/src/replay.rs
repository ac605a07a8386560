//! Opening: the ledger rebuilt from blocks that were judged when they were stored.
//!
//! Blocks are executed as ever, by the same code, but without links and roots: these are computed
//! once, at the end, and the root compared with what the last block's header says. A state that
//! differs anywhere would differ there.

use std::sync::Arc;

use libmetachain_primitives::{Block, Code, Error, Genesis, NativeHash, Result, Root};

use crate::accounts::Accounts;
use crate::change::State;
use crate::delta::Undo;
use crate::execute::{Base, Executed, Policy, execute};
use crate::ledger::{Ledger, found};
use crate::tip::Tip;
use crate::tree::Hashing;
use crate::window::Window;
use crate::workers::Alone;

/// A ledger in the making: it has balances, but no order and no root yet.
pub struct Replay {
    genesis: Arc<Genesis>,
    accounts: Accounts,
    window: Window,
    tip: Tip,
    /// The root that the accounts must give at the end.
    expected: Option<Root>,
    /// What is wrong if they do not.
    suspect: Code,
    hashing: Hashing,
}

impl Replay {
    /// Starts at genesis.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` where a parameter of genesis is out of its range.
    pub fn new(genesis: impl Into<Arc<Genesis>>) -> Result<Self> {
        let genesis = genesis.into();
        let (tip, accounts) = found(&genesis)?;
        let window = Window::new(genesis.replay_window, 0);
        let (suspect, hashing) = (Code::StoreCorrupt, Hashing::default());
        Ok(Self {
            genesis,
            accounts,
            window,
            tip,
            expected: None,
            suspect,
            hashing,
        })
    }

    /// Continues at a tip whose accounts came from elsewhere.
    pub(crate) fn restored(
        genesis: Arc<Genesis>,
        accounts: Accounts,
        window: Window,
        tip: Tip,
    ) -> Self {
        let (expected, hashing) = (Some(tip.state_root), Hashing::default());
        let suspect = Code::SnapshotInvalid;
        Self {
            genesis,
            accounts,
            window,
            tip,
            expected,
            suspect,
            hashing,
        }
    }

    /// The parameters of the chain.
    #[must_use]
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// Where it stands. The state root at genesis is zeros here.
    #[must_use]
    pub const fn tip(&self) -> &Tip {
        &self.tip
    }

    /// Executes the next stored block.
    ///
    /// # Errors
    /// `STORE_CORRUPT` if the block does not follow, or cannot be executed. What was replayed is of
    /// no use then.
    pub fn replay(&mut self, block: &Block, native: NativeHash) -> Result<()> {
        let header = &block.header;
        let height = self.tip.height + 1;
        let corrupt = |why: String| {
            let why = format!("the stored block {height} {why}");
            Error::new(Code::StoreCorrupt, why).with("height", height)
        };
        if !self.tip.is_followed_by(header) {
            return Err(corrupt(format!("does not follow block {}", self.tip.hash)));
        }
        let base = Base {
            genesis: &self.genesis,
            accounts: &self.accounts,
            window: &self.window,
            supply: self.tip.supply,
            workers: &Alone,
        };
        let executed = execute(&base, block.transactions.iter().map(Ok), Policy::Stop, None)?;
        if let Some(rejection) = executed.rejected.first() {
            let (index, why) = (rejection.index, &rejection.receipt.message);
            return Err(corrupt(format!("has a bad transaction {index}: {why}")));
        }
        let Executed {
            indexes,
            leaves,
            created,
            txids,
            supply,
            ..
        } = executed;
        if supply != header.supply {
            return Err(corrupt(format!(
                "claims a supply of {}, not {supply}",
                header.supply
            )));
        }
        for (index, leaf) in indexes.into_iter().zip(leaves) {
            self.accounts.put(index, leaf);
        }
        for leaf in created {
            self.accounts.put(self.accounts.len() as u32, leaf);
        }
        self.window.push(txids);
        self.expected = Some(header.state_root);
        self.tip = Tip {
            height,
            hash: header.hash(),
            native: Some((header.native_height, native)),
            state_root: header.state_root,
            time: header.time,
            supply,
        };
        Ok(())
    }

    /// Takes the last block back, by its stored undo.
    ///
    /// # Errors
    /// `STORE_CORRUPT` if the undo is not of that block, or does not fit.
    pub fn revert(&mut self, undo: &Undo) -> Result<()> {
        let after = undo.leaves as usize;
        let fits = undo.block == self.tip.hash
            && undo.previous.height.checked_add(1) == Some(self.tip.height)
            && (1..=self.accounts.len()).contains(&after)
            && self.window.can_pop(undo.pushed_out.as_deref())
            && undo.old.iter().all(|old| (old.index as usize) < after);
        if !fits {
            let height = self.tip.height;
            let why = format!("the stored undo of block {height} does not fit it");
            return Err(Error::new(Code::StoreCorrupt, why).with("height", height));
        }
        self.accounts.truncate(after);
        for old in &undo.old {
            if let Some(leaf) = self.accounts.get_mut(old.index) {
                leaf.set_balance(old.balance);
                leaf.set_sequence(old.sequence);
            }
        }
        self.window.pop(undo.pushed_out.clone());
        self.expected = (undo.previous.height > 0).then_some(undo.previous.state_root);
        self.tip = undo.previous;
        Ok(())
    }

    /// Orders, links and hashes all accounts, and compares the root.
    ///
    /// # Errors
    /// `SNAPSHOT_INVALID` if the accounts came from a snapshot, else `STORE_CORRUPT`: if they do not
    /// give the state root of the last block, if two have one address, or if blocks are missing in
    /// the replay window.
    pub fn finish_replay(self) -> Result<Ledger> {
        let Self {
            genesis,
            accounts,
            window,
            tip,
            expected,
            suspect,
            hashing,
        } = self;
        let height = tip.height;
        let wrong = |why: String| Error::new(suspect, why).with("height", height);
        if !window.is_complete() {
            return Err(wrong(format!(
                "the replay window below block {height} has a gap"
            )));
        }
        let ledger = Ledger::assemble(genesis, tip, accounts, window, hashing);
        let mut ledger =
            ledger.ok_or_else(|| wrong("two of the stored accounts have one address".into()))?;
        let root = ledger.state.tree.root();
        if let Some(expected) = expected.filter(|expected| *expected != root) {
            return Err(wrong(format!(
                "the stored accounts give the state root {root}, and block {height} says {expected}"
            )));
        }
        ledger.tip.state_root = root;
        Ok(ledger)
    }
}

impl Ledger {
    /// Goes back to replaying, for stored blocks beyond a state that was already compared.
    #[must_use]
    pub fn into_replay(self) -> Replay {
        let Self {
            genesis,
            state: State { accounts, tree, .. },
            window,
            tip,
            ..
        } = self;
        let (expected, suspect) = (Some(tip.state_root), Code::StoreCorrupt);
        let hashing = tree.hashing();
        Replay {
            genesis,
            accounts,
            window,
            tip,
            expected,
            suspect,
            hashing,
        }
    }
}
