//! Walks the frames of one segment in order, verifying each and the chain between them.

use libmetachain_primitives::Result;

use crate::fault::{corrupt, io_failed};
use crate::format::{Digest, FRAME_HEADER_BYTES, FrameHeader, Kind, StoreKey};
use crate::segment_header::FIRST_FRAME;
use crate::segments::Segment;

/// Bytes read at a time.
const READ_BYTES: usize = 1 << 20;

/// What the next frame must hang on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    /// The sequence of the next record.
    pub(crate) next: u64,
    /// The hash of the last frame; zero before the first of a store.
    pub(crate) previous: Digest,
    /// The commit group of the last frame: records before it are proven to be on disk.
    pub(crate) group: u64,
}

impl Chain {
    pub(crate) const START: Self = Self {
        next: 0,
        previous: [0; 32],
        group: 0,
    };

    /// Moves over a frame, or says why it cannot be the next one.
    pub(crate) fn follow(&mut self, header: &FrameHeader) -> Result<(), &'static str> {
        if header.previous != self.previous {
            return Err("the frame does not follow the one before it");
        }
        if header.sequence != self.next {
            return Err("the frame's sequence is not the next");
        }
        if header.group < self.group || header.group > header.sequence {
            return Err("the frame's commit group is out of order");
        }
        if (header.sequence == 0 && header.kind.is_record()) != (header.kind == Kind::Genesis) {
            return Err("genesis must be the first record and the only one");
        }
        self.previous = header.hash;
        self.group = header.group;
        if header.kind.is_record() {
            self.next = self
                .next
                .checked_add(1)
                .ok_or("the sequence is at its end")?;
        }
        Ok(())
    }
}

/// What lies at the walk's position.
#[expect(
    clippy::large_enum_variant,
    reason = "lives for one step, and is a frame nearly always"
)]
pub(crate) enum Step<'a> {
    /// A frame that is right in itself: header, bytes, and what is pruned of it.
    Frame(FrameHeader, &'a [u8], u32),
    /// No valid frame, and why.
    Invalid(&'static str),
}

/// Reads a segment forward through a buffer.
pub(crate) struct Walk {
    segment: Segment,
    key: StoreKey,
    offset: u64,
    /// Bytes from here on are not read: they may still be written.
    limit: u64,
    buffer: Vec<u8>,
    buffer_at: u64,
}

impl Walk {
    pub(crate) fn new(segment: Segment, key: StoreKey, offset: u64) -> Self {
        Self {
            limit: segment.len,
            segment,
            key,
            offset: offset.max(FIRST_FRAME),
            buffer: Vec::new(),
            buffer_at: 0,
        }
    }

    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn segment(&self) -> &Segment {
        &self.segment
    }

    /// Reads nothing at or behind this offset.
    pub(crate) fn set_limit(&mut self, limit: u64) {
        self.limit = limit.min(self.segment.len);
    }

    /// The frame at the current offset. Does not move: [`Walk::advance`] does.
    pub(crate) fn peek(&mut self) -> Result<Step<'_>> {
        let key = self.key;
        let (number, pruned, offset) = (self.segment.number, self.segment.pruned, self.offset);
        let Some(head) = self.bytes(FRAME_HEADER_BYTES)? else {
            return Ok(Step::Invalid("the segment ends here"));
        };
        let Some(head) = head.first_chunk::<FRAME_HEADER_BYTES>() else {
            return Ok(Step::Invalid("the segment ends here"));
        };
        let header = match FrameHeader::decode(&key, head, number, offset) {
            Ok(header) => header,
            Err(why) => return Ok(Step::Invalid(why)),
        };
        let Some(frame) = self.bytes(header.len as usize)? else {
            return Ok(Step::Invalid("the frame goes beyond the segment"));
        };
        match header.check_sections(&key, frame, pruned) {
            Ok(missing) => Ok(Step::Frame(header, frame, missing)),
            Err(why) => Ok(Step::Invalid(why)),
        }
    }

    /// Moves past a frame of this length.
    pub(crate) fn advance(&mut self, len: u32) {
        self.offset = self.offset.saturating_add(u64::from(len));
    }

    /// The next `len` bytes; `None` where the segment ends before.
    fn bytes(&mut self, len: usize) -> Result<Option<&[u8]>> {
        let left = self.limit.saturating_sub(self.offset);
        if (len as u64) > left {
            return Ok(None);
        }
        let held_to = self.buffer_at + self.buffer.len() as u64;
        if self.offset < self.buffer_at || self.offset + len as u64 > held_to {
            let want = len
                .max(READ_BYTES)
                .min(usize::try_from(left).unwrap_or(len));
            self.buffer.resize(want, 0);
            self.buffer_at = self.offset;
            if let Err(error) = self.segment.file.read_at(&mut self.buffer, self.offset) {
                self.buffer.clear();
                return Err(io_failed("read", &self.segment.path, &error));
            }
        }
        let start = usize::try_from(self.offset - self.buffer_at).unwrap_or(usize::MAX);
        let end = start.saturating_add(len);
        self.buffer.get(start..end).map(Some).ok_or_else(|| {
            corrupt(
                &self.segment.path,
                self.offset,
                "the segment cannot be read",
            )
        })
    }
}
