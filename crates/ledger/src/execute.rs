//! The one execution of transactions, for minting, checking and replaying alike.
//!
//! First every account that the transactions name is looked up, all together; then the
//! transactions run one after the other over a small array of copies. The ledger itself is only
//! read. What comes out is sorted by index, ready for the state tree.

use hashbrown::HashTable;
use libmetachain_primitives::payload::PAYLOAD_BYTES_LEAST;
use libmetachain_primitives::{
    Amount, Code, Error, Genesis, MetaAddress, Receipt, Rejection, Result, SUPPLY_MAX, Transaction,
    TxId, payload_bytes_of,
};

use crate::accounts::{ABSENT, Accounts};
use crate::delta::Old;
use crate::leaf::Leaf;
use crate::named::{Named, parties};
use crate::room::room_for;
use crate::window::Window;
use crate::workers::Workers;

/// Beyond this many transactions the sort keys below would run out of bits.
const ENTRIES_MAX: usize = 1 << 30;

/// What to do about a transaction that cannot be executed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    /// Leave it out and say why.
    LeaveOut,
    /// Stop there: the first rejection decides.
    Stop,
}

/// What execution reads.
pub(crate) struct Base<'a> {
    pub(crate) genesis: &'a Genesis,
    pub(crate) accounts: &'a Accounts,
    pub(crate) window: &'a Window,
    pub(crate) supply: u64,
    pub(crate) workers: &'a dyn Workers,
}

/// What execution gives.
pub(crate) struct Executed {
    /// The indexes of the accounts that changed, ascending.
    pub(crate) indexes: Vec<u32>,
    /// These accounts after the transactions.
    pub(crate) leaves: Vec<Leaf>,
    /// These accounts before: kept from the one look at them, since another would miss the caches again.
    pub(crate) old: Vec<Old>,
    /// The new accounts by ascending index, not yet linked to their neighbours.
    pub(crate) created: Vec<Leaf>,
    /// The ids of the accepted transactions that have one.
    pub(crate) txids: Vec<TxId>,
    /// The sum of all balances.
    pub(crate) supply: u64,
    /// What was left out, by ascending position.
    pub(crate) rejected: Vec<Rejection>,
}

/// Executes transactions in order; those already known to be malformed come with their receipt.
///
/// Whom they name may be known already. Fails only for a number of transactions that no memory holds, or on a defect of
/// our own.
pub(crate) fn execute<'a>(
    base: &Base<'_>,
    entries: impl ExactSizeIterator<Item = Result<&'a Transaction, &'a Receipt>> + Clone,
    policy: Policy,
    named: Option<Named>,
) -> Result<Executed> {
    if entries.len() > ENTRIES_MAX {
        return Err(Error::new(
            Code::BadArgument,
            format!("{} transactions are more than {ENTRIES_MAX}", entries.len()),
        ));
    }
    let well_formed = entries.clone().filter_map(Result::ok);
    let (named, leaves) = read(base, well_formed.clone(), named);
    let ids = well_formed.filter_map(Transaction::txid);
    let used: Vec<(u64, bool)> = ids
        .map(|txid| {
            let hash = base.window.hash(txid);
            (hash, base.window.contains(hash, txid))
        })
        .collect();
    let mut run = Run::new(base, named.indexes(), leaves, used.len());
    let mut rejected = Vec::new();
    let (mut slots, mut used) = (named.slots().iter().copied(), used.into_iter());
    for (index, entry) in (0u32..).zip(entries) {
        let outcome = match entry {
            Err(receipt) => Err(receipt.clone()),
            Ok(transaction) => {
                let (debit, credit) = parties(transaction);
                let debit = debit.and_then(|_| slots.next());
                let credit = credit.and_then(|_| slots.next());
                let used = transaction.txid().and_then(|_| used.next());
                run.transaction(transaction, debit, credit, used)?
            }
        };
        if let Err(receipt) = outcome {
            rejected.push(Rejection { index, receipt });
            if policy == Policy::Stop {
                break;
            }
        }
    }
    Ok(run.finish(named.into_indexes(), rejected))
}

/// Whom the transactions name, and copies of these accounts.
fn read<'a>(
    base: &Base<'_>,
    transactions: impl Iterator<Item = &'a Transaction>,
    named: Option<Named>,
) -> (Named, Vec<Leaf>) {
    if let Some(named) = named {
        let leaves = named.read(base.accounts);
        if named.is_true_of(base.accounts, &leaves) {
            return (named, leaves);
        }
    }
    let named = Named::find(base.accounts, transactions, base.workers);
    let leaves = named.read(base.accounts);
    (named, leaves)
}

/// The transactions as they run.
struct Run<'a> {
    base: &'a Base<'a>,
    leaves: Vec<Leaf>,
    /// Those that exist in the base, as they are there.
    old: Vec<Old>,
    /// Which leaves an accepted transaction changed.
    changed: Vec<bool>,
    /// How many of the leaves exist in the base.
    existing: usize,
    /// The places of the others, in the order in which they were first credited.
    created: Vec<u32>,
    supply: u64,
    payload_bytes: usize,
    accepted: u32,
    txids: Vec<TxId>,
    /// Positions in `txids` by hash.
    recent: HashTable<u32>,
}

/// A transaction is executed, or it is not and the receipt says why.
type Outcome = Result<(), Receipt>;

impl<'a> Run<'a> {
    fn new(base: &'a Base<'a>, indexes: &[u32], leaves: Vec<Leaf>, txids: usize) -> Self {
        let mut old = Vec::with_capacity(room_for(indexes.len()));
        old.extend(indexes.iter().zip(&leaves).map(|(index, leaf)| Old {
            index: *index,
            balance: leaf.balance(),
            sequence: leaf.sequence(),
        }));
        Self {
            base,
            changed: vec![false; leaves.len()],
            old,
            leaves,
            existing: indexes.len(),
            created: Vec::new(),
            supply: base.supply,
            payload_bytes: PAYLOAD_BYTES_LEAST,
            accepted: 0,
            txids: Vec::with_capacity(txids),
            recent: HashTable::with_capacity(txids),
        }
    }

    fn transaction(
        &mut self,
        transaction: &Transaction,
        debit: Option<u32>,
        credit: Option<u32>,
        used: Option<(u64, bool)>,
    ) -> Result<Outcome> {
        let judged = self
            .well_formed(transaction)
            .and_then(|()| self.unused(transaction, used))
            .and_then(|()| self.room(transaction, credit))
            .and_then(|()| self.covered(transaction, debit));
        if let Err(receipt) = judged {
            return Ok(Err(receipt));
        }
        let amount = transaction.amount().get();
        let supply = match (debit, credit) {
            (None, _) => self
                .supply
                .checked_add(amount)
                .filter(|supply| *supply <= SUPPLY_MAX),
            (Some(_), None) => Some(self.supply.checked_sub(amount).ok_or_else(unbalanced)?),
            (Some(_), Some(_)) => Some(self.supply),
        };
        let Some(supply) = supply else {
            return Ok(Err(self.overflow(amount)));
        };
        self.supply = supply;
        if let Some(slot) = debit {
            self.debit(slot, amount)?;
        }
        if let Some(slot) = credit {
            self.credit(slot, amount)?;
        }
        self.accepted += 1;
        self.payload_bytes += payload_bytes_of(transaction);
        if let (Some(txid), Some((hash, _))) = (transaction.txid(), used) {
            let position = self.txids.len() as u32;
            self.txids.push(*txid);
            // There is room for every id from the start, so nothing is ever hashed again.
            self.recent.insert_unique(hash, position, |_| 0);
        }
        Ok(Ok(()))
    }

    /// A payload may say what no text can: it is judged as the text would be.
    fn well_formed(&self, transaction: &Transaction) -> Outcome {
        let network = self.base.genesis.network;
        if transaction.is_valid_on(network) {
            return Ok(());
        }
        Err(if Amount::new(transaction.amount().get()).is_some() {
            let why = format!("the native address is none of {network}");
            Receipt::new(Code::InvalidAddress, why)
        } else {
            let why = format!("the amount must be 1 to {SUPPLY_MAX} base units");
            Receipt::new(Code::InvalidAmount, why)
        })
    }

    fn unused(&self, transaction: &Transaction, used: Option<(u64, bool)>) -> Outcome {
        let (Some(txid), Some((hash, in_window))) = (transaction.txid(), used) else {
            return Ok(());
        };
        let is_it = |position: &u32| self.txids.get(*position as usize) == Some(txid);
        let place = if in_window {
            format!(
                "in one of the last {} blocks",
                self.base.genesis.replay_window
            )
        } else if self.recent.find(hash, is_it).is_some() {
            "earlier in this block".to_owned()
        } else {
            return Ok(());
        };
        let why = format!("the transaction id {txid} was used {place}");
        Err(Receipt::new(Code::DuplicateTxid, why))
    }

    /// Judged for each transaction alone: a smaller one may still fit after one that does not.
    fn room(&self, transaction: &Transaction, credit: Option<u32>) -> Outcome {
        let full = |why| Err(Receipt::new(Code::BlockFull, why));
        let genesis = self.base.genesis;
        if self.accepted >= genesis.transactions_max {
            return full(format!(
                "the block has {} transactions, as many as it may",
                self.accepted
            ));
        }
        let bytes = payload_bytes_of(transaction);
        let max = genesis.payload_bytes_max;
        if self.payload_bytes + bytes > max as usize {
            return full(format!(
                "{bytes} bytes more would take the payload beyond {max} bytes"
            ));
        }
        let is_new = credit.is_some_and(|slot| slot as usize >= self.existing);
        if is_new && self.base.accounts.len() + self.created.len() >= ABSENT as usize {
            return full(format!(
                "the ledger has {ABSENT} accounts, as many as it can"
            ));
        }
        Ok(())
    }

    fn covered(&self, transaction: &Transaction, debit: Option<u32>) -> Outcome {
        let Some(leaf) = debit.and_then(|slot| self.leaves.get(slot as usize)) else {
            return Ok(());
        };
        let (balance, amount) = (leaf.balance(), transaction.amount().get());
        if amount <= balance {
            return Ok(());
        }
        let why = format!(
            "{} holds {balance} base units, less than {amount}",
            MetaAddress(*leaf.address())
        );
        let mut receipt = Receipt::new(Code::InsufficientBalance, why);
        receipt.balance = Some(balance);
        Err(receipt)
    }

    #[cold]
    fn overflow(&self, amount: u64) -> Receipt {
        let why = format!(
            "{amount} base units more would take the supply of {} beyond {SUPPLY_MAX}",
            self.supply
        );
        Receipt::new(Code::SupplyOverflow, why)
    }

    fn debit(&mut self, slot: u32, amount: u64) -> Result<()> {
        let leaf = self.leaves.get_mut(slot as usize).ok_or_else(unbalanced)?;
        leaf.set_balance(leaf.balance().checked_sub(amount).ok_or_else(unbalanced)?);
        leaf.set_sequence(leaf.sequence().checked_add(1).ok_or_else(unbalanced)?);
        self.mark(slot);
        Ok(())
    }

    fn credit(&mut self, slot: u32, amount: u64) -> Result<()> {
        let leaf = self.leaves.get_mut(slot as usize).ok_or_else(unbalanced)?;
        leaf.set_balance(leaf.balance().checked_add(amount).ok_or_else(unbalanced)?);
        self.mark(slot);
        Ok(())
    }

    fn mark(&mut self, slot: u32) {
        if let Some(changed @ false) = self.changed.get_mut(slot as usize) {
            *changed = true;
            if slot as usize >= self.existing {
                self.created.push(slot);
            }
        }
    }

    fn finish(mut self, mut indexes: Vec<u32>, rejected: Vec<Rejection>) -> Executed {
        let mut created = Vec::with_capacity(self.created.len());
        let slots = self.created.iter();
        created.extend(slots.filter_map(|slot| self.leaves.get(*slot as usize)));
        self.leaves.truncate(self.existing);
        if self
            .changed
            .iter()
            .take(self.existing)
            .any(|changed| !changed)
        {
            let mut marks = self.changed.iter();
            self.leaves.retain(|_| marks.next() == Some(&true));
            let mut marks = self.changed.iter();
            indexes.retain(|_| marks.next() == Some(&true));
            let mut marks = self.changed.iter();
            self.old.retain(|_| marks.next() == Some(&true));
        }
        Executed {
            indexes,
            leaves: self.leaves,
            old: self.old,
            created,
            txids: self.txids,
            supply: self.supply,
            rejected,
        }
    }
}

/// Balances add up to the supply, so that none of them can leave its range before the supply does.
#[cold]
fn unbalanced() -> Error {
    Error::new(
        Code::InternalPanic,
        "the balances do not add up to the supply",
    )
    .fatal()
}
