//! The same log without a disk, for tests and for chains that need not outlive their process.

use libmetachain_ledger::{Appended, Place, Record, Store, WhenDurable};
use libmetachain_primitives::{Code, Error, Result};
use parking_lot::RwLock;

use crate::fault::closed;

/// Keeps the records in memory. Everything appended counts as durable at once.
///
/// A place is the record's number: segment 0, the number as offset, length 0.
#[derive(Debug, Default)]
pub struct MemoryStore {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    records: Vec<Record>,
    closed: bool,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A copy of all records, in order: what [`FileStore`](crate::FileStore) would replay.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.inner.read().records.clone()
    }

    fn check_known(&self, sequence: u64) -> Result<()> {
        let inner = self.inner.read();
        if sequence < inner.records.len() as u64 {
            Ok(())
        } else if inner.closed {
            Err(closed())
        } else {
            let why = format!("record {sequence} was not appended");
            Err(Error::new(Code::BadArgument, why))
        }
    }
}

impl Store for MemoryStore {
    fn append(&self, record: Record) -> Result<Appended> {
        let mut inner = self.inner.write();
        if inner.closed {
            return Err(closed());
        }
        let sequence = inner.records.len() as u64;
        if (sequence == 0) != matches!(record, Record::Genesis { .. }) {
            let why = "genesis must be the first record and the only one";
            return Err(Error::new(Code::BadArgument, why));
        }
        inner.records.push(record);
        let place = Place {
            segment: 0,
            offset: sequence,
            len: 0,
        };
        Ok(Appended { sequence, place })
    }

    fn durable_sequence(&self) -> u64 {
        (self.inner.read().records.len() as u64).saturating_sub(1)
    }

    fn wait_durable(&self, sequence: u64) -> Result<()> {
        self.check_known(sequence)
    }

    fn when_durable(&self, sequence: u64, done: WhenDurable) {
        done(self.check_known(sequence));
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }

    fn read(&self, place: Place) -> Result<Record> {
        let inner = self.inner.read();
        if inner.closed {
            return Err(closed());
        }
        usize::try_from(place.offset)
            .ok()
            .filter(|_| place.segment == 0 && place.len == 0)
            .and_then(|at| inner.records.get(at))
            .cloned()
            .ok_or_else(|| Error::new(Code::StoreCorrupt, "no record has this place"))
    }

    fn close(&self) -> Result<()> {
        self.inner.write().closed = true;
        Ok(())
    }
}
