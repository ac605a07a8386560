//! The last records appended: read back without the disk, also before they are on it.

use std::collections::VecDeque;

use libmetachain_ledger::store::Record;

const RECORDS_MAX: usize = 32;
/// Reading a record back from the page cache takes less time than writing it took: holding many only
/// matters to those who wait for records that are not on disk yet.
const BYTES_MAX: usize = 8 << 20;

#[derive(Default)]
pub(crate) struct Recent {
    records: VecDeque<(u64, Record)>,
    bytes: usize,
}

impl Recent {
    pub(crate) fn push(&mut self, sequence: u64, record: Record) {
        self.bytes += bytes_of(&record);
        self.records.push_back((sequence, record));
        // The newest stays whatever its size: it is the one that is asked for.
        while self.records.len() > RECORDS_MAX || (self.bytes > BYTES_MAX && self.records.len() > 1)
        {
            if let Some((_, record)) = self.records.pop_front() {
                self.bytes -= bytes_of(&record);
            }
        }
    }

    pub(crate) fn get(&self, sequence: u64) -> Option<Record> {
        self.records
            .iter()
            .rev()
            .find(|(other, _)| *other == sequence)
            .map(|(_, record)| record.clone())
    }
}

fn bytes_of(record: &Record) -> usize {
    match record {
        Record::Connect { payload, undo, .. } => payload.len() + undo.len(),
        _ => 0,
    }
}
