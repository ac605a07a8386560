//! The order of everything that happened: one entry for each record of the log.
//!
//! Events are this journal read from a cursor. Nothing is written for them apart from the log, so
//! they cannot disagree with it.

use libmetachain_ledger::store::{Place, Record};
use libmetachain_primitives::Result;
use libmetachain_store::FileStore;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) happened: Happened,
}

/// The newest records by sequence; those before are read from the log when somebody asks for them.
#[derive(Default)]
pub(crate) struct Journal {
    /// The sequence of the first entry.
    base: u64,
    entries: Vec<Entry>,
}

impl Journal {
    /// Begins with the record of this sequence.
    pub(crate) fn from(base: u64) -> Self {
        Journal {
            base,
            entries: Vec::new(),
        }
    }

    /// Reads a whole log, whose genesis record lies at this place.
    pub(crate) fn read(files: &FileStore, genesis: Place) -> Result<Self> {
        let mut journal = Journal::default();
        journal.push(genesis, Happened::Other);
        let mut chain: Vec<u64> = Vec::new();
        for item in files.replay_after(0, genesis)? {
            let (sequence, place, record) = item?;
            journal.push(
                place,
                match record {
                    Record::Connect { .. } => {
                        chain.push(sequence);
                        Happened::Connected
                    }
                    Record::Disconnect { .. } => {
                        chain.pop().map_or(Happened::Other, Happened::Disconnected)
                    }
                    _ => Happened::Other,
                },
            );
        }
        Ok(journal)
    }

    /// Adds the record with the next sequence.
    pub(crate) fn push(&mut self, place: Place, happened: Happened) {
        self.entries.push(Entry { place, happened });
    }

    pub(crate) fn get(&self, sequence: u64) -> Option<&Entry> {
        let at = sequence.checked_sub(self.base)?;
        self.entries.get(usize::try_from(at).ok()?)
    }

    /// The records of the blocks that were taken back.
    pub(crate) fn taken_back(&self) -> impl Iterator<Item = u64> {
        self.entries
            .iter()
            .filter_map(|entry| match entry.happened {
                Happened::Disconnected(block) => Some(block),
                _ => None,
            })
    }

    /// The newest entries, `count` at most, in order, and the sequence of the first of them.
    pub(crate) fn newest(&self, count: usize) -> (u64, &[Entry]) {
        let skipped = self.entries.len().saturating_sub(count);
        (self.base + skipped as u64, &self.entries[skipped..])
    }

    /// The last entry and its sequence.
    pub(crate) fn last(&self) -> Option<(u64, &Entry)> {
        Some((self.len() - 1, self.entries.last()?))
    }

    /// The sequence that the next record will have.
    pub(crate) fn len(&self) -> u64 {
        self.base + self.entries.len() as u64
    }
}
