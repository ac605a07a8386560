//! Reads and checks everything that a store holds.

use std::sync::Arc;

use libmetachain_primitives::{Code, Error, Result};

use crate::fault::{corrupt, io_failed};
use crate::format::Kind;
use crate::log::Log;
use crate::recover::is_zero;
use crate::segment_header::FIRST_FRAME;
use crate::segments::Segment;
use crate::snapshot::Snapshots;
use crate::walk::{Chain, Step, Walk};

/// How often progress is told.
const PROGRESS_BYTES: u64 = 4 << 20;

/// How far a verification is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifyProgress {
    /// Bytes of block files read.
    pub bytes_done: u64,
    /// Bytes of block files there are.
    pub bytes_total: u64,
    /// Records found right.
    pub records: u64,
}

/// What a verification found right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Records in the log.
    pub records: u64,
    /// Block files.
    pub segments: u32,
    /// Bytes of records and marks in them.
    pub bytes: u64,
    /// Snapshots.
    pub snapshots: u64,
}

pub(crate) fn verify(
    log: &Arc<Log>,
    progress: &mut dyn FnMut(VerifyProgress) -> bool,
) -> Result<VerifyReport> {
    log.check_open()?;
    let (last, end) = log.durable_end();
    let mut state = Verifying {
        chain: Chain::START,
        first_of_segment: 0,
        report: VerifyReport::default(),
        done: VerifyProgress::default(),
        told: 0,
        progress,
    };
    for number in 0..=last {
        let len = log.segments.get(number, &log.key)?.len;
        state.done.bytes_total += if number == last { end } else { len };
    }
    for number in 0..=last {
        let segment = log.segments.get(number, &log.key)?;
        let end = if number == last { end } else { u64::MAX };
        state.segment(log, segment, end, number == last)?;
    }
    state.report.records = state.chain.next;
    state.report.snapshots = Snapshots::new(Arc::clone(log)).verify()?;
    state.tell()?;
    Ok(state.report)
}

struct Verifying<'a> {
    chain: Chain,
    first_of_segment: u64,
    report: VerifyReport,
    done: VerifyProgress,
    told: u64,
    progress: &'a mut dyn FnMut(VerifyProgress) -> bool,
}

impl Verifying<'_> {
    fn segment(&mut self, log: &Log, segment: Segment, end: u64, is_last: bool) -> Result<()> {
        let path = Arc::clone(&segment.path);
        let before = self.done.bytes_done;
        let mut walk = Walk::new(segment.clone(), log.key, FIRST_FRAME);
        walk.set_limit(end);
        self.first_of_segment = self.chain.next;
        let mut sealed = false;
        while !sealed && walk.offset() < end {
            let offset = walk.offset();
            let (header, body) = match walk.peek()? {
                Step::Frame(header, frame, _) => {
                    let body = frame.get(header.body()).map(<[u8]>::to_vec);
                    (header, if header.kind.is_record() { None } else { body })
                }
                Step::Invalid(why) => return Err(corrupt(&path, offset, why)),
            };
            self.chain
                .follow(&header)
                .map_err(|why| corrupt(&path, offset, why))?;
            let first = self.first_of_segment.to_le_bytes();
            match (header.kind, body) {
                (Kind::Sealed, Some(body)) if body == first => sealed = true,
                (Kind::Closed, Some(body)) if body.is_empty() => {}
                (Kind::Sealed | Kind::Closed, _) => {
                    return Err(corrupt(&path, offset, "the mark contradicts the segment"));
                }
                _ => {}
            }
            walk.advance(header.len);
            self.report.bytes += u64::from(header.len);
            self.done.records = self.chain.next;
            self.done.bytes_done = before + walk.offset();
            if self.done.bytes_done - self.told >= PROGRESS_BYTES {
                self.tell()?;
            }
        }
        if sealed {
            empty(&segment, walk.offset())?;
        }
        self.report.segments += 1;
        self.done.bytes_done = before + if is_last { walk.offset() } else { segment.len };
        Ok(())
    }

    fn tell(&mut self) -> Result<()> {
        self.told = self.done.bytes_done;
        if (self.progress)(self.done) {
            Ok(())
        } else {
            Err(Error::new(Code::Aborted, "the verification was aborted"))
        }
    }
}

/// Nothing is ever written behind a seal.
fn empty(segment: &Segment, from: u64) -> Result<()> {
    let mut buffer = vec![0; 1 << 20];
    let mut offset = from;
    while offset < segment.len {
        let left = usize::try_from(segment.len - offset).unwrap_or(usize::MAX);
        let len = left.min(buffer.len());
        let piece = buffer.get_mut(..len).unwrap_or_default();
        segment
            .file
            .read_at(piece, offset)
            .map_err(|error| io_failed("read", &segment.path, &error))?;
        if !is_zero(piece) {
            return Err(corrupt(
                &segment.path,
                offset,
                "there is something behind the seal",
            ));
        }
        offset += len as u64;
    }
    Ok(())
}
