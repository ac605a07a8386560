//! The bytes of a snapshot: one header page, then chunks that are each verified on their own.
//! `docs/internals/store.md` has the tables.
//!
//! The header is written last. It names the number of chunks and a hash over theirs, so a file
//! that lacks one, or has one of another snapshot, is not valid.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use libmetachain_ledger::Place;
use libmetachain_primitives::{BlockHash, Code, Error, Result};

use crate::disk::{Disk, DiskFile};
use crate::fault::io_failed;
use crate::format::{Digest, digest_at, u32_at, u64_at};
use crate::segment_header::FORMAT_VERSION;

const MAGIC: [u8; 8] = [0xf1, b'm', b'c', b's', b'n', b'p', 0x0a, 0x1a];
const HEADER_BYTES: usize = 4096;
const CHUNK_HEADER_BYTES: usize = 64;
const CHUNK_MAGIC: [u8; 8] = [0xf1, b'm', b'c', b'c', b'h', b'k', 0x0a, 0x1a];
/// The longest chunk: a bound on what a damaged length could make us allocate.
const CHUNK_BYTES_MAX: u32 = 256 << 20;
/// Chunks are synced as they go, so that the log's syncs never wait behind much of them.
const SYNC_BYTES: u64 = 8 << 20;

const VERSION: Range<usize> = 8..12;
const CHUNKS: Range<usize> = 12..16;
const STORE_ID: Range<usize> = 16..32;
const GENESIS: Range<usize> = 32..64;
const HEIGHT: Range<usize> = 64..72;
const BLOCK: Range<usize> = 72..104;
const SEQUENCE: Range<usize> = 104..112;
const SEGMENT: Range<usize> = 112..116;
const PLACE_LEN: Range<usize> = 116..120;
const OFFSET: Range<usize> = 120..128;
const FRAME: Range<usize> = 128..160;
const BYTES: Range<usize> = 160..168;
const CHUNKS_HASH: Range<usize> = 168..200;
const HEADER_HASH: Range<usize> = 224..256;

const CHUNK_INDEX: Range<usize> = 8..12;
const CHUNK_LEN: Range<usize> = 12..16;
const CHUNK_HASH: Range<usize> = 32..64;

/// What a snapshot is a snapshot of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotMeta {
    /// The genesis of the chain.
    pub genesis: BlockHash,
    /// The height of the last block in it.
    pub height: u64,
    /// The hash of that block.
    pub block: BlockHash,
    /// The last record in it; replay goes on with the next.
    pub sequence: u64,
    /// Where that record lies.
    pub place: Place,
}

/// The decoded header page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) meta: SnapshotMeta,
    pub(crate) store_id: [u8; 16],
    /// The hash of the frame at the meta's place.
    pub(crate) frame: Digest,
    chunks: u32,
    bytes: u64,
    chunks_hash: Digest,
}

impl Header {
    fn encode(&self) -> Vec<u8> {
        let mut page = vec![0; HEADER_BYTES];
        let mut put = |range: Range<usize>, bytes: &[u8]| page[range].copy_from_slice(bytes);
        put(0..8, &MAGIC);
        put(VERSION, &FORMAT_VERSION.to_le_bytes());
        put(CHUNKS, &self.chunks.to_le_bytes());
        put(STORE_ID, &self.store_id);
        put(GENESIS, self.meta.genesis.as_bytes());
        put(HEIGHT, &self.meta.height.to_le_bytes());
        put(BLOCK, self.meta.block.as_bytes());
        put(SEQUENCE, &self.meta.sequence.to_le_bytes());
        put(SEGMENT, &self.meta.place.segment.to_le_bytes());
        put(PLACE_LEN, &self.meta.place.len.to_le_bytes());
        put(OFFSET, &self.meta.place.offset.to_le_bytes());
        put(FRAME, &self.frame);
        put(BYTES, &self.bytes.to_le_bytes());
        put(CHUNKS_HASH, &self.chunks_hash);
        let hash = header_hash(&page);
        page[HEADER_HASH].copy_from_slice(&hash);
        page
    }

    fn decode(page: &[u8; HEADER_BYTES]) -> Result<Self, &'static str> {
        let unused_is_zero = page[CHUNKS_HASH.end..HEADER_HASH.start]
            .iter()
            .chain(&page[HEADER_HASH.end..])
            .all(|byte| *byte == 0);
        if page[..8] != MAGIC || page[HEADER_HASH] != header_hash(page) || !unused_is_zero {
            return Err("the header is damaged");
        }
        if u32_at(page, VERSION) != FORMAT_VERSION {
            return Err("the format version is another");
        }
        let mut store_id = [0; 16];
        store_id.copy_from_slice(&page[STORE_ID]);
        Ok(Self {
            meta: SnapshotMeta {
                genesis: BlockHash(digest_at(page, GENESIS)),
                height: u64_at(page, HEIGHT),
                block: BlockHash(digest_at(page, BLOCK)),
                sequence: u64_at(page, SEQUENCE),
                place: Place {
                    segment: u32_at(page, SEGMENT),
                    offset: u64_at(page, OFFSET),
                    len: u32_at(page, PLACE_LEN),
                },
            },
            store_id,
            frame: digest_at(page, FRAME),
            chunks: u32_at(page, CHUNKS),
            bytes: u64_at(page, BYTES),
            chunks_hash: digest_at(page, CHUNKS_HASH),
        })
    }
}

fn header_hash(page: &[u8]) -> Digest {
    blake3::derive_key(
        "libmetachain 2026 snapshot header v1",
        &page[..HEADER_HASH.start],
    )
}

fn chunk_hash(index: u32, bytes: &[u8]) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key("libmetachain 2026 snapshot chunk v1");
    hasher.update(&index.to_le_bytes());
    hasher.update(bytes);
    *hasher.finalize().as_bytes()
}

fn chunks_hasher() -> blake3::Hasher {
    blake3::Hasher::new_derive_key("libmetachain 2026 snapshot chunks v1")
}

pub(crate) fn invalid(path: &Path, why: &str) -> Error {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    Error::new(Code::SnapshotInvalid, format!("{name}: {why}")).with("file", name)
}

/// A snapshot that is being written under a temporary name.
#[derive(Debug)]
pub(crate) struct SnapshotSink {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    offset: u64,
    chunks: u32,
    bytes: u64,
    hasher: blake3::Hasher,
    unsynced: u64,
}

impl SnapshotSink {
    pub(crate) fn create(disk: Arc<dyn Disk>, path: PathBuf) -> Result<Self> {
        let file = disk
            .create(&path)
            .map_err(|error| io_failed("create", &path, &error))?;
        Ok(Self {
            disk,
            path,
            file,
            offset: HEADER_BYTES as u64,
            chunks: 0,
            bytes: 0,
            hasher: chunks_hasher(),
            unsynced: 0,
        })
    }

    pub(crate) fn chunk(&mut self, bytes: &[u8]) -> Result<()> {
        let len = u32::try_from(bytes.len())
            .ok()
            .filter(|len| *len <= CHUNK_BYTES_MAX)
            .ok_or_else(|| Error::new(Code::BadArgument, "the snapshot's chunk is too long"))?;
        let hash = chunk_hash(self.chunks, bytes);
        let mut out = vec![0; CHUNK_HEADER_BYTES];
        out[..8].copy_from_slice(&CHUNK_MAGIC);
        out[CHUNK_INDEX].copy_from_slice(&self.chunks.to_le_bytes());
        out[CHUNK_LEN].copy_from_slice(&len.to_le_bytes());
        out[CHUNK_HASH].copy_from_slice(&hash);
        out.extend_from_slice(bytes);
        out.resize(out.len().next_multiple_of(CHUNK_HEADER_BYTES), 0);
        self.io("write", |file, offset| file.write_at(&out, offset))?;
        self.hasher.update(&hash);
        self.offset += out.len() as u64;
        self.unsynced += out.len() as u64;
        self.bytes += u64::from(len);
        self.chunks = self.chunks.saturating_add(1);
        if self.unsynced >= SYNC_BYTES {
            self.io("sync", |file, _| file.sync_data())?;
            self.unsynced = 0;
        }
        Ok(())
    }

    /// Completes the file and gives it its name. The caller has made the log durable up to it.
    pub(crate) fn finish(
        &self,
        meta: &SnapshotMeta,
        store_id: [u8; 16],
        frame: Digest,
        to: &Path,
    ) -> Result<()> {
        let header = Header {
            meta: *meta,
            store_id,
            frame,
            chunks: self.chunks,
            bytes: self.bytes,
            chunks_hash: *self.hasher.finalize().as_bytes(),
        };
        self.io("write", |file, _| file.write_at(&header.encode(), 0))?;
        self.io("sync", |file, _| file.sync_data())?;
        self.disk
            .rename(&self.path, to)
            .map_err(|error| io_failed("rename", &self.path, &error))?;
        let dir = to.parent().unwrap_or(to);
        self.disk
            .sync_dir(dir)
            .map_err(|error| io_failed("sync the directory", dir, &error))
    }

    /// Takes the file away again.
    pub(crate) fn discard(&self) {
        // A leftover is emptied when the next snapshot begins.
        let _ = self.disk.remove(&self.path);
    }

    fn io(&self, what: &str, act: impl FnOnce(&dyn DiskFile, u64) -> io::Result<()>) -> Result<()> {
        act(self.file.as_ref(), self.offset).map_err(|error| io_failed(what, &self.path, &error))
    }
}

/// Reads a snapshot's chunks in order, verifying each before it is given out.
#[derive(Debug)]
pub struct SnapshotReader {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    len: u64,
    header: Header,
    offset: u64,
    next: u32,
    bytes: u64,
    hasher: blake3::Hasher,
}

impl SnapshotReader {
    pub(crate) fn open(disk: &dyn Disk, path: &Path) -> Result<Self> {
        let file = disk
            .open(path)
            .map_err(|error| io_failed("open", path, &error))?;
        let failed = |error| io_failed("read", path, &error);
        let len = file.len().map_err(failed)?;
        let mut page = [0; HEADER_BYTES];
        if len < HEADER_BYTES as u64 {
            return Err(invalid(path, "the header is cut short"));
        }
        file.read_at(&mut page, 0).map_err(failed)?;
        let header = Header::decode(&page).map_err(|why| invalid(path, why))?;
        Ok(Self {
            file,
            path: path.to_owned(),
            len,
            header,
            offset: HEADER_BYTES as u64,
            next: 0,
            bytes: 0,
            hasher: chunks_hasher(),
        })
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// What the snapshot is a snapshot of.
    #[must_use]
    pub fn meta(&self) -> &SnapshotMeta {
        &self.header.meta
    }

    /// The number of chunks.
    #[must_use]
    pub fn chunks(&self) -> u32 {
        self.header.chunks
    }

    /// The bytes of all chunks together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.header.bytes
    }

    /// The next chunk; `None` once all were read and found complete.
    ///
    /// # Errors
    /// `SNAPSHOT_INVALID` when a chunk, or the file as a whole, is not what was written:
    /// everything built from it must be thrown away. `INTERNAL_IO`.
    pub fn next_chunk(&mut self) -> Result<Option<Vec<u8>>> {
        if self.next == self.header.chunks {
            let whole = self.offset == self.len && self.bytes == self.header.bytes;
            if !whole || *self.hasher.finalize().as_bytes() != self.header.chunks_hash {
                return Err(invalid(
                    &self.path,
                    "the chunks are not those of the header",
                ));
            }
            return Ok(None);
        }
        let damaged = |why| invalid(&self.path, why);
        let left = self.len.saturating_sub(self.offset);
        let mut head = [0; CHUNK_HEADER_BYTES];
        if left < CHUNK_HEADER_BYTES as u64 {
            return Err(damaged("a chunk is cut short"));
        }
        self.read(&mut head, self.offset)?;
        let len = u32_at(&head, CHUNK_LEN);
        let padded = u64::from(len).next_multiple_of(CHUNK_HEADER_BYTES as u64);
        let zero = head[CHUNK_LEN.end..CHUNK_HASH.start]
            .iter()
            .all(|byte| *byte == 0);
        let expected = head[..8] == CHUNK_MAGIC && u32_at(&head, CHUNK_INDEX) == self.next;
        if !zero || !expected || padded > left - CHUNK_HEADER_BYTES as u64 {
            return Err(damaged("a chunk's header is damaged"));
        }
        let mut bytes = vec![0; usize::try_from(padded).unwrap_or(usize::MAX)];
        self.read(&mut bytes, self.offset + CHUNK_HEADER_BYTES as u64)?;
        let padding = bytes.split_off(len as usize);
        let hash = chunk_hash(self.next, &bytes);
        if head[CHUNK_HASH] != hash || padding.iter().any(|byte| *byte != 0) {
            return Err(damaged("a chunk's hash is wrong"));
        }
        self.hasher.update(&hash);
        self.offset += CHUNK_HEADER_BYTES as u64 + padded;
        self.bytes += u64::from(len);
        self.next += 1;
        Ok(Some(bytes))
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        self.file
            .read_at(buffer, offset)
            .map_err(|error| io_failed("read", &self.path, &error))
    }
}
