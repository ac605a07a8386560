//! The bytes of a frame: a record or a mark in a block file. `docs/internals/store.md` has the
//! tables; the offsets are constants here and nowhere else.
//!
//! Invariants that the rest of the crate rests on:
//! - a frame's hash covers its header, the header covers the body and the undo by their hashes,
//!   and names the segment and offset where it lies; so a frame is valid in one place only;
//! - hashes are keyed with the store's id, so bytes left over from another store are never valid;
//! - each frame names the hash of the one before it, across segments;
//! - each frame names its commit group: every record before that sequence was on disk when the
//!   frame was written. A valid frame is therefore proof of what must be readable before it.

use std::ops::Range;
use std::sync::Arc;

use libmetachain_ledger::{Place, Record};
use libmetachain_primitives::NativeHash;

use crate::segment_header::{PRUNED_BODIES, PRUNED_UNDO};

/// Frames begin at multiples of this.
pub(crate) const FRAME_ALIGN: usize = 64;
/// Bytes of a frame before its body.
pub(crate) const FRAME_HEADER_BYTES: usize = 256;
/// The longest frame: what a genesis with tens of millions of balances needs, and a bound on what
/// a damaged length could make us allocate.
pub(crate) const FRAME_BYTES_MAX: u64 = 1 << 30;

/// How every frame begins. Not text, so that no payload contains it by accident of language.
pub(crate) const FRAME_MAGIC: [u8; 8] = [0xf1, b'm', b'c', b'f', 0x0d, 0x0a, 0x1a, 0x9e];

// Frame header: offsets.
const FRAME_KIND: usize = 8;
const FRAME_LEN: Range<usize> = 16..20;
const FRAME_BODY_LEN: Range<usize> = 20..24;
const FRAME_UNDO_LEN: Range<usize> = 24..28;
const FRAME_SEGMENT: Range<usize> = 28..32;
const FRAME_SEQUENCE: Range<usize> = 32..40;
const FRAME_GROUP: Range<usize> = 40..48;
const FRAME_HEIGHT: Range<usize> = 48..56;
const FRAME_OFFSET: Range<usize> = 56..64;
const FRAME_NATIVE: Range<usize> = 64..96;
const FRAME_PREVIOUS: Range<usize> = 96..128;
const FRAME_BODY_HASH: Range<usize> = 128..160;
const FRAME_UNDO_HASH: Range<usize> = 160..192;
const FRAME_HASH: Range<usize> = 224..256;
/// Bytes of a frame header that must be zero, so that no byte of it is without meaning.
const FRAME_ZERO: [Range<usize>; 2] = [9..16, 192..224];

/// A BLAKE3 hash as it lies in the file.
pub(crate) type Digest = [u8; 32];

/// The identity of one store, and the key that its hashes take from it.
///
/// The seed stays in the files: whoever knew the key could put bytes into a block that look like a
/// frame. The id may be shown to anybody.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoreKey {
    pub(crate) seed: [u8; 16],
    key: Digest,
}

impl StoreKey {
    pub(crate) fn new(seed: [u8; 16]) -> Self {
        Self {
            seed,
            key: blake3::derive_key("libmetachain 2026 store frame v1", &seed),
        }
    }

    /// The store's public id: says nothing about the key.
    pub(crate) fn id(&self) -> [u8; 16] {
        let long = blake3::derive_key("libmetachain 2026 store id v1", &self.seed);
        let mut id = [0; 16];
        id.copy_from_slice(&long[..16]);
        id
    }

    pub(crate) fn hash(&self, bytes: &[u8]) -> Digest {
        *blake3::keyed_hash(&self.key, bytes).as_bytes()
    }
}

impl std::fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoreKey({:02x?})", self.id())
    }
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Genesis = 1,
    Connect = 2,
    Disconnect = 3,
    Finalize = 4,
    /// Not a record: the store was closed here and everything before was on disk.
    Closed = 16,
    /// Not a record: the segment ends here, and everything in it was on disk.
    Sealed = 17,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Genesis,
            2 => Self::Connect,
            3 => Self::Disconnect,
            4 => Self::Finalize,
            16 => Self::Closed,
            17 => Self::Sealed,
            _ => return None,
        })
    }

    /// Whether the frame is a record with a sequence of its own.
    pub(crate) const fn is_record(self) -> bool {
        !matches!(self, Self::Closed | Self::Sealed)
    }
}

/// The decoded header of a frame whose own hash was found right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) kind: Kind,
    pub(crate) len: u32,
    pub(crate) body_len: u32,
    pub(crate) undo_len: u32,
    pub(crate) segment: u32,
    pub(crate) offset: u64,
    /// Of a record its own number; of a mark the number of the next record.
    pub(crate) sequence: u64,
    pub(crate) group: u64,
    pub(crate) height: u64,
    pub(crate) native: NativeHash,
    pub(crate) previous: Digest,
    pub(crate) body_hash: Digest,
    pub(crate) undo_hash: Digest,
    pub(crate) hash: Digest,
}

/// Bytes of a frame with these sections, or `None` where that is more than a frame may have.
pub(crate) fn frame_len(body_len: usize, undo_len: usize) -> Option<u32> {
    let len = FRAME_HEADER_BYTES
        .checked_add(body_len)?
        .checked_add(undo_len)?
        .checked_next_multiple_of(FRAME_ALIGN)?;
    let bounded = u64::try_from(len)
        .ok()
        .filter(|len| *len <= FRAME_BYTES_MAX)?;
    u32::try_from(bounded).ok()
}

/// The two sections of a record.
pub(crate) fn sections(record: &Record) -> (&[u8], &[u8]) {
    match record {
        Record::Genesis { bytes } => (bytes, &[]),
        Record::Connect { payload, undo, .. } => (payload, undo),
        Record::Disconnect { .. } | Record::Finalize { .. } => (&[], &[]),
    }
}

/// Where a frame goes and what it hangs on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) segment: u32,
    pub(crate) offset: u64,
    pub(crate) sequence: u64,
    pub(crate) group: u64,
    pub(crate) previous: Digest,
}

/// Appends a record's frame to `out` and returns the frame's hash. `len` is its [`frame_len`].
pub(crate) fn encode_record(
    key: &StoreKey,
    link: &Link,
    record: &Record,
    len: u32,
    out: &mut Vec<u8>,
) -> Digest {
    let (kind, native) = match record {
        Record::Genesis { .. } => (Kind::Genesis, NativeHash::ZERO),
        Record::Connect { native, .. } => (Kind::Connect, *native),
        Record::Disconnect { native, .. } => (Kind::Disconnect, *native),
        Record::Finalize { native, .. } => (Kind::Finalize, *native),
    };
    let (body, undo) = sections(record);
    encode_frame(
        key,
        link,
        (kind, record.height(), native),
        (body, undo),
        len,
        out,
    )
}

/// Appends a mark to `out` and returns its hash.
pub(crate) fn encode_mark(
    key: &StoreKey,
    link: &Link,
    kind: Kind,
    body: &[u8],
    out: &mut Vec<u8>,
) -> Digest {
    let len = (FRAME_HEADER_BYTES + body.len()).next_multiple_of(FRAME_ALIGN);
    let len = u32::try_from(len).unwrap_or(u32::MAX);
    encode_frame(
        key,
        link,
        (kind, 0, NativeHash::ZERO),
        (body, &[]),
        len,
        out,
    )
}

fn encode_frame(
    key: &StoreKey,
    link: &Link,
    (kind, height, native): (Kind, u64, NativeHash),
    (body, undo): (&[u8], &[u8]),
    len: u32,
    out: &mut Vec<u8>,
) -> Digest {
    // The lengths fit: `frame_len` bounded their sum before the record was queued.
    let section_len = |section: &[u8]| u32::try_from(section.len()).unwrap_or(u32::MAX);
    let mut header = [0; FRAME_HEADER_BYTES];
    header[..8].copy_from_slice(&FRAME_MAGIC);
    header[FRAME_KIND] = kind as u8;
    header[FRAME_LEN].copy_from_slice(&len.to_le_bytes());
    header[FRAME_BODY_LEN].copy_from_slice(&section_len(body).to_le_bytes());
    header[FRAME_UNDO_LEN].copy_from_slice(&section_len(undo).to_le_bytes());
    header[FRAME_SEGMENT].copy_from_slice(&link.segment.to_le_bytes());
    header[FRAME_SEQUENCE].copy_from_slice(&link.sequence.to_le_bytes());
    header[FRAME_GROUP].copy_from_slice(&link.group.to_le_bytes());
    header[FRAME_HEIGHT].copy_from_slice(&height.to_le_bytes());
    header[FRAME_OFFSET].copy_from_slice(&link.offset.to_le_bytes());
    header[FRAME_NATIVE].copy_from_slice(native.as_bytes());
    header[FRAME_PREVIOUS].copy_from_slice(&link.previous);
    header[FRAME_BODY_HASH].copy_from_slice(&key.hash(body));
    header[FRAME_UNDO_HASH].copy_from_slice(&key.hash(undo));
    let hash = key.hash(&header[..FRAME_HASH.start]);
    header[FRAME_HASH].copy_from_slice(&hash);

    let start = out.len();
    out.extend_from_slice(&header);
    out.extend_from_slice(body);
    out.extend_from_slice(undo);
    out.resize(start + len as usize, 0);
    hash
}

impl FrameHeader {
    /// Decodes a header and checks everything that it can say about itself: its hash, its zeros,
    /// its lengths, and that it lies at `segment` and `offset`.
    pub(crate) fn decode(
        key: &StoreKey,
        bytes: &[u8; FRAME_HEADER_BYTES],
        segment: u32,
        offset: u64,
    ) -> Result<Self, &'static str> {
        if bytes[..8] != FRAME_MAGIC {
            return Err("no frame begins here");
        }
        let hash = key.hash(&bytes[..FRAME_HASH.start]);
        if bytes[FRAME_HASH] != hash {
            return Err("the frame header's hash is wrong");
        }
        if FRAME_ZERO
            .into_iter()
            .any(|range| bytes[range].iter().any(|byte| *byte != 0))
        {
            return Err("reserved bytes of the frame header are set");
        }
        let kind = Kind::from_byte(bytes[FRAME_KIND]).ok_or("the frame's kind is unknown")?;
        let header = Self {
            kind,
            len: u32_at(bytes, FRAME_LEN),
            body_len: u32_at(bytes, FRAME_BODY_LEN),
            undo_len: u32_at(bytes, FRAME_UNDO_LEN),
            segment: u32_at(bytes, FRAME_SEGMENT),
            offset: u64_at(bytes, FRAME_OFFSET),
            sequence: u64_at(bytes, FRAME_SEQUENCE),
            group: u64_at(bytes, FRAME_GROUP),
            height: u64_at(bytes, FRAME_HEIGHT),
            native: NativeHash(digest_at(bytes, FRAME_NATIVE)),
            previous: digest_at(bytes, FRAME_PREVIOUS),
            body_hash: digest_at(bytes, FRAME_BODY_HASH),
            undo_hash: digest_at(bytes, FRAME_UNDO_HASH),
            hash,
        };
        if header.segment != segment || header.offset != offset {
            return Err("the frame belongs elsewhere");
        }
        if frame_len(header.body_len as usize, header.undo_len as usize) != Some(header.len) {
            return Err("the frame's lengths contradict each other");
        }
        Ok(header)
    }

    /// Where the body lies within the frame.
    pub(crate) const fn body(&self) -> Range<usize> {
        FRAME_HEADER_BYTES..FRAME_HEADER_BYTES + self.body_len as usize
    }

    /// Where the undo lies within the frame.
    pub(crate) const fn undo(&self) -> Range<usize> {
        let start = FRAME_HEADER_BYTES + self.body_len as usize;
        start..start + self.undo_len as usize
    }

    pub(crate) const fn place(&self) -> Place {
        Place {
            segment: self.segment,
            offset: self.offset,
            len: self.len,
        }
    }

    /// The first byte after the frame.
    pub(crate) const fn end(&self) -> u64 {
        self.offset + self.len as u64
    }

    /// Checks the sections and the padding of a whole frame and returns what was pruned of it,
    /// as `PRUNED_*` bits. A section may only be missing where its segment says so.
    pub(crate) fn check_sections(
        &self,
        key: &StoreKey,
        frame: &[u8],
        pruned: u32,
    ) -> Result<u32, &'static str> {
        let (Some(body), Some(undo), Some(padding)) = (
            frame.get(self.body()),
            frame.get(self.undo()),
            frame.get(self.undo().end..),
        ) else {
            return Err("the frame is cut short");
        };
        if padding.iter().any(|byte| *byte != 0) {
            return Err("the frame's padding is set");
        }
        let mut missing = 0;
        for (section, hash, bit, why) in [
            (
                body,
                &self.body_hash,
                PRUNED_BODIES,
                "the body's hash is wrong",
            ),
            (
                undo,
                &self.undo_hash,
                PRUNED_UNDO,
                "the undo's hash is wrong",
            ),
        ] {
            if key.hash(section) == *hash {
                continue;
            }
            if pruned & bit == 0 || section.iter().any(|byte| *byte != 0) {
                return Err(why);
            }
            missing |= bit;
        }
        Ok(missing)
    }

    /// The record in a frame whose sections were checked. `None` for a mark.
    pub(crate) fn record(&self, frame: &[u8], missing: u32) -> Option<Record> {
        let body = frame.get(self.body())?;
        let undo = frame.get(self.undo())?;
        Some(match self.kind {
            Kind::Genesis => Record::Genesis {
                bytes: body.to_vec(),
            },
            Kind::Connect => Record::Connect {
                height: self.height,
                native: self.native,
                payload: if missing & PRUNED_BODIES == 0 {
                    Arc::from(body)
                } else {
                    Arc::default()
                },
                undo: if missing & PRUNED_UNDO == 0 {
                    undo.to_vec()
                } else {
                    Vec::new()
                },
            },
            Kind::Disconnect => Record::Disconnect {
                height: self.height,
                native: self.native,
            },
            Kind::Finalize => Record::Finalize {
                height: self.height,
                native: self.native,
            },
            Kind::Closed | Kind::Sealed => return None,
        })
    }
}

pub(crate) fn u32_at(bytes: &[u8], range: Range<usize>) -> u32 {
    let mut value = [0; 4];
    value.copy_from_slice(&bytes[range]);
    u32::from_le_bytes(value)
}

pub(crate) fn u64_at(bytes: &[u8], range: Range<usize>) -> u64 {
    let mut value = [0; 8];
    value.copy_from_slice(&bytes[range]);
    u64::from_le_bytes(value)
}

pub(crate) fn digest_at(bytes: &[u8], range: Range<usize>) -> Digest {
    let mut value = [0; 32];
    value.copy_from_slice(&bytes[range]);
    value
}
