//! The accounts as a list of records, read out while the chain goes on, and a ledger made of them.
//!
//! A snapshot is taken a piece at a time: records in index order under short locks, then, under one
//! more, those that blocks [touched](crate::Delta::touched) meanwhile, the number of leaves, the tip
//! and the ids of the replay window. Restoring puts the late records over the early ones and
//! compares the state root, which commits to every one of them. It does not commit to the replay
//! window, which follows from the blocks.

use std::sync::Arc;

use libmetachain_primitives::{Code, Error, Genesis, Result, SUPPLY_MAX, TxId};

use crate::accounts::{ABSENT, Accounts};
use crate::chunked::Chunked;
use crate::leaf::Leaf;
use crate::ledger::Ledger;
use crate::replay::Replay;
use crate::tip::Tip;
use crate::window::Window;

/// Bytes of one account's record: address (20), balance (8) and sequence (8), little-endian.
pub const ACCOUNT_RECORD_BYTES: usize = 36;

/// No chain gets this far; a snapshot that says so must not make sums overflow.
const HEIGHT_MAX: u64 = 1 << 62;

type AccountRecord = [u8; ACCOUNT_RECORD_BYTES];

impl Ledger {
    /// The number of records: the accounts, and the zero address whether or not it is one.
    #[must_use]
    pub fn leaves_len(&self) -> u32 {
        self.state.accounts.len() as u32
    }

    /// Appends the records from index `from` on, `count` at most; gives how many there were.
    pub fn read_accounts(&self, from: u32, count: u32, out: &mut Vec<u8>) -> u32 {
        let leaves = self.state.accounts.leaves().from(from as usize);
        let before = out.len();
        for leaf in leaves.take(count as usize) {
            out.extend_from_slice(&record(leaf));
        }
        ((out.len() - before) / ACCOUNT_RECORD_BYTES) as u32
    }

    /// The record at an index; `None` beyond the last.
    #[must_use]
    pub fn read_account(&self, index: u32) -> Option<AccountRecord> {
        self.state.accounts.get(index).map(record)
    }

    /// The ids in the replay window, by block, the oldest first.
    pub fn window(&self) -> impl Iterator<Item = (u64, &[TxId])> {
        self.window.blocks()
    }
}

fn record(leaf: &Leaf) -> AccountRecord {
    let mut record = [0; ACCOUNT_RECORD_BYTES];
    let (address, numbers) = record.split_at_mut(20);
    address.copy_from_slice(leaf.address());
    numbers.as_chunks_mut().0[0] = leaf.balance().to_le_bytes();
    numbers.as_chunks_mut().0[1] = leaf.sequence().to_le_bytes();
    record
}

fn leaf(record: &AccountRecord) -> Leaf {
    let mut leaf = Leaf::new(&record.as_chunks().0[0]);
    let (_, numbers) = record.split_at(20);
    leaf.set_balance(u64::from_le_bytes(numbers.as_chunks().0[0]));
    leaf.set_sequence(u64::from_le_bytes(numbers.as_chunks().0[1]));
    leaf
}

/// Accounts on their way back from a snapshot.
pub struct Restore {
    genesis: Arc<Genesis>,
    leaves: Chunked<Leaf>,
}

impl Restore {
    /// Starts with no records.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` where a parameter of genesis is out of its range.
    pub fn new(genesis: impl Into<Arc<Genesis>>) -> Result<Self> {
        let genesis = genesis.into();
        genesis.validate()?;
        Ok(Self {
            genesis,
            leaves: Chunked::new(),
        })
    }

    /// Takes the next records in index order.
    ///
    /// # Errors
    /// `SNAPSHOT_INVALID` if the bytes are not whole records, or too many.
    pub fn accounts(&mut self, records: &[u8]) -> Result<()> {
        let (records, rest) = records.as_chunks();
        if !rest.is_empty() {
            return Err(invalid("has an incomplete account record"));
        }
        if self.leaves.len() + records.len() > ABSENT as usize {
            return Err(invalid("has more accounts than a ledger can"));
        }
        records
            .iter()
            .for_each(|record| self.leaves.push(leaf(record)));
        Ok(())
    }

    /// Takes a later record of an index over an earlier one. Records behind the last come in order.
    ///
    /// # Errors
    /// `SNAPSHOT_INVALID` if the index is beyond the next.
    pub fn account(&mut self, index: u32, record: &AccountRecord) -> Result<()> {
        if index as usize > self.leaves.len() || index == ABSENT {
            return Err(invalid("leaves out an account"));
        }
        self.leaves.put(index as usize, leaf(record));
        Ok(())
    }

    /// The accounts at a tip, of which there are `leaves`; records beyond that were taken back
    /// before the snapshot was complete. The window's ids are by block, the oldest first, up to the
    /// tip. The state root is compared by [`Replay::finish_replay`].
    ///
    /// # Errors
    /// `SNAPSHOT_INVALID` if records are missing, if the first is not the zero address's, if the
    /// balances do not add up to the tip's supply, or if tip and window are none that a chain has.
    pub fn finish(mut self, tip: Tip, leaves: u32, window: Vec<Vec<TxId>>) -> Result<Replay> {
        if leaves as usize > self.leaves.len() {
            return Err(invalid("has fewer accounts than it says"));
        }
        self.leaves.truncate(leaves as usize);
        if self
            .leaves
            .get(0)
            .is_none_or(|leaf| leaf.address() != &[0; 20])
        {
            return Err(invalid("does not begin with the zero address"));
        }
        let sum = self
            .leaves
            .iter()
            .map(|leaf| u128::from(leaf.balance()))
            .sum::<u128>();
        if sum != u128::from(tip.supply) || tip.supply > SUPPLY_MAX {
            return Err(invalid("has balances that do not add up to its supply"));
        }
        if tip.height > HEIGHT_MAX || (tip.height == 0) != tip.native.is_none() {
            return Err(invalid("is of a height that no chain has"));
        }
        let Some(before) = tip.height.checked_sub(window.len() as u64) else {
            return Err(invalid("has a replay window from before genesis"));
        };
        let mut ids = Window::new(self.genesis.replay_window, before);
        window.into_iter().for_each(|txids| ids.push(txids));
        Ok(Replay::restored(
            self.genesis,
            Accounts::from_leaves(self.leaves),
            ids,
            tip,
        ))
    }
}

fn invalid(why: &str) -> Error {
    Error::new(Code::SnapshotInvalid, format!("the snapshot {why}"))
}
