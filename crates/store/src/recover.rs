//! Finds the end of the log after a crash: what is proven stays, a torn tail goes, and everything
//! else is `STORE_CORRUPT`.
//!
//! Only the last commit group can be torn: a group is written after the one before it was synced.
//! So the log ends at the first frame that is not right, provided that nothing behind it proves
//! otherwise. A valid frame proves that every record before its commit group was on disk; if such
//! a frame lies behind the end found, something that was durable is gone.
//!
//! Behind a torn group lie frames of that group which are valid in themselves. One that happens to
//! lie at the end of the log does not continue its chain, and is no proof of anything.
//!
//! Before the store takes its next record,
//! - the dropped bytes are overwritten with zeros, so that a later recovery cannot find them;
//! - the last group is written again as it was read: it may have been read from a page cache that
//!   a failed sync left marked clean, in which case it is not on disk and no sync would put it there.
//!
//! For the same reason a segment without records is never taken over: it is made anew.

use std::collections::VecDeque;

use libmetachain_ledger::Place;
use libmetachain_primitives::Result;

use crate::fault::{corrupt, io_failed};
use crate::format::{
    Digest, FRAME_ALIGN, FRAME_HEADER_BYTES, FRAME_MAGIC, FrameHeader, Kind, StoreKey,
};
use crate::segment_header::FIRST_FRAME;
use crate::segments::{HeaderState, Segment, Segments};
use crate::walk::{Chain, Step, Walk};

const CHUNK_BYTES: usize = 1 << 20;

/// A record whose place and hash are known: somewhere to start reading from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Anchor {
    pub(crate) sequence: u64,
    pub(crate) place: Place,
    pub(crate) hash: Digest,
}

/// Where the log ends and how it was found.
#[derive(Clone, Debug)]
pub(crate) struct Tail {
    pub(crate) segment: u32,
    pub(crate) offset: u64,
    pub(crate) chain: Chain,
    /// The last frame seals the segment: the next record goes into the next one.
    pub(crate) sealed: bool,
    /// The last frame says that the store was closed.
    pub(crate) closed: bool,
    /// What was dropped: the place and the bytes up to the last that was not zero.
    pub(crate) dropped: Option<Place>,
}

/// The key of the store in this directory; `None` when no record was ever written in it.
pub(crate) fn identify(segments: &Segments) -> Result<Option<StoreKey>> {
    let count = segments.count()?;
    // A crash or a failed sync while the store was created leaves a segment without frames.
    if count == 0 || (count == 1 && !has_frames(segments, 0)?) {
        return Ok(None);
    }
    match segments.header(0)? {
        HeaderState::Good(header) => Ok(Some(StoreKey::new(header.seed))),
        HeaderState::Damaged => Err(corrupt(
            &segments.path(0),
            0,
            "the segment's header is damaged",
        )),
    }
}

/// Finds the tail and leaves the files as if nothing had ever been written behind it.
pub(crate) fn recover(segments: &Segments, key: &StoreKey, anchors: &[Anchor]) -> Result<Tail> {
    let count = segments.count()?;
    let current = last_with_frames(segments, key, count)?;
    let segment = segments.get(current, key)?;
    let (mut walk, chain) = start(&segment, key, anchors)?;
    let found = follow(&mut walk, chain)?;
    let end = walk.offset();

    // A snapshot is named only once its last record is on disk.
    if let Some(lost) = anchors
        .iter()
        .find(|anchor| anchor.sequence >= found.chain.next)
    {
        let why = format!("a snapshot proves that record {} was stored", lost.sequence);
        return Err(corrupt(
            &segments.path(lost.place.segment),
            lost.place.offset,
            &why,
        ));
    }

    // What a torn group may have left lies behind the tail: in the same segment, or in the next
    // one where this one is sealed.
    let next = current.checked_add(1).filter(|next| *next < count);
    let (torn, torn_at) = match (found.sealed, next) {
        (false, _) => (Some(segment.clone()), end),
        (true, Some(next)) => (Some(raw(segments, next)?), FIRST_FRAME),
        (true, None) => (None, FIRST_FRAME),
    };
    let mut dropped = None;
    if let Some(torn) = torn {
        let dirty_end = scan(&torn, key, torn_at, found.chain.next)?;
        dropped = (dirty_end > torn_at).then(|| Place {
            segment: torn.number,
            offset: torn_at,
            len: u32::try_from(dirty_end - torn_at).unwrap_or(u32::MAX),
        });
        if torn.number == current {
            zero(&torn, torn_at, dirty_end)?;
        }
    }
    if let Some((_, from)) = found.unproven.front() {
        rewrite(&segment, *from, end)?;
    }
    segment
        .file
        .sync_data()
        .map_err(|error| io_failed("sync", &segment.path, &error))?;
    segments.sync_dir()?;
    Ok(Tail {
        segment: current,
        offset: end,
        chain: found.chain,
        sealed: found.sealed,
        closed: found.closed,
        dropped,
    })
}

/// Fails if a segment that is to be made anew holds records: `proven` were on disk when the store
/// was opened.
pub(crate) fn check_unused(
    segments: &Segments,
    key: &StoreKey,
    number: u32,
    proven: u64,
) -> Result<()> {
    if number < segments.count()? {
        scan(&raw(segments, number)?, key, FIRST_FRAME, proven)?;
    }
    Ok(())
}

/// The last segment that begins with a valid frame, or segment 0.
fn last_with_frames(segments: &Segments, key: &StoreKey, count: u32) -> Result<u32> {
    for number in (1..count).rev() {
        if let HeaderState::Damaged = segments.header(number)? {
            // The segment that was being prepared when the machine stopped is the last one and
            // has never had a frame.
            if number + 1 != count || has_frames(segments, number)? {
                let path = segments.path(number);
                return Err(corrupt(&path, 0, "the segment's header is damaged"));
            }
            continue;
        }
        let mut walk = Walk::new(segments.get(number, key)?, *key, FIRST_FRAME);
        if let Step::Frame(..) = walk.peek()? {
            return Ok(number);
        }
    }
    Ok(0)
}

/// A segment whose header may be anything.
fn raw(segments: &Segments, number: u32) -> Result<Segment> {
    let (file, path, len) = segments.open_raw(number)?;
    Ok(Segment {
        file,
        path: path.into(),
        number,
        pruned: 0,
        len,
    })
}

/// A walk from the newest anchor in this segment, or from its first frame.
fn start(segment: &Segment, key: &StoreKey, anchors: &[Anchor]) -> Result<(Walk, Chain)> {
    for anchor in anchors {
        if anchor.place.segment != segment.number {
            continue;
        }
        let mut walk = Walk::new(segment.clone(), *key, anchor.place.offset);
        if let Step::Frame(header, ..) = walk.peek()?
            && header.hash == anchor.hash
        {
            let chain = before(&header);
            return Ok((walk, chain));
        }
    }
    let mut walk = Walk::new(segment.clone(), *key, FIRST_FRAME);
    let chain = match walk.peek()? {
        // Whether it continues the segment before it is found out when that one is read.
        Step::Frame(header, ..) if segment.number > 0 => before(&header),
        _ => Chain::START,
    };
    Ok((walk, chain))
}

/// The chain that this frame continues.
fn before(header: &FrameHeader) -> Chain {
    Chain {
        next: header.sequence,
        previous: header.previous,
        group: header.group,
    }
}

struct Found {
    chain: Chain,
    sealed: bool,
    closed: bool,
    /// Sequence and offset of the frames that no later frame proves to be on disk.
    unproven: VecDeque<(u64, u64)>,
}

/// Follows the chain to the first frame that is not right.
fn follow(walk: &mut Walk, chain: Chain) -> Result<Found> {
    let mut found = Found {
        chain,
        sealed: false,
        closed: false,
        unproven: VecDeque::new(),
    };
    loop {
        let header = match walk.peek()? {
            Step::Frame(header, ..) => header,
            Step::Invalid(_) => return Ok(found),
        };
        let mut chain = found.chain;
        if chain.follow(&header).is_err() {
            // What is left of a group that was dropped before; if it proves more, the scan says so.
            return Ok(found);
        }
        found.chain = chain;
        while found
            .unproven
            .front()
            .is_some_and(|(sequence, _)| *sequence < header.group)
        {
            found.unproven.pop_front();
        }
        found.unproven.push_back((header.sequence, header.offset));
        found.closed = header.kind == Kind::Closed;
        walk.advance(header.len);
        if header.kind == Kind::Sealed {
            found.sealed = true;
            return Ok(found);
        }
    }
}

/// Looks behind the tail for a frame that proves that record `next` was on disk. Returns the end
/// of what is not zero there.
fn scan(segment: &Segment, key: &StoreKey, from: u64, next: u64) -> Result<u64> {
    let mut dirty_end = from;
    each_chunk(segment, from, |offset, chunk| {
        if is_zero(chunk) {
            return Ok(Flow::Continue);
        }
        let last = chunk.iter().rposition(|byte| *byte != 0).unwrap_or(0);
        dirty_end = offset + last as u64 + 1;
        for at in (0..=last).step_by(FRAME_ALIGN) {
            if chunk.get(at..at + FRAME_MAGIC.len()) != Some(&FRAME_MAGIC) {
                continue;
            }
            let frame_at = offset + at as u64;
            if let Some(group) = group_at(segment, key, frame_at)?
                && group > next
            {
                let why = format!(
                    "record {next} is damaged, but byte {frame_at} proves that it was stored"
                );
                return Err(corrupt(&segment.path, from, &why).with("sequence", next));
            }
        }
        Ok(Flow::Continue)
    })?;
    Ok(dirty_end)
}

/// The commit group of the frame whose valid header lies here.
fn group_at(segment: &Segment, key: &StoreKey, offset: u64) -> Result<Option<u64>> {
    if segment.len.saturating_sub(offset) < FRAME_HEADER_BYTES as u64 {
        return Ok(None);
    }
    let mut head = [0; FRAME_HEADER_BYTES];
    segment
        .file
        .read_at(&mut head, offset)
        .map_err(|error| io_failed("read", &segment.path, &error))?;
    let header = FrameHeader::decode(key, &head, segment.number, offset);
    Ok(header.ok().map(|header| header.group))
}

/// Whether anything that looks like a frame was ever written into a segment whose header, and so
/// the key, may not be readable.
fn has_frames(segments: &Segments, number: u32) -> Result<bool> {
    let mut found = false;
    each_chunk(&raw(segments, number)?, FIRST_FRAME, |_, chunk| {
        found = chunk
            .chunks(FRAME_ALIGN)
            .any(|bytes| bytes.starts_with(&FRAME_MAGIC));
        Ok(if found { Flow::Stop } else { Flow::Continue })
    })?;
    Ok(found)
}

/// Whether to go on reading.
enum Flow {
    Continue,
    Stop,
}

/// Reads a segment to its end in chunks that begin at multiples of the frame alignment.
fn each_chunk(
    segment: &Segment,
    from: u64,
    mut visit: impl FnMut(u64, &[u8]) -> Result<Flow>,
) -> Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut offset = from;
    while offset < segment.len {
        let left = usize::try_from(segment.len - offset).unwrap_or(usize::MAX);
        let chunk = &mut buffer[..left.min(CHUNK_BYTES)];
        segment
            .file
            .read_at(chunk, offset)
            .map_err(|error| io_failed("read", &segment.path, &error))?;
        if let Flow::Stop = visit(offset, chunk)? {
            break;
        }
        offset += chunk.len() as u64;
    }
    Ok(())
}

/// Whether all bytes are zero, in pieces that the compiler turns into wide instructions: most of
/// what is scanned is.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    bytes
        .chunks(256)
        .all(|piece| piece.iter().fold(0, |any, byte| any | byte) == 0)
}

fn zero(segment: &Segment, from: u64, to: u64) -> Result<()> {
    let zeros = vec![0; CHUNK_BYTES];
    let mut offset = from;
    while offset < to {
        let left = usize::try_from(to - offset).unwrap_or(usize::MAX);
        let chunk = &zeros[..left.min(CHUNK_BYTES)];
        segment
            .file
            .write_at(chunk, offset)
            .map_err(|error| io_failed("clear the torn end of", &segment.path, &error))?;
        offset += chunk.len() as u64;
    }
    Ok(())
}

fn rewrite(segment: &Segment, from: u64, to: u64) -> Result<()> {
    let len = usize::try_from(to.saturating_sub(from)).unwrap_or(0);
    let mut bytes = vec![0; len];
    segment
        .file
        .read_at(&mut bytes, from)
        .and_then(|()| segment.file.write_at(&bytes, from))
        .map_err(|error| io_failed("write the last group of", &segment.path, &error))
}
