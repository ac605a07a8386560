//! Drops what is no longer needed from sealed segments: undo, and the bodies of blocks that were
//! disconnected in the segment that they were connected in.
//!
//! A block that was connected in one segment and disconnected in another keeps its body: whatever
//! happened between the two then has both of its records or neither, so that a reader who leaves out
//! what is gone sees nothing but a chain that never had it.
//!
//! A segment is written anew once, when nothing in it is needed whole any more. It is copied to a
//! temporary file with holes where the dropped sections were, synced, and renamed over the old one.
//! Offsets, frame headers and hashes stay, so places stay valid and the chain can still be verified;
//! the new header page says what is missing.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use libmetachain_primitives::Result;

use crate::disk::DiskFile;
use crate::fault::{corrupt, io_failed};
use crate::format::{FRAME_HEADER_BYTES, FrameHeader, Kind};
use crate::log::Log;
use crate::segment_header::{FIRST_FRAME, PRUNED_BODIES, PRUNED_UNDO, SegmentHeader};
use crate::segments::Segment;
use crate::walk::{Step, Walk};

const TEMPORARY: &str = "prune.tmp";
/// Synced as it goes, so that the log's syncs never wait behind much of it.
const SYNC_BYTES: u64 = 8 << 20;

/// What a pruning did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PruneReport {
    /// Segments that were written anew.
    pub segments: u32,
    /// Bytes of sections dropped in them.
    pub bytes: u64,
}

pub(crate) fn prune(log: &Arc<Log>, before: u64, go_on: &dyn Fn() -> bool) -> Result<PruneReport> {
    let mut report = PruneReport::default();
    let (last, _) = log.durable_end();
    for number in 0..last {
        if !go_on() {
            break;
        }
        let _alone = log.lock_maintenance();
        log.check_open()?;
        let segment = log.segments.get(number, &log.key)?;
        if segment.pruned != 0 {
            continue;
        }
        // Only what holds nothing younger.
        let next = log.segments.get(number + 1, &log.key)?;
        let mut walk = Walk::new(next, log.key, FIRST_FRAME);
        let Step::Frame(first_of_next, ..) = walk.peek()? else {
            break;
        };
        if first_of_next.sequence > before {
            break;
        }
        let plan = plan(log, &segment)?;
        if plan.bytes > 0 {
            rewrite(log, &segment, &plan)?;
            report.segments += 1;
            report.bytes += plan.bytes;
        }
    }
    Ok(report)
}

/// What stays of a segment.
#[derive(Default)]
struct Plan {
    kept: Vec<Range<u64>>,
    pruned: u32,
    bytes: u64,
}

/// Decides, verifying every frame on the way.
fn plan(log: &Log, segment: &Segment) -> Result<Plan> {
    let mut frames: Vec<FrameHeader> = Vec::new();
    let mut connected: Vec<usize> = Vec::new();
    let mut gone: BTreeSet<usize> = BTreeSet::new();
    let mut walk = Walk::new(segment.clone(), log.key, FIRST_FRAME);
    loop {
        let header = match walk.peek()? {
            Step::Frame(header, ..) => header,
            Step::Invalid(why) => return Err(corrupt(&segment.path, walk.offset(), why)),
        };
        match header.kind {
            Kind::Connect => connected.push(frames.len()),
            // With nothing left here the block came from a segment before.
            Kind::Disconnect => gone.extend(connected.pop()),
            _ => {}
        }
        walk.advance(header.len);
        let sealed = header.kind == Kind::Sealed;
        frames.push(header);
        if sealed {
            break;
        }
    }
    let mut plan = Plan::default();
    for (at, frame) in frames.iter().enumerate() {
        plan.frame(frame, gone.contains(&at));
    }
    Ok(plan)
}

impl Plan {
    fn frame(&mut self, header: &FrameHeader, gone: bool) {
        let (body, undo) = (u64::from(header.body_len), u64::from(header.undo_len));
        let body_at = header.offset + FRAME_HEADER_BYTES as u64;
        self.keep(header.offset..body_at);
        if gone && body > 0 {
            self.pruned |= PRUNED_BODIES;
            self.bytes += body;
        } else {
            self.keep(body_at..body_at + body);
        }
        if undo > 0 {
            self.pruned |= PRUNED_UNDO;
            self.bytes += undo;
        }
    }

    fn keep(&mut self, range: Range<u64>) {
        match self.kept.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.kept.push(range),
        }
    }
}

fn rewrite(log: &Log, segment: &Segment, plan: &Plan) -> Result<()> {
    let disk = log.segments.disk();
    let temporary = log.segments.dir().join(TEMPORARY);
    let header = SegmentHeader {
        number: segment.number,
        seed: log.key.seed,
        pruned: plan.pruned,
    };
    let failed = |error: io::Error| io_failed("write", &temporary, &error);
    let file = disk.create(&temporary).map_err(failed)?;
    let copied = file
        .set_len(segment.len)
        .and_then(|()| file.write_at(&header.encode(), 0))
        .and_then(|()| copy(segment, file.as_ref(), &plan.kept))
        .and_then(|()| disk.rename(&temporary, &segment.path));
    if let Err(error) = copied {
        remove(log, &temporary);
        return Err(failed(error));
    }
    log.segments.forget(segment.number);
    log.segments.sync_dir()
}

fn copy(from: &Segment, to: &dyn DiskFile, kept: &[Range<u64>]) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 20];
    let mut unsynced = 0;
    for range in kept {
        let mut offset = range.start;
        while offset < range.end {
            let left = usize::try_from(range.end - offset).unwrap_or(usize::MAX);
            let len = left.min(buffer.len());
            let piece = buffer.get_mut(..len).unwrap_or_default();
            from.file.read_at(piece, offset)?;
            to.write_at(piece, offset)?;
            offset += len as u64;
            unsynced += len as u64;
            if unsynced >= SYNC_BYTES {
                to.sync_data()?;
                unsynced = 0;
            }
        }
    }
    to.sync_data()
}

fn remove(log: &Log, path: &Path) {
    // A leftover is overwritten by the next pruning.
    let _ = log.segments.disk().remove(path);
}
