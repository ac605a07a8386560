//! The order of everything that happened: one entry for each record of the log.
//!
//! Events are this journal read from a cursor. Nothing is written for them apart from the log, so
//! they cannot disagree with it.

use libmetachain_ledger::store::Place;

/// What a record of the log did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    /// A block became the tip; the record is the block's own.
    Connected,
    /// The block whose record has this sequence was taken back.
    Disconnected(u64),
    /// Nothing that an indexer follows.
    Other,
}

/// One record of the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) happened: Happened,
}

/// All records, by sequence.
#[derive(Default)]
pub(crate) struct Journal {
    entries: Vec<Entry>,
}

impl Journal {
    /// Adds the record with the next sequence.
    pub(crate) fn push(&mut self, place: Place, happened: Happened) {
        self.entries.push(Entry { place, happened });
    }

    pub(crate) fn get(&self, sequence: u64) -> Option<&Entry> {
        self.entries.get(usize::try_from(sequence).ok()?)
    }

    /// The sequence that the next record will have.
    pub(crate) fn len(&self) -> u64 {
        self.entries.len() as u64
    }
}
