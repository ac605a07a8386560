//! The one place that writes to block files. Whoever holds the [`Writer`] is the only one who may.
//!
//! A commit is: encode the group into one buffer, one write, one sync. The sync comes before
//! anything is acknowledged and before the next group is written; recovery depends on that order.

use std::sync::Arc;

use libmetachain_ledger::{Place, Record};
use libmetachain_primitives::{Error, Result};

use crate::fault::io_failed;
use crate::format::{FRAME_HEADER_BYTES, Kind, Link, StoreKey, encode_mark, encode_record, u64_at};
use crate::recover::Tail;
use crate::segment_header::FIRST_FRAME;
use crate::segments::{Segment, Segments};
use crate::walk::Chain;

/// What must stay free at the end of a segment for the frame that seals it and the mark that a
/// close may have put before it.
pub(crate) const SEAL_BYTES: u64 = 3 * (FRAME_HEADER_BYTES as u64 + 64);
/// Zeros written ahead at a time.
const FILL_STEP: u64 = 1 << 20;
const PAGE: u64 = 4096;

/// A record that was given its number and place and waits to be written.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) sequence: u64,
    pub(crate) place: Place,
    pub(crate) record: Record,
}

/// The state of the log as far as it is written.
#[derive(Debug)]
pub(crate) struct Writer {
    segments: Arc<Segments>,
    key: StoreKey,
    segment: Segment,
    offset: u64,
    chain: Chain,
    sealed: bool,
    closed: bool,
    /// Records that are on disk: the sequence of the first that may not be.
    synced: u64,
    /// Segment and offset up to which everything is on disk.
    synced_end: (u32, u64),
    unsynced_bytes: u64,
    syncs: u64,
    /// Up to here the segment has been written, with records or with zeros.
    filled_to: u64,
    fill_bytes: u64,
    filling: bool,
    /// Bytes of records since the store was opened.
    appended_bytes: u64,
    buffer: Vec<u8>,
}

impl Writer {
    pub(crate) fn new(
        segments: Arc<Segments>,
        key: StoreKey,
        tail: &Tail,
        fill_bytes: u64,
    ) -> Result<Self> {
        let segment = segments.get(tail.segment, &key)?;
        Ok(Self {
            segments,
            key,
            segment,
            offset: tail.offset,
            chain: tail.chain,
            sealed: tail.sealed,
            closed: tail.closed,
            synced: tail.chain.next,
            synced_end: (tail.segment, tail.offset),
            unsynced_bytes: 0,
            syncs: 0,
            filled_to: tail.offset.next_multiple_of(PAGE),
            fill_bytes,
            filling: false,
            appended_bytes: 0,
            buffer: Vec::new(),
        })
    }

    /// Records on disk.
    pub(crate) fn synced(&self) -> u64 {
        self.synced
    }

    /// Where the records on disk end.
    pub(crate) fn synced_end(&self) -> (u32, u64) {
        self.synced_end
    }

    /// Syncs since the store was opened.
    pub(crate) fn syncs(&self) -> u64 {
        self.syncs
    }

    pub(crate) fn unsynced_bytes(&self) -> u64 {
        self.unsynced_bytes
    }

    /// Writes a group that lies in one segment, without syncing it.
    pub(crate) fn write(&mut self, group: &[Arc<Pending>]) -> Result<()> {
        let Some(first) = group.first() else {
            return Ok(());
        };
        if first.place.segment != self.segment.number {
            self.switch(first.place.segment)?;
        }
        let start = self.offset;
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        for pending in group {
            let link = self.link();
            self.chain.previous = encode_record(
                &self.key,
                &link,
                &pending.record,
                pending.place.len,
                &mut buffer,
            );
            self.chain.next += 1;
            self.offset += u64::from(pending.place.len);
        }
        let written = self.put(&buffer, start);
        self.buffer = buffer;
        self.closed = false;
        written
    }

    /// Makes everything written durable. After an error the writer must not be used again.
    pub(crate) fn sync(&mut self) -> Result<()> {
        if !cfg!(feature = "planted-skipped-sync") {
            self.segment
                .file
                .sync_data()
                .map_err(|error| self.failed("sync", &error))?;
        }
        self.synced = self.chain.next;
        self.synced_end = (self.segment.number, self.offset);
        self.unsynced_bytes = 0;
        self.syncs += 1;
        Ok(())
    }

    /// Says in the log that the store was closed and that nothing before was lost.
    pub(crate) fn mark_closed(&mut self) -> Result<()> {
        self.sync_written()?;
        if self.closed || self.sealed || self.chain.next == 0 {
            return Ok(());
        }
        self.mark(Kind::Closed, &[])?;
        self.sync()?;
        self.closed = true;
        Ok(())
    }

    /// Writes zeros ahead of the log when there is nothing better to do, in proportion to what
    /// was written since the store was opened. Returns whether there is more to fill.
    ///
    /// # Errors
    /// As [`Writer::sync`]: the sync covers the records too, so its failure is theirs.
    pub(crate) fn fill(&mut self) -> Result<bool> {
        let Some((from, goal)) = self.fill_due() else {
            self.filling = false;
            return Ok(false);
        };
        let to = from.saturating_add(FILL_STEP).min(goal);
        let zeros = vec![0; usize::try_from(to - from).unwrap_or(0)];
        self.segment
            .file
            .write_at(&zeros, from)
            .map_err(|error| self.failed("fill", &error))?;
        self.sync()?;
        self.filled_to = to;
        self.filling = to < goal;
        Ok(self.filling)
    }

    /// From where to where zeros should be written, if any should.
    pub(crate) fn fill_due(&self) -> Option<(u64, u64)> {
        let lead_max = self.appended_bytes.saturating_mul(4).min(self.fill_bytes);
        let goal = self.offset.saturating_add(lead_max).min(self.segment.len);
        // Only behind the log's end, where nothing can lie: the writer is ours alone.
        let from = self.filled_to.max(self.offset.next_multiple_of(PAGE));
        // Once half of the lead is used up, fill all of it: few long writes instead of many.
        let enough = from.saturating_sub(self.offset) > lead_max / 2 && !self.filling;
        (!self.sealed && from < goal && !enough).then_some((from, goal))
    }

    fn link(&self) -> Link {
        Link {
            segment: self.segment.number,
            offset: self.offset,
            sequence: self.chain.next,
            group: self.synced,
            previous: self.chain.previous,
        }
    }

    fn put(&mut self, bytes: &[u8], offset: u64) -> Result<()> {
        self.unsynced_bytes += bytes.len() as u64;
        self.appended_bytes += bytes.len() as u64;
        self.segment
            .file
            .write_at(bytes, offset)
            .map_err(|error| self.failed("write", &error))
    }

    fn mark(&mut self, kind: Kind, body: &[u8]) -> Result<()> {
        let link = self.link();
        let mut bytes = Vec::new();
        let hash = encode_mark(&self.key, &link, kind, body, &mut bytes);
        self.put(&bytes, link.offset)?;
        self.chain.previous = hash;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    fn sync_written(&mut self) -> Result<()> {
        if self.unsynced_bytes > 0 {
            self.sync()?;
        }
        Ok(())
    }

    /// Seals the current segment and goes to the next one, which was prepared before.
    ///
    /// The seal is synced before the next segment gets its first frame, so a segment with frames
    /// proves that all before it are whole.
    fn switch(&mut self, number: u32) -> Result<()> {
        self.sync_written()?;
        if !self.sealed {
            let first = self.first_sequence()?;
            self.mark(Kind::Sealed, &first.to_le_bytes())?;
            self.sync()?;
        }
        self.segment = self.segments.get(number, &self.key)?;
        self.offset = FIRST_FRAME;
        self.filled_to = FIRST_FRAME;
        self.sealed = false;
        Ok(())
    }

    /// The sequence of the segment's first frame.
    fn first_sequence(&self) -> Result<u64> {
        let mut head = [0; FRAME_HEADER_BYTES];
        self.segment
            .file
            .read_at(&mut head, FIRST_FRAME)
            .map_err(|error| self.failed("read", &error))?;
        Ok(u64_at(&head, 32..40))
    }

    fn failed(&self, what: &str, error: &std::io::Error) -> Error {
        io_failed(what, &self.segment.path, error).fatal()
    }
}
