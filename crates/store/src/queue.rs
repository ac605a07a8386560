//! What is appended and not yet written: numbers, places, waiting records, and who waits for them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use libmetachain_ledger::{Appended, Place, Record, WhenDurable};
use libmetachain_primitives::{Code, Error, Result};

use crate::fault::closed;
use crate::options::{Durability, StoreOptions};
use crate::recover::Tail;
use crate::segment_header::FIRST_FRAME;
use crate::writer::{Pending, SEAL_BYTES, Writer};

/// Bytes written with one sync, unless a single record has more.
const GROUP_BYTES_MAX: u64 = 32 << 20;

/// Records that wait for others to be written with them: with four, three in four writes and syncs are saved,
/// and nobody hears of a block much later.
const GATHERED_MAX: usize = 4;

/// Bytes of them: a longer write is worth a sync of its own.
const GATHERED_BYTES_MAX: usize = 1 << 20;

/// How far the log's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Open,
    Closing,
    Closed,
}

/// The state of a log that is guarded by one lock.
pub(crate) struct Queue {
    pub(crate) next: u64,
    pub(crate) segment: u32,
    pub(crate) offset: u64,
    pub(crate) capacity: u64,
    /// Bytes of the next segment, when it is ready.
    pub(crate) spare: Option<u64>,
    pub(crate) waiting: VecDeque<Arc<Pending>>,
    pub(crate) waiting_bytes: usize,
    /// How many have said that records are about to follow one another.
    pub(crate) gathering: usize,
    /// The store's thread waits until it is signalled, however long that takes.
    pub(crate) resting: bool,
    /// Taken by the writer but not yet written.
    pub(crate) in_flight: Vec<Arc<Pending>>,
    /// Records on disk.
    pub(crate) durable: u64,
    /// Segment and offset where they end.
    pub(crate) durable_end: (u32, u64),
    /// Records that somebody waits for.
    pub(crate) wanted: u64,
    /// Absent while somebody writes.
    pub(crate) writer: Option<Box<Writer>>,
    /// Who is to be called when a record is on disk.
    pub(crate) callbacks: BTreeMap<u64, Vec<WhenDurable>>,
    /// To be called by the store's thread.
    pub(crate) due: Vec<Call>,
    /// The last segment that a thread of its own was started for.
    pub(crate) prepared_aside: Option<u32>,
    /// Syncs of the log since it was opened.
    pub(crate) syncs: u64,
    pub(crate) fatal: Option<Error>,
    pub(crate) life: Life,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue")
            .field("next", &self.next)
            .field("durable", &self.durable)
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}

/// A callback and what it is to be told.
pub(crate) type Call = (WhenDurable, Result<()>);

impl Queue {
    /// An empty queue behind the tail of a log.
    pub(crate) fn new(tail: &Tail, capacity: u64, writer: Box<Writer>) -> Self {
        Self {
            next: tail.chain.next,
            segment: tail.segment,
            offset: tail.offset,
            // Nothing fits behind a seal.
            capacity: if tail.sealed { tail.offset } else { capacity },
            spare: None,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            gathering: 0,
            resting: false,
            in_flight: Vec::new(),
            durable: tail.chain.next,
            durable_end: (tail.segment, tail.offset),
            wanted: 0,
            writer: Some(writer),
            callbacks: BTreeMap::new(),
            due: Vec::new(),
            prepared_aside: None,
            syncs: 0,
            fatal: None,
            life: Life::Open,
        }
    }

    /// Gives a record that fits its number and place and lets it wait.
    pub(crate) fn push(&mut self, record: Record, len: u32) -> Appended {
        let place = Place {
            segment: self.segment,
            offset: self.offset,
            len,
        };
        let sequence = self.next;
        self.next += 1;
        self.offset += u64::from(len);
        self.waiting_bytes += len as usize;
        self.waiting.push_back(Arc::new(Pending {
            sequence,
            place,
            record,
        }));
        Appended { sequence, place }
    }

    /// The record at a place that may not be written yet.
    pub(crate) fn unwritten(&self, place: Place) -> Option<Record> {
        let found = |at: Result<usize, usize>| at.ok();
        let in_flight = self
            .in_flight
            .binary_search_by_key(&place, |pending| pending.place);
        let waiting = self
            .waiting
            .binary_search_by_key(&place, |pending| pending.place);
        let pending = found(in_flight)
            .and_then(|at| self.in_flight.get(at))
            .or_else(|| self.waiting.get(found(waiting)?));
        pending.map(|pending| pending.record.clone())
    }

    /// Calls `done` once the record is on disk, or says at once what is known already.
    pub(crate) fn register(&mut self, sequence: u64, done: WhenDurable) -> Option<Call> {
        let known = if self.durable > sequence {
            Ok(())
        } else if let Some(fatal) = &self.fatal {
            Err(fatal.clone())
        } else if self.life == Life::Closed {
            Err(closed())
        } else if let Err(error) = self.check_known(sequence) {
            Err(error)
        } else {
            self.callbacks.entry(sequence).or_default().push(done);
            return None;
        };
        Some((done, known))
    }

    pub(crate) fn check_open(&self) -> Result<()> {
        if let Some(fatal) = &self.fatal {
            return Err(fatal.clone());
        }
        if self.life == Life::Open {
            Ok(())
        } else {
            Err(closed())
        }
    }

    pub(crate) fn check_known(&self, sequence: u64) -> Result<()> {
        if sequence < self.next {
            return Ok(());
        }
        if self.life == Life::Closed {
            return Err(closed());
        }
        let why = format!("record {sequence} was not appended");
        Err(Error::new(Code::BadArgument, why))
    }

    /// Whether a frame fits here or in the next segment; moves there if so.
    pub(crate) fn find_room(&mut self, len: u32) -> bool {
        let end = self.offset + u64::from(len) + SEAL_BYTES;
        if end <= self.capacity {
            return true;
        }
        match (self.spare, self.segment.checked_add(1)) {
            (Some(bytes), Some(next)) if bytes >= needed_bytes(len) => {
                self.segment = next;
                self.offset = FIRST_FRAME;
                self.capacity = bytes;
                self.spare = None;
                true
            }
            _ => false,
        }
    }

    /// Takes what may be written with one sync: records of one segment, up to a bound.
    pub(crate) fn take_group(&mut self) -> Vec<Arc<Pending>> {
        let mut group = Vec::new();
        let mut bytes = 0_u64;
        let Some(segment) = self.waiting.front().map(|first| first.place.segment) else {
            return group;
        };
        while let Some(pending) = self.waiting.front() {
            let len = u64::from(pending.place.len);
            let fits = group.is_empty() || bytes + len <= GROUP_BYTES_MAX;
            if pending.place.segment != segment || !fits {
                break;
            }
            bytes += len;
            self.waiting_bytes = self
                .waiting_bytes
                .saturating_sub(pending.place.len as usize);
            group.extend(self.waiting.pop_front());
        }
        group
    }

    pub(crate) fn sync_due(
        &self,
        options: &StoreOptions,
        group: &[Arc<Pending>],
        unsynced: u64,
    ) -> bool {
        let bytes: u64 = group
            .iter()
            .map(|pending| u64::from(pending.place.len))
            .sum();
        match options.durability {
            Durability::Block => !group.is_empty(),
            Durability::Batch => {
                let written = group.last().map(|last| last.sequence + 1);
                let reaches = written.unwrap_or(self.next) >= self.wanted;
                (self.wanted > self.durable && reaches)
                    || unsynced + bytes >= options.batch_bytes_max.max(1)
            }
        }
    }

    pub(crate) fn has_work(&self) -> bool {
        self.fatal.is_none() && (!self.waiting.is_empty() || self.wanted > self.durable)
    }

    /// Whether there is something to write and nobody writes.
    pub(crate) fn can_write(&self) -> bool {
        self.has_work() && self.writer.is_some()
    }

    /// Whether what waits to be written is better written with what follows.
    pub(crate) fn gathers(&self) -> bool {
        self.gathering > 0
            && self.wanted <= self.durable
            && self.waiting.len() < GATHERED_MAX
            && self.waiting_bytes < GATHERED_BYTES_MAX
    }

    /// Whether the store's thread should write.
    pub(crate) fn write_due(&self) -> bool {
        self.can_write() && !self.gathers()
    }

    /// Whether the store's thread may wait to be signalled.
    pub(crate) fn nothing_to_do(&self) -> bool {
        !self.write_due() && self.due.is_empty() && self.life != Life::Closed
    }

    /// The segment that it is time to make ready: the current one is half used.
    pub(crate) fn segment_due(&self) -> Option<u32> {
        let wanted = self.spare.is_none() && self.next > 0 && self.offset > self.capacity / 2;
        let able = self.life == Life::Open && self.fatal.is_none();
        if wanted && able {
            self.segment.checked_add(1)
        } else {
            None
        }
    }

    /// The writer may have got further: what was waiting for that is due.
    pub(crate) fn reached(&mut self, writer: &Writer) -> Vec<Call> {
        self.durable = self.durable.max(writer.synced());
        self.durable_end = writer.synced_end();
        self.syncs = writer.syncs();
        let later = self.callbacks.split_off(&self.durable);
        let due = std::mem::replace(&mut self.callbacks, later);
        due.into_values()
            .flatten()
            .map(|done| (done, Ok(())))
            .collect()
    }

    /// The log is dead: nothing queued will ever be written.
    pub(crate) fn fail(&mut self, error: &Error) -> Vec<Call> {
        self.fatal = Some(error.clone());
        self.waiting.clear();
        self.waiting_bytes = 0;
        let calls = std::mem::take(&mut self.callbacks);
        let failed = |done| (done, Err(error.clone()));
        calls.into_values().flatten().map(failed).collect()
    }
}

/// Bytes that a segment must have to take a frame of this length first.
pub(crate) fn needed_bytes(len: u32) -> u64 {
    FIRST_FRAME + u64::from(len) + SEAL_BYTES
}
