//! Reads the log from its start, or from behind a known record, to where it ended at opening.

use std::sync::Arc;

use libmetachain_ledger::{Place, Record};
use libmetachain_primitives::{Code, Error, Result};

use crate::fault::corrupt;
use crate::format::{FIRST_FRAME, Kind, StoreKey};
use crate::segments::Segments;
use crate::walk::{Chain, Step, Walk};

/// Iterates over the records of a log in order, as sequence, place and record, verifying every byte
/// and the chain between them. What was pruned of a record is empty: the undo, or the payload of a
/// block that was disconnected.
///
/// It ends after the last record, or with one error. It may be dropped at any time, and any
/// number of them may run beside the store's writer.
pub struct Replay {
    segments: Arc<Segments>,
    key: StoreKey,
    /// Segment and offset of the log's end.
    end: (u32, u64),
    chain: Chain,
    walk: Option<Walk>,
    /// The last frame was a seal, so the segment's rest is empty.
    next_segment: Option<u32>,
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
    pub(crate) fn from_start(segments: Arc<Segments>, key: StoreKey, end: (u32, u64)) -> Self {
        Self {
            segments,
            key,
            end,
            chain: Chain::START,
            walk: None,
            next_segment: Some(0),
        }
    }

    /// From behind the record at `place`, which must have that sequence.
    pub(crate) fn after(
        segments: Arc<Segments>,
        key: StoreKey,
        end: (u32, u64),
        sequence: u64,
        place: Place,
    ) -> Result<Self> {
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
        let walk = Walk::new(segments.get(place.segment, &key)?, key, header.end());
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
        })
    }

    /// The sequence of the record that comes next.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.chain.next
    }

    fn step(&mut self) -> Result<Option<Item>> {
        loop {
            if let Some(number) = self.next_segment {
                if (number, FIRST_FRAME) >= self.end {
                    return Ok(None);
                }
                let segment = self.segments.get(number, &self.key)?;
                self.walk = Some(Walk::new(segment, self.key, FIRST_FRAME));
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
        }
        step.transpose()
    }
}
