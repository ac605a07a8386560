//! The first page of a block file: which store it belongs to, its number, and what was pruned of it.

use std::ops::Range;

use crate::format::u32_at;

/// The version of the layout. Another version is `STORE_VERSION`, never a guess.
pub const FORMAT_VERSION: u32 = 1;

/// Bytes before the first frame: a page of its own, which no later write touches.
pub(crate) const SEGMENT_HEADER_BYTES: usize = 4096;
/// Where the first frame of a segment begins.
pub(crate) const FIRST_FRAME: u64 = SEGMENT_HEADER_BYTES as u64;
/// The undo sections of the segment's records were dropped.
pub(crate) const PRUNED_UNDO: u32 = 1;
/// The bodies of the segment's disconnected blocks were dropped.
pub(crate) const PRUNED_BODIES: u32 = 2;

const SEGMENT_MAGIC: [u8; 8] = [0xf1, b'm', b'c', b'b', b'l', b'k', 0x0a, 0x1a];

// Segment header: offsets.
const SEGMENT_VERSION: Range<usize> = 8..12;
const SEGMENT_NUMBER: Range<usize> = 12..16;
const SEGMENT_SEED: Range<usize> = 16..32;
const SEGMENT_PRUNED: Range<usize> = 32..36;
const SEGMENT_HASH: Range<usize> = 96..128;

/// What a segment says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) number: u32,
    pub(crate) seed: [u8; 16],
    /// `PRUNED_*` bits.
    pub(crate) pruned: u32,
}

/// Why a segment header was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadSegment {
    /// Written by this library in a layout of another version.
    Version(u32),
    /// Anything else: never written, torn or damaged.
    Damaged,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut page = vec![0; SEGMENT_HEADER_BYTES];
        page[..8].copy_from_slice(&SEGMENT_MAGIC);
        page[SEGMENT_VERSION].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        page[SEGMENT_NUMBER].copy_from_slice(&self.number.to_le_bytes());
        page[SEGMENT_SEED].copy_from_slice(&self.seed);
        page[SEGMENT_PRUNED].copy_from_slice(&self.pruned.to_le_bytes());
        let hash = *blake3::hash(&page[..SEGMENT_HASH.start]).as_bytes();
        page[SEGMENT_HASH].copy_from_slice(&hash);
        page
    }

    /// Magic, version and hash lie where they lie for every version to come, so that another
    /// version is told from damage.
    pub(crate) fn decode(page: &[u8; SEGMENT_HEADER_BYTES]) -> Result<Self, BadSegment> {
        let hash = *blake3::hash(&page[..SEGMENT_HASH.start]).as_bytes();
        if page[..8] != SEGMENT_MAGIC || page[SEGMENT_HASH] != hash {
            return Err(BadSegment::Damaged);
        }
        let version = u32_at(page, SEGMENT_VERSION);
        if version != FORMAT_VERSION {
            return Err(BadSegment::Version(version));
        }
        let unused_is_zero = page[SEGMENT_PRUNED.end..SEGMENT_HASH.start]
            .iter()
            .chain(&page[SEGMENT_HASH.end..])
            .all(|byte| *byte == 0);
        let pruned = u32_at(page, SEGMENT_PRUNED);
        if !unused_is_zero || pruned & !(PRUNED_UNDO | PRUNED_BODIES) != 0 {
            return Err(BadSegment::Damaged);
        }
        let mut seed = [0; 16];
        seed.copy_from_slice(&page[SEGMENT_SEED]);
        Ok(Self {
            number: u32_at(page, SEGMENT_NUMBER),
            seed,
            pruned,
        })
    }
}

/// The file name of a segment.
pub(crate) fn segment_name(number: u32) -> String {
    format!("blk{number:05}.dat")
}

/// The number in a segment's file name; `None` for any other name.
pub(crate) fn segment_number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("blk")?.strip_suffix(".dat")?;
    let number = digits.parse().ok()?;
    (segment_name(number) == name).then_some(number)
}
