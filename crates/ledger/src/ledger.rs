//! The ledger: all accounts at the tip, and the two ways in which the tip moves.

use std::sync::Arc;

use libmetachain_primitives::{
    BlockHash, Code, Error, Genesis, MetaAddress, NativeHash, Result, Root,
};

use crate::accounts::{ABSENT, Accounts};
use crate::change::State;
use crate::chunked::Chunked;
use crate::delta::{self, Delta, Undo};
use crate::execute::Base;
use crate::leaf::{Account, Leaf};
use crate::ordered::Ordered;
use crate::tip::Tip;
use crate::tree::{Hashing, Tree};
use crate::window::Window;
use crate::workers::{Alone, Workers};

/// A metachain's accounts at its tip.
///
/// Everything that takes `&self` may run on many threads at once. Only [`Ledger::apply`] and
/// [`Ledger::revert`] change anything, and neither can fail half-way.
pub struct Ledger {
    pub(crate) genesis: Arc<Genesis>,
    pub(crate) genesis_hash: BlockHash,
    pub(crate) state: State,
    pub(crate) window: Window,
    pub(crate) tip: Tip,
}

impl Ledger {
    /// The ledger at genesis, which may be shared: with many balances it is large.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` where a parameter of genesis is out of its range.
    pub fn new(genesis: impl Into<Arc<Genesis>>) -> Result<Self> {
        Self::with_hashing(genesis, Hashing::default())
    }

    /// As [`Ledger::new`], with a choice of how roots are computed. They are the same either way.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` where a parameter of genesis is out of its range.
    pub fn with_hashing(genesis: impl Into<Arc<Genesis>>, hashing: Hashing) -> Result<Self> {
        let genesis = genesis.into();
        let (tip, accounts) = found(&genesis)?;
        let window = Window::new(genesis.replay_window, 0);
        // A map holds no address twice, so that there is always an order.
        let mut ledger = Self::assemble(genesis, tip, accounts, window, hashing)
            .ok_or_else(|| Error::new(Code::BadArgument, "genesis: an address occurs twice"))?;
        ledger.tip.state_root = ledger.state.tree.root();
        Ok(ledger)
    }

    /// Links, orders and hashes all accounts; `None` if two of them have one address.
    pub(crate) fn assemble(
        genesis: Arc<Genesis>,
        tip: Tip,
        mut accounts: Accounts,
        window: Window,
        hashing: Hashing,
    ) -> Option<Self> {
        let genesis_hash = genesis.hash();
        let ordered = Ordered::build(accounts.leaves())?;
        link_all(&mut accounts, &ordered);
        let tree = Tree::build(accounts.leaves(), hashing);
        let state = State {
            accounts,
            ordered,
            tree,
            workers: Arc::new(Alone),
        };
        Some(Self {
            genesis,
            genesis_hash,
            state,
            window,
            tip,
        })
    }

    /// Where the ledger stands.
    #[must_use]
    pub const fn tip(&self) -> &Tip {
        &self.tip
    }

    /// The parameters of the chain.
    #[must_use]
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The same parameters, to be kept by others without a copy of all initial balances.
    #[must_use]
    pub const fn shared_genesis(&self) -> &Arc<Genesis> {
        &self.genesis
    }

    /// The hash of the parameters.
    #[must_use]
    pub const fn genesis_hash(&self) -> &BlockHash {
        &self.genesis_hash
    }

    /// What an account holds; `None` for an address that was never credited.
    #[must_use]
    pub fn account(&self, address: &MetaAddress) -> Option<Account> {
        self.state
            .accounts
            .get(self.state.accounts.find(&address.0)?)?
            .account()
    }

    /// The number of accounts.
    #[must_use]
    pub fn accounts_len(&self) -> usize {
        // The zero address has a leaf even while it is no account.
        let zero = self.state.accounts.get(0).and_then(Leaf::account);
        self.state.accounts.len() - usize::from(zero.is_none())
    }

    pub(crate) fn base(&self) -> Base<'_> {
        Base {
            genesis: &self.genesis,
            accounts: &self.state.accounts,
            window: &self.window,
            supply: self.tip.supply,
            workers: &*self.state.workers,
        }
    }

    /// Lends threads to the work of single blocks, in place of what was lent before. Blocks of few
    /// transactions do not use them.
    pub fn lend(&mut self, workers: Arc<dyn Workers>) {
        self.state.workers = workers;
    }

    /// What taking a block back will need, read before the block is applied.
    #[must_use]
    pub fn undo_of(&self, delta: &Delta) -> Undo {
        Undo {
            block: delta.hash,
            previous: self.tip,
            leaves: self.state.accounts.len() as u32,
            // New accounts have no past, and links follow from which accounts there are.
            old: delta.old.clone(),
            pushed_out: self.window.next_out().map(<[_]>::to_vec),
        }
    }

    /// The bytes of [`Ledger::undo_of`], without a copy of what goes into them.
    #[must_use]
    pub fn encoded_undo_of(&self, delta: &Delta) -> Vec<u8> {
        let leaves = self.state.accounts.len() as u32;
        let pushed_out = self.window.next_out();
        delta::encode(&delta.hash, &self.tip, leaves, &delta.old, pushed_out)
    }

    /// Makes a block, carried by this native block, the tip.
    ///
    /// # Errors
    /// `BAD_ARGUMENT`, nothing changed, if the block was not executed on this tip. `INTERNAL_PANIC`, with which the
    /// ledger is lost, only where workers lose a piece of work that panicked.
    pub fn apply(&mut self, delta: Delta, native: NativeHash) -> Result<()> {
        if delta.parent != self.tip.hash {
            return Err(Error::new(
                Code::BadArgument,
                format!(
                    "the block was executed on {}, not on the tip {}",
                    delta.parent, self.tip.hash
                ),
            ));
        }
        self.state.apply(&delta.change)?;
        self.tip = delta.tip(native);
        self.window.push(delta.txids);
        Ok(())
    }

    /// Takes the tip back. Everything is then as it was before that block, byte for byte.
    ///
    /// # Errors
    /// `NOT_TIP` if the undo is of another block, `STORE_CORRUPT` if it does not lead back to the
    /// supply and the state root that it names. Nothing changed in either case. `INTERNAL_PANIC` as of
    /// [`Ledger::apply`].
    pub fn revert(&mut self, undo: &Undo) -> Result<()> {
        if undo.block != self.tip.hash {
            return Err(Error::new(
                Code::NotTip,
                format!(
                    "the undo is of block {}, and the tip is {}",
                    undo.block, self.tip.hash
                ),
            ));
        }
        let corrupt = |why: &str| {
            let why = format!("the undo of block {} {why}", undo.block);
            Error::new(Code::StoreCorrupt, why).with("height", self.tip.height)
        };
        let accounts = &self.state.accounts;
        let after = undo.leaves as usize;
        if undo.previous.height.checked_add(1) != Some(self.tip.height) {
            return Err(corrupt("leads to another height"));
        }
        if after == 0 || after > accounts.len() {
            return Err(corrupt("leads to another number of accounts"));
        }
        if !self.window.can_pop(undo.pushed_out.as_deref()) {
            return Err(corrupt("leads to another replay window"));
        }
        let mut supply = i128::from(self.tip.supply);
        let mut indexes = Vec::with_capacity(undo.old.len());
        let mut leaves = Vec::with_capacity(undo.old.len());
        for old in &undo.old {
            let leaf = accounts
                .get(old.index)
                .filter(|_| (old.index as usize) < after);
            let mut leaf = *leaf.ok_or_else(|| corrupt("names an account that there is not"))?;
            supply += i128::from(old.balance) - i128::from(leaf.balance());
            leaf.set_balance(old.balance);
            leaf.set_sequence(old.sequence);
            indexes.push(old.index);
            leaves.push(leaf);
        }
        let removed = accounts.leaves().from(after);
        supply -= removed.map(|leaf| i128::from(leaf.balance())).sum::<i128>();
        if supply != i128::from(undo.previous.supply) {
            return Err(corrupt("does not lead back to the previous supply"));
        }
        let change = self.state.shortened(indexes, leaves, after);
        if change.root() != undo.previous.state_root {
            return Err(corrupt("does not lead back to the previous state root"));
        }
        self.state.apply(&change)?;
        self.window.pop(undo.pushed_out.clone());
        self.tip = undo.previous;
        Ok(())
    }

    /// Recomputes everything from the balances alone: their sum, the order, the links, the root.
    ///
    /// Takes about as long as opening does.
    ///
    /// # Errors
    /// `STORE_CORRUPT` naming what is not as it should be.
    pub fn verify(&self) -> Result<()> {
        let corrupt =
            |why: String| Error::new(Code::StoreCorrupt, why).with("height", self.tip.height);
        let accounts = &self.state.accounts;
        let sum = accounts
            .leaves()
            .iter()
            .map(|leaf| u128::from(leaf.balance()))
            .sum::<u128>();
        if sum != u128::from(self.tip.supply) {
            let supply = self.tip.supply;
            return Err(corrupt(format!(
                "the balances add up to {sum}, and the supply is {supply}"
            )));
        }
        let order = Ordered::build(accounts.leaves());
        if !order.is_some_and(|order| order.iter().eq(self.state.ordered.iter())) {
            return Err(corrupt(
                "the accounts are not in the order of their addresses".into(),
            ));
        }
        let mut next = self.state.ordered.iter().skip(1);
        let linked = self.state.ordered.iter().all(|index| {
            let next = next
                .next()
                .and_then(|next| accounts.get(next))
                .map(Leaf::address);
            accounts.get(index).map(Leaf::next) == Some(next.unwrap_or(&MetaAddress::ZERO.0))
        });
        if !linked {
            return Err(corrupt(
                "an account is not linked to the next in order".into(),
            ));
        }
        let root = Tree::build(accounts.leaves(), self.state.tree.hashing()).root();
        if root != self.tip.state_root || root != self.state.tree.root() {
            let known = self.tip.state_root;
            return Err(corrupt(format!(
                "the accounts give the state root {root}, not {known}"
            )));
        }
        Ok(())
    }
}

/// Tip and accounts at genesis, not linked yet; the state root is still to be filled in.
pub(crate) fn found(genesis: &Genesis) -> Result<(Tip, Accounts)> {
    genesis.validate()?;
    let mut leaves = Chunked::new();
    let zero = genesis
        .balances
        .get(&MetaAddress::ZERO)
        .map_or(0, |amount| amount.get());
    let others = genesis
        .balances
        .iter()
        .filter(|(address, _)| **address != MetaAddress::ZERO);
    let all = [(&MetaAddress::ZERO, zero)].into_iter();
    for (address, balance) in all.chain(others.map(|(address, amount)| (address, amount.get()))) {
        let mut leaf = Leaf::new(&address.0);
        leaf.set_balance(balance);
        leaves.push(leaf);
    }
    if leaves.len() > ABSENT as usize {
        return Err(Error::new(
            Code::BadArgument,
            format!("genesis: there can be at most {ABSENT} accounts"),
        ));
    }
    let tip = Tip {
        height: 0,
        hash: genesis.hash(),
        native: None,
        state_root: Root::ZERO,
        time: genesis.time,
        supply: genesis.supply(),
    };
    Ok((tip, Accounts::from_leaves(leaves)))
}

/// Writes into every account which one follows it.
fn link_all(accounts: &mut Accounts, ordered: &Ordered) {
    let mut previous: Option<u32> = None;
    for index in ordered.iter() {
        let Some(address) = accounts.get(index).map(|leaf| *leaf.address()) else {
            continue;
        };
        if let Some(leaf) = previous.and_then(|previous| accounts.get_mut(previous)) {
            leaf.set_next(&address);
        }
        previous = Some(index);
    }
    if let Some(leaf) = previous.and_then(|previous| accounts.get_mut(previous)) {
        leaf.set_next(&MetaAddress::ZERO.0);
    }
}
