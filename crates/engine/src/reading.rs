//! The log, executed record by record: how a chain is rebuilt.

use std::collections::BTreeSet;

use libmetachain_ledger::store::{Place, Record, Store};
use libmetachain_ledger::{Replay, Undo};
use libmetachain_primitives::{
    BlockHash, Code, Error, Genesis, NativeHash, Result, decode_payload,
};

use crate::chain::Core;
use crate::connect::misplaced;
use crate::index::{Entry, Index};
use crate::journal::{Happened, Journal};

/// A record of the log with its sequence and place.
type Logged = (u64, Place, Record);

/// The log, read so far: one pass, each block executed as it comes and taken back as it was, or left
/// out together with what takes it back.
pub(crate) struct Reading<'a> {
    store: &'a dyn Store,
    /// Records of blocks that are left out, because their undo or body may be pruned.
    left_out: BTreeSet<u64>,
    ledger: Replay,
    core: Parts,
}

/// Everything of [`Core`] but the ledger.
pub(crate) struct Parts {
    pub(crate) index: Index,
    pub(crate) journal: Journal,
    pub(crate) first_parent: Option<NativeHash>,
    pub(crate) highest: u64,
    pub(crate) finalized: u64,
}

impl<'a> Reading<'a> {
    /// From the genesis record, which lies at this place.
    pub(crate) fn new(store: &'a dyn Store, genesis: Genesis, place: Place) -> Result<Self> {
        let mut core = Parts {
            index: Index::default(),
            journal: Journal::default(),
            first_parent: None,
            highest: 0,
            finalized: 0,
        };
        core.journal.push(place, Happened::Other);
        let ledger = Replay::new(genesis)?;
        Ok(Reading {
            store,
            left_out: BTreeSet::new(),
            ledger,
            core,
        })
    }

    /// From what a snapshot held.
    pub(crate) fn resumed(store: &'a dyn Store, ledger: Replay, core: Parts) -> Self {
        Reading {
            store,
            left_out: BTreeSet::new(),
            ledger,
            core,
        }
    }

    /// Does not execute the blocks of these records, which later records take back.
    pub(crate) fn leaving_out(self, records: BTreeSet<u64>) -> Self {
        Reading {
            left_out: records,
            ..self
        }
    }

    /// Reads the rest of the log, and compares the root.
    pub(crate) fn read(mut self, log: impl Iterator<Item = Result<Logged>>) -> Result<Core> {
        for item in log {
            self.take(item?)?;
        }
        let Parts {
            index,
            journal,
            first_parent,
            highest,
            finalized,
        } = self.core;
        Ok(Core {
            ledger: self.ledger.finish_replay()?,
            index,
            journal,
            touched: None,
            first_parent,
            highest,
            finalized,
        })
    }

    fn take(&mut self, (sequence, place, record): Logged) -> Result<()> {
        let height = self.core.index.height();
        let happened = match record {
            Record::Connect {
                height: begun,
                native,
                ..
            } if self.begins_with(begun, &native) => {
                self.core.index.push(Entry {
                    hash: self.ledger.tip().hash,
                    native,
                    sequence,
                    place,
                });
                Happened::Connected
            }
            Record::Connect {
                height: next,
                native,
                ..
            } if next == height + 1 && self.left_out.contains(&sequence) => {
                self.core.highest = self.core.highest.max(next);
                self.core.index.push(Entry {
                    // It is never looked up: whatever follows it is left out too.
                    hash: BlockHash::ZERO,
                    native,
                    sequence,
                    place,
                });
                Happened::Connected
            }
            Record::Connect {
                height: next,
                native,
                payload,
                ..
            } if next == height + 1 => {
                self.connect(sequence, place, native, &payload)
                    .map_err(|error| unusable(next, place, &error))?;
                Happened::Connected
            }
            Record::Disconnect {
                height: undone,
                native,
            } if undone == height
                && self
                    .core
                    .index
                    .last()
                    .is_some_and(|tip| tip.native == native) =>
            {
                let undone = self.disconnect(height, place)?;
                Happened::Disconnected(undone)
            }
            Record::Finalize {
                height: finalized, ..
            } if finalized <= height => {
                self.core.finalized = self.core.finalized.max(finalized);
                Happened::Other
            }
            record => return Err(out_of_order(sequence, place, &record, height)),
        };
        self.core.journal.push(place, happened);
        Ok(())
    }

    /// Whether this is the block of the snapshot that the log begins from: it was executed elsewhere.
    fn begins_with(&self, height: u64, native: &NativeHash) -> bool {
        let tip = self.ledger.tip();
        tip.height == height
            && self.core.index.height() + 1 == height
            && tip.native.is_some_and(|(_, tip)| tip == *native)
    }

    fn connect(
        &mut self,
        sequence: u64,
        place: Place,
        native: NativeHash,
        payload: &[u8],
    ) -> Result<()> {
        let genesis = self.ledger.genesis();
        let block = decode_payload(payload, genesis.payload_bytes_max, genesis.transactions_max)?;
        self.ledger.replay(&block, native)?;
        if block.header.height == 1 {
            self.core.first_parent = Some(block.header.native_parent);
        }
        self.core.highest = self.core.highest.max(block.header.height);
        self.core.index.push(Entry {
            hash: self.ledger.tip().hash,
            native,
            sequence,
            place,
        });
        Ok(())
    }

    /// Takes the tip back; gives the sequence of its record.
    fn disconnect(&mut self, height: u64, place: Place) -> Result<u64> {
        let entry = self.core.index.pop().ok_or_else(|| misplaced(height))?;
        if self.left_out.remove(&entry.sequence) {
            return Ok(entry.sequence);
        }
        let Record::Connect { undo, .. } = self.store.read(entry.place)? else {
            return Err(misplaced(height));
        };
        Undo::decode(&undo)
            .and_then(|undo| self.ledger.revert(&undo))
            .map_err(|error| unusable(height, place, &error))?;
        Ok(entry.sequence)
    }
}

pub(crate) fn out_of_order(sequence: u64, place: Place, record: &Record, height: u64) -> Error {
    Error::new(
        Code::StoreCorrupt,
        format!(
            "record {sequence} in segment {} at offset {} speaks of block {}, which does not follow block {height}",
            place.segment,
            place.offset,
            record.height(),
        ),
    )
    .with("sequence", sequence)
    .with("segment", place.segment)
    .with("offset", place.offset)
}

/// What the log holds was judged before it was written: that it no longer passes is the log's fault.
fn unusable(height: u64, place: Place, error: &Error) -> Error {
    Error::new(
        Code::StoreCorrupt,
        format!(
            "block {height} in segment {} at offset {} does not execute: {error}",
            place.segment, place.offset
        ),
    )
    .with("height", height)
    .with("segment", place.segment)
    .with("offset", place.offset)
}
