//! Snapshots that leave the store: one file from which another machine begins its own store.
//!
//! The file holds genesis, the tip's payload, the native block that carries it and the accounts. It
//! is believed only as far as it proves itself: its checksum, the state root that its accounts give,
//! and the tip's header, which must claim that very root. That this tip is one of the native chain is
//! for the handshake to find out, or for a block hash that the caller trusts.
//!
//! A store that was begun from such a file keeps it as `base.snapshot`: its log starts with the tip's
//! block, and has nothing from before.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use libmetachain_ledger::store::{Record, Store};
use libmetachain_ledger::{Ledger, Replay};
use libmetachain_primitives::{
    Block, BlockHash, Code, Error, Genesis, NativeHash, Result, decode_payload,
};
use libmetachain_store::{Disk, DiskFile, FileStore, StoreOptions};

use crate::chain::Chain;
use crate::index::{BlockRef, Index};
use crate::journal::Journal;
use crate::open::{Media, mismatch};
use crate::options::OpenOptions;
use crate::reading::Parts;
use crate::snapshot::read_chunks;

const MAGIC: &[u8; 8] = b"mcsnap\0\x01";
const HASH_BYTES: u64 = 32;
/// More than any chunk has: a length beyond it is damage, not memory to be asked for.
const FRAME_BYTES_MAX: u32 = 1 << 30;
/// The file in a store's directory that its log begins from, if it does not begin at genesis.
const BASE_NAME: &str = "base.snapshot";
const BASE_TEMPORARY: &str = "base.tmp";

impl Chain {
    /// Writes the state at the tip to a file, which appears whole or not at all.
    pub(crate) fn export(&self, disk: &dyn Disk, path: &Path) -> Result<()> {
        self.usable()?;
        let temporary = path.with_extension("tmp");
        let file = disk
            .create(&temporary)
            .map_err(|error| failed("create", &temporary, &error))?;
        let written = self.export_to(file).and_then(|()| {
            disk.rename(&temporary, path)
                .and_then(|()| disk.sync_dir(parent(path)))
                .map_err(|error| failed("rename", path, &error))
        });
        if written.is_err() {
            // The first error is the one to report.
            let _ = disk.remove(&temporary);
        }
        written
    }

    fn export_to(&self, file: Arc<dyn DiskFile>) -> Result<()> {
        // The tip must stay put while its payload and accounts are read; only commits wait.
        let _commit = self.commit.lock();
        let tip = self.core.read().ledger.tip().height;
        let Some((height, entry)) = self.find(BlockRef::Height(tip))? else {
            return Err(Error::new(
                Code::BadArgument,
                "there is no block yet: a chain at genesis begins from genesis anywhere",
            ));
        };
        let Record::Connect {
            payload, native, ..
        } = self.record(&entry)?
        else {
            return Err(crate::connect::misplaced(height));
        };
        let mut out = FrameWriter::new(file)?;
        let genesis = self.core.read().ledger.genesis().encode();
        out.frame(&genesis)?;
        out.frame(&payload)?;
        out.frame(native.as_bytes())?;
        self.dump(false, &mut |chunk| out.frame(chunk))?;
        out.finish()
    }
}

/// A file that proved itself.
pub(crate) struct Portable {
    pub(crate) genesis: Genesis,
    pub(crate) native: NativeHash,
    pub(crate) payload: Vec<u8>,
    pub(crate) block: Block,
    pub(crate) hash: BlockHash,
    pub(crate) ledger: Replay,
    parts: Parts,
}

impl Portable {
    /// Reads a file to its end.
    ///
    /// Fails with `SNAPSHOT_INVALID` if it is damaged or does not add up.
    pub(crate) fn read(disk: &dyn Disk, path: &Path) -> Result<Portable> {
        let file = disk
            .open(path)
            .map_err(|error| failed("open", path, &error))?;
        let mut from = FrameReader::new(file.as_ref(), path)?;
        let genesis =
            Genesis::decode(&from.required()?).map_err(|_| from.invalid("its genesis"))?;
        let payload = from.required()?;
        let native = NativeHash::try_from(from.required()?.as_slice())
            .map_err(|_| from.invalid("its native hash"))?;
        let block = decode_payload(
            &payload,
            genesis.payload_bytes_max,
            genesis.transactions_max,
        )
        .map_err(|_| from.invalid("its block"))?;
        let (ledger, parts) = read_chunks(&genesis, &mut || from.next())?;
        let (tip, header) = (ledger.tip(), &block.header);
        let hash = header.hash();
        let agrees = header.genesis == genesis.hash()
            && (tip.hash, tip.height, tip.time) == (hash, header.height, header.time)
            && (tip.state_root, tip.supply) == (header.state_root, header.supply)
            && tip.native == Some((header.native_height, native));
        if !agrees {
            return Err(from.invalid("its tip, which is not what its block says"));
        }
        Ok(Portable {
            genesis,
            native,
            payload,
            block,
            hash,
            ledger,
            parts,
        })
    }

    /// The ledger, its state root computed and compared with the block's.
    fn proven(self) -> Result<Ledger> {
        self.ledger.finish_replay().map_err(|error| {
            Error::new(
                Code::SnapshotInvalid,
                format!("the snapshot does not add up: {error}"),
            )
        })
    }

    /// What a log that begins with this file's block goes on from.
    pub(crate) fn resume(self) -> (Replay, Parts) {
        // Nothing vouches for the rest of the parts, and nothing of it is needed: what was undone or
        // final there lies below this block, which is the first here and final.
        let height = self.block.header.height;
        let parts = Parts {
            index: Index::after(height.saturating_sub(1)),
            journal: Journal::default(),
            first_parent: self.parts.first_parent,
            highest: height,
            finalized: height,
        };
        (self.ledger, parts)
    }
}

/// The file that the log of this store begins from.
pub(crate) fn base(disk: &dyn Disk, directory: &Path) -> Result<Portable> {
    Portable::read(disk, &directory.join(BASE_NAME))
}

/// Begins a new store from a file; opening it is then as ever.
pub(crate) fn import(
    path: &Path,
    options: &OpenOptions,
    trusted: Option<BlockHash>,
    media: &Media,
) -> Result<()> {
    let Some(directory) = &options.path else {
        return Err(Error::new(
            Code::BadArgument,
            "a snapshot is imported into a directory: a path is needed",
        )
        .with("field", "path"));
    };
    let disk = media.disk.as_ref();
    let portable = Portable::read(disk, path)?;
    if let Some(given) = &options.genesis
        && *given != portable.genesis
    {
        return Err(mismatch(given, &portable.genesis));
    }
    if let Some(trusted) = trusted
        && trusted != portable.hash
    {
        return Err(Error::new(
            Code::SnapshotInvalid,
            format!(
                "the snapshot is of block {}, not of the trusted {trusted}",
                portable.hash
            ),
        ));
    }
    let records = vec![
        Record::Genesis {
            bytes: portable.genesis.encode(),
        },
        Record::Connect {
            height: portable.block.header.height,
            native: portable.native,
            payload: portable.payload.clone().into(),
            undo: Vec::new(),
        },
        Record::Finalize {
            height: portable.block.header.height,
            native: portable.native,
        },
    ];
    portable.proven()?;
    let files = StoreOptions {
        durability: options.durability,
        ..media.files.clone()
    };
    let opened = FileStore::open(Arc::clone(&media.disk), directory, files)?;
    let begun = begin(&opened.store, disk, path, directory, records);
    let closed = opened.store.close();
    begun.and(closed)
}

fn begin(
    store: &FileStore,
    disk: &dyn Disk,
    path: &Path,
    directory: &Path,
    records: Vec<Record>,
) -> Result<()> {
    if store.next_sequence() > 0 {
        return Err(Error::new(
            Code::BadArgument,
            format!("{} holds a metachain already", directory.display()),
        )
        .with("path", directory.display().to_string()));
    }
    let temporary: PathBuf = directory.join(BASE_TEMPORARY);
    copy(disk, path, &temporary)?;
    disk.rename(&temporary, &directory.join(BASE_NAME))
        .and_then(|()| disk.sync_dir(directory))
        .map_err(|error| failed("rename", &temporary, &error))?;
    for record in records {
        store.append(record)?;
    }
    store.flush()
}

fn copy(disk: &dyn Disk, from: &Path, to: &Path) -> Result<()> {
    const PIECE_BYTES: u64 = 1 << 20;
    let source = disk
        .open(from)
        .map_err(|error| failed("open", from, &error))?;
    let target = disk
        .create(to)
        .map_err(|error| failed("create", to, &error))?;
    let length = source
        .len()
        .map_err(|error| failed("measure", from, &error))?;
    let mut at = 0;
    while at < length {
        let mut piece = vec![0; (length - at).min(PIECE_BYTES) as usize];
        source
            .read_at(&mut piece, at)
            .map_err(|error| failed("read", from, &error))?;
        target
            .write_at(&piece, at)
            .map_err(|error| failed("write", to, &error))?;
        at += piece.len() as u64;
    }
    target
        .sync_data()
        .map_err(|error| failed("sync", to, &error))
}

/// Magic, then frames of a length (4) and that many bytes, a length of 0, and the BLAKE3 of all of it.
struct FrameWriter {
    file: Arc<dyn DiskFile>,
    offset: u64,
    hasher: blake3::Hasher,
}

impl FrameWriter {
    fn new(file: Arc<dyn DiskFile>) -> Result<Self> {
        let mut writer = FrameWriter {
            file,
            offset: 0,
            hasher: blake3::Hasher::new(),
        };
        writer.write(MAGIC)?;
        Ok(writer)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes);
        self.file
            .write_at(bytes, self.offset)
            .map_err(|error| failed("write", Path::new("the snapshot"), &error))?;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    fn frame(&mut self, bytes: &[u8]) -> Result<()> {
        let length = u32::try_from(bytes.len())
            .ok()
            .filter(|length| *length <= FRAME_BYTES_MAX)
            .ok_or_else(|| Error::new(Code::BadArgument, "a chunk of the snapshot is too large"))?;
        self.write(&length.to_le_bytes())?;
        self.write(bytes)
    }

    fn finish(mut self) -> Result<()> {
        self.write(&[0; 4])?;
        let hash = *self.hasher.finalize().as_bytes();
        self.write(&hash)?;
        self.file
            .sync_data()
            .map_err(|error| failed("sync", Path::new("the snapshot"), &error))
    }
}

struct FrameReader<'a> {
    file: &'a dyn DiskFile,
    path: &'a Path,
    offset: u64,
    length: u64,
    hasher: blake3::Hasher,
}

impl<'a> FrameReader<'a> {
    fn new(file: &'a dyn DiskFile, path: &'a Path) -> Result<Self> {
        let length = file
            .len()
            .map_err(|error| failed("measure", path, &error))?;
        let mut reader = FrameReader {
            file,
            path,
            offset: 0,
            length,
            hasher: blake3::Hasher::new(),
        };
        if reader.read(MAGIC.len())? != MAGIC {
            return Err(reader.invalid("its beginning: it is no snapshot of this version"));
        }
        Ok(reader)
    }

    fn invalid(&self, what: &str) -> Error {
        Error::new(
            Code::SnapshotInvalid,
            format!(
                "{} is damaged in {what}, before offset {}",
                self.path.display(),
                self.offset
            ),
        )
        .with("file", self.path.display().to_string())
        .with("offset", self.offset)
    }

    fn read(&mut self, count: usize) -> Result<Vec<u8>> {
        if self.length - self.offset < count as u64 {
            return Err(self.invalid("its length"));
        }
        let mut bytes = vec![0; count];
        self.file
            .read_at(&mut bytes, self.offset)
            .map_err(|error| failed("read", self.path, &error))?;
        self.offset += count as u64;
        self.hasher.update(&bytes);
        Ok(bytes)
    }

    /// The next frame; `None` at the end, once the checksum was found right.
    fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let length = self.read(4)?;
        let length = length.try_into().map_or(0, u32::from_le_bytes);
        if length > 0 {
            return if length > FRAME_BYTES_MAX {
                Err(self.invalid("the length of a chunk"))
            } else {
                self.read(length as usize).map(Some)
            };
        }
        let expected = *self.hasher.finalize().as_bytes();
        if self.length - self.offset != HASH_BYTES || self.read(HASH_BYTES as usize)? != expected {
            return Err(self.invalid("its checksum"));
        }
        Ok(None)
    }

    fn required(&mut self) -> Result<Vec<u8>> {
        self.next()?.ok_or_else(|| self.invalid("its length"))
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> Error {
    let full = matches!(
        error.kind(),
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
    );
    let code = if full {
        Code::StoreFull
    } else {
        Code::InternalIo
    };
    Error::new(code, format!("cannot {what} {}: {error}", path.display()))
        .with("file", path.display().to_string())
}
