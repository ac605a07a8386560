//! Reads the log from its start, or from behind a known record, to where what is on disk ends.

use std::sync::Arc;

use libmetachain_ledger::{Place, Record};
use libmetachain_primitives::{Code, Error, Result};

use crate::fault::corrupt;
use crate::format::{Digest, Kind, StoreKey};
use crate::log::Log;
use crate::segment_header::FIRST_FRAME;
use crate::segments::Segments;
use crate::walk::{Chain, Step, Walk};

/// Iterates over the records of a log in order, as sequence, place and record, verifying every byte
/// and the chain between them. What was pruned of a record is empty: the undo, or the payload of a
/// block that was disconnected.
///
/// It ends after the last record that was on disk when it was made, or with one error. It may be
/// dropped at any time, and any number of them may run beside the store's writer.
pub struct Replay {
    segments: Arc<Segments>,
    key: StoreKey,
    /// Segment and offset of the log's end.
    end: (u32, u64),
    chain: Chain,
    walk: Option<Walk>,
    /// The last frame was a seal, so the segment's rest is empty.
    next_segment: Option<u32>,
    /// The hash of the last record's frame.
    last_hash: Digest,
}

type Item = (u64, Place, Record);

impl std::fmt::Debug for Replay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replay")
            .field("next", &self.chain.next)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

impl Replay {
    /// From the first record.
    pub(crate) fn from_start(log: &Log) -> Self {
        Self {
            segments: Arc::clone(&log.segments),
            key: log.key,
            end: log.durable_end(),
            chain: Chain::START,
            walk: None,
            next_segment: Some(0),
            last_hash: [0; 32],
        }
    }

    /// From behind the record at `place`, which must have that sequence.
    pub(crate) fn after(log: &Log, sequence: u64, place: Place) -> Result<Self> {
        let (segments, key, end) = (Arc::clone(&log.segments), log.key, log.durable_end());
        let (header, ..) = segments.read_frame(&key, place)?;
        if header.sequence != sequence || !header.kind.is_record() {
            let why = format!("the record there is not number {sequence}");
            return Err(corrupt(&segments.path(place.segment), place.offset, &why));
        }
        if (place.segment, header.end()) > end {
            return Err(Error::new(
                Code::BadArgument,
                "the place lies behind the end of the log",
            ));
        }
        let mut walk = Walk::new(segments.get(place.segment, &key)?, key, header.end());
        if place.segment == end.0 {
            walk.set_limit(end.1);
        }
        let chain = Chain {
            next: sequence.saturating_add(1),
            previous: header.hash,
            group: header.group,
        };
        Ok(Self {
            segments,
            key,
            end,
            chain,
            walk: Some(walk),
            next_segment: None,
            last_hash: header.hash,
        })
    }

    /// The sequence of the record that comes next.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.chain.next
    }

    /// The hash of the last record's frame.
    pub(crate) fn last_hash(&self) -> Digest {
        self.last_hash
    }

    /// Goes on to a later end of the log.
    pub(crate) fn extend(&mut self, end: (u32, u64)) {
        self.end = end;
        if let Some(walk) = &mut self.walk {
            let here = walk.segment().number == end.0;
            walk.set_limit(if here { end.1 } else { u64::MAX });
        }
    }

    fn step(&mut self) -> Result<Option<Item>> {
        loop {
            if let Some(number) = self.next_segment {
                if (number, FIRST_FRAME) >= self.end {
                    return Ok(None);
                }
                let segment = self.segments.get(number, &self.key)?;
                let mut walk = Walk::new(segment, self.key, FIRST_FRAME);
                if number == self.end.0 {
                    walk.set_limit(self.end.1);
                }
                self.walk = Some(walk);
                self.next_segment = None;
            }
            let Some(walk) = &mut self.walk else {
                return Ok(None);
            };
            let number = walk.segment().number;
            if (number, walk.offset()) >= self.end {
                return Ok(None);
            }
            let path = Arc::clone(&walk.segment().path);
            let offset = walk.offset();
            let (header, frame, missing) = match walk.peek()? {
                Step::Frame(header, frame, missing) => (header, frame, missing),
                Step::Invalid(why) => return Err(corrupt(&path, offset, why)),
            };
            self.chain
                .follow(&header)
                .map_err(|why| corrupt(&path, offset, why))?;
            let record = header.record(frame, missing);
            walk.advance(header.len);
            if header.kind == Kind::Sealed {
                self.next_segment = Some(number.saturating_add(1));
            }
            if let Some(record) = record {
                self.last_hash = header.hash;
                return Ok(Some((header.sequence, header.place(), record)));
            }
        }
    }
}

impl Iterator for Replay {
    type Item = Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            self.walk = None;
            self.next_segment = None;
            self.end = (0, 0);
        }
        step.transpose()
    }
}
