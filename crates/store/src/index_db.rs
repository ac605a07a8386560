//! The tables of the look-up index in redb, behind the same disk as everything else.
//!
//! redb is trusted with nothing: its integrity check runs at every opening, a panic of it is an
//! error like any other, and whatever it answers is compared with the block file before it is
//! believed. What is lost with it is time.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use libmetachain_ledger::Place;
use libmetachain_primitives::{BlockHash, Code, Error, NativeHash, Result, TxId};
use redb::{Database, ReadableDatabase, StorageBackend, TableDefinition};

use crate::disk::DiskFile;
use crate::format::{Digest, digest_at, u32_at, u64_at};

/// Bytes that redb may keep in memory.
const CACHE_BYTES: usize = 32 << 20;
const TABLES_VERSION: u8 = 1;

const HEIGHTS: TableDefinition<'static, u64, &[u8; BLOCK_BYTES]> = TableDefinition::new("heights");
const HASHES: TableDefinition<'static, &[u8; 32], u64> = TableDefinition::new("hashes");
const NATIVES: TableDefinition<'static, &[u8; 32], u64> = TableDefinition::new("natives");
const TXIDS: TableDefinition<'static, &[u8; TXID_KEY_BYTES], ()> = TableDefinition::new("txids");
const STAMP: TableDefinition<'static, u8, &[u8; STAMP_BYTES]> = TableDefinition::new("stamp");

const BLOCK_BYTES: usize = 88;
const STAMP_BYTES: usize = 72;
const TXID_KEY_BYTES: usize = 20;

/// A block of the present chain, as the index knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexedBlock {
    /// Its metachain height.
    pub height: u64,
    /// Its record's number.
    pub sequence: u64,
    /// Where its record lies.
    pub place: Place,
    /// Its metachain hash.
    pub hash: BlockHash,
    /// The native block that carries it.
    pub native: NativeHash,
}

impl IndexedBlock {
    fn encode(&self) -> [u8; BLOCK_BYTES] {
        let mut bytes = [0; BLOCK_BYTES];
        bytes[0..8].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[8..24].copy_from_slice(&encode_place(self.place));
        bytes[24..56].copy_from_slice(self.hash.as_bytes());
        bytes[56..88].copy_from_slice(self.native.as_bytes());
        bytes
    }

    fn decode(height: u64, bytes: &[u8; BLOCK_BYTES]) -> Self {
        Self {
            height,
            sequence: u64_at(bytes, 0..8),
            place: decode_place(&bytes[8..24]),
            hash: BlockHash(digest_at(bytes, 24..56)),
            native: NativeHash(digest_at(bytes, 56..88)),
        }
    }
}

fn encode_place(place: Place) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[0..4].copy_from_slice(&place.segment.to_le_bytes());
    bytes[4..8].copy_from_slice(&place.len.to_le_bytes());
    bytes[8..16].copy_from_slice(&place.offset.to_le_bytes());
    bytes
}

fn decode_place(bytes: &[u8]) -> Place {
    Place {
        segment: u32_at(bytes, 0..4),
        len: u32_at(bytes, 4..8),
        offset: u64_at(bytes, 8..16),
    }
}

/// How far an index goes: the last record in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) store_id: [u8; 16],
    pub(crate) sequence: u64,
    pub(crate) place: Place,
    /// The hash of the record's frame.
    pub(crate) frame: Digest,
}

impl Stamp {
    fn encode(&self) -> [u8; STAMP_BYTES] {
        let mut bytes = [0; STAMP_BYTES];
        bytes[0..16].copy_from_slice(&self.store_id);
        bytes[16..24].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[24..40].copy_from_slice(&encode_place(self.place));
        bytes[40..72].copy_from_slice(&self.frame);
        bytes
    }

    fn decode(bytes: &[u8; STAMP_BYTES]) -> Self {
        let mut store_id = [0; 16];
        store_id.copy_from_slice(&bytes[0..16]);
        Self {
            store_id,
            sequence: u64_at(bytes, 16..24),
            place: decode_place(&bytes[24..40]),
            frame: digest_at(bytes, 40..72),
        }
    }
}

/// A transaction's place in the chain, if its block is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TxAt {
    pub(crate) height: u64,
    pub(crate) position: u32,
}

/// Changes of the index that are in memory, and answer look-ups from there.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    heights: BTreeMap<u64, Option<IndexedBlock>>,
    hashes: BTreeMap<[u8; 32], u64>,
    natives: BTreeMap<[u8; 32], u64>,
    /// The first bytes of the id, height and position: ids that share the first bytes are told
    /// apart when the block is read, and half of the space is saved.
    txids: BTreeSet<[u8; TXID_KEY_BYTES]>,
    pub(crate) stamp: Option<Stamp>,
}

impl Batch {
    pub(crate) fn connect(
        &mut self,
        block: IndexedBlock,
        txids: impl Iterator<Item = (u32, TxId)>,
    ) {
        self.heights.insert(block.height, Some(block));
        self.hashes.insert(block.hash.0, block.height);
        self.natives.insert(block.native.0, block.height);
        self.txids
            .extend(txids.map(|(position, txid)| txid_key(&txid, block.height, position)));
    }

    /// Only the height is taken back. What else points to it is compared with the block that is
    /// then there, and found stale.
    pub(crate) fn disconnect(&mut self, height: u64) {
        self.heights.insert(height, None);
    }

    /// Entries, as a measure of memory and of the work of writing them.
    pub(crate) fn len(&self) -> usize {
        self.heights.len() * 3 + self.txids.len()
    }

    /// `None` where the batch knows nothing of this height.
    pub(crate) fn block(&self, height: u64) -> Option<Option<IndexedBlock>> {
        self.heights.get(&height).copied()
    }

    pub(crate) fn by_hash(&self, hash: &BlockHash) -> Option<u64> {
        self.hashes.get(&hash.0).copied()
    }

    pub(crate) fn by_native(&self, native: &NativeHash) -> Option<u64> {
        self.natives.get(&native.0).copied()
    }

    pub(crate) fn transactions(&self, txid: &TxId) -> Vec<TxAt> {
        let (from, to) = (txid_key(txid, 0, 0), txid_key(txid, u64::MAX, u32::MAX));
        self.txids.range(from..=to).map(tx_at).collect()
    }
}

fn txid_key(txid: &TxId, height: u64, position: u32) -> [u8; TXID_KEY_BYTES] {
    let mut key = [0; TXID_KEY_BYTES];
    key[0..8].copy_from_slice(&txid.0[..8]);
    key[8..16].copy_from_slice(&height.to_be_bytes());
    key[16..20].copy_from_slice(&position.to_be_bytes());
    key
}

fn tx_at(key: &[u8; TXID_KEY_BYTES]) -> TxAt {
    let (mut height, mut position) = ([0; 8], [0; 4]);
    height.copy_from_slice(&key[8..16]);
    position.copy_from_slice(&key[16..20]);
    TxAt {
        height: u64::from_be_bytes(height),
        position: u32::from_be_bytes(position),
    }
}

/// The database file.
pub(crate) struct IndexDb(Database);

impl std::fmt::Debug for IndexDb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IndexDb")
    }
}

impl IndexDb {
    /// Opens the database in a file, or begins one in an empty file, checking every page.
    pub(crate) fn open(file: Arc<dyn DiskFile>, path: &Path) -> Result<Self> {
        guarded(path, || {
            let mut builder = Database::builder();
            builder
                .set_cache_size(CACHE_BYTES)
                .set_check_integrity_on_open(true);
            Ok(Self(builder.create_with_backend(Backend(file))?))
        })
    }

    /// How far the index goes; `None` for a new one.
    pub(crate) fn stamp(&self, path: &Path) -> Result<Option<Stamp>> {
        guarded(path, || {
            let read = self.0.begin_read()?;
            let table = match read.open_table(STAMP) {
                Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
                table => table?,
            };
            let stamp = table.get(TABLES_VERSION)?;
            Ok(stamp.map(|bytes| Stamp::decode(bytes.value())))
        })
    }

    /// Writes a batch and its stamp in one transaction, synced.
    pub(crate) fn write(&self, batch: &Batch, path: &Path) -> Result<()> {
        guarded(path, || {
            let write = self.0.begin_write()?;
            {
                let mut heights = write.open_table(HEIGHTS)?;
                for (height, block) in &batch.heights {
                    match block {
                        Some(block) => heights.insert(height, &block.encode())?,
                        None => heights.remove(height)?,
                    };
                }
                let mut hashes = write.open_table(HASHES)?;
                for (hash, height) in &batch.hashes {
                    hashes.insert(hash, height)?;
                }
                let mut natives = write.open_table(NATIVES)?;
                for (native, height) in &batch.natives {
                    natives.insert(native, height)?;
                }
                let mut txids = write.open_table(TXIDS)?;
                for key in &batch.txids {
                    txids.insert(key, ())?;
                }
                if let Some(stamp) = &batch.stamp {
                    write
                        .open_table(STAMP)?
                        .insert(TABLES_VERSION, &stamp.encode())?;
                }
            }
            write.commit()?;
            Ok(())
        })
    }

    pub(crate) fn block(&self, height: u64, path: &Path) -> Result<Option<IndexedBlock>> {
        guarded(path, || {
            let read = self.0.begin_read()?;
            let found = match read.open_table(HEIGHTS) {
                Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
                table => table?.get(height)?,
            };
            Ok(found.map(|bytes| IndexedBlock::decode(height, bytes.value())))
        })
    }

    pub(crate) fn by_hash(&self, hash: &BlockHash, path: &Path) -> Result<Option<u64>> {
        self.height(HASHES, &hash.0, path)
    }

    pub(crate) fn by_native(&self, native: &NativeHash, path: &Path) -> Result<Option<u64>> {
        self.height(NATIVES, &native.0, path)
    }

    fn height(
        &self,
        table: TableDefinition<'static, &'static [u8; 32], u64>,
        key: &[u8; 32],
        path: &Path,
    ) -> Result<Option<u64>> {
        guarded(path, || {
            let read = self.0.begin_read()?;
            let found = match read.open_table(table) {
                Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
                table => table?.get(key)?,
            };
            Ok(found.map(|height| height.value()))
        })
    }

    pub(crate) fn transactions(&self, txid: &TxId, path: &Path) -> Result<Vec<TxAt>> {
        guarded(path, || {
            let read = self.0.begin_read()?;
            let table = match read.open_table(TXIDS) {
                Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
                table => table?,
            };
            let (from, to) = (txid_key(txid, 0, 0), txid_key(txid, u64::MAX, u32::MAX));
            let mut found = Vec::new();
            for entry in table.range::<&[u8; TXID_KEY_BYTES]>(&from..=&to)? {
                found.push(tx_at(entry?.0.value()));
            }
            Ok(found)
        })
    }
}

/// Runs redb, which may panic over a damaged file.
fn guarded<T>(path: &Path, act: impl FnOnce() -> Result<T, redb::Error>) -> Result<T> {
    let failed = |why: &str| {
        let name = path.display();
        Error::new(
            Code::InternalIo,
            format!("the index {name} cannot be used: {why}"),
        )
    };
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(redb::Error::Io(error))) => Err(crate::fault::io_failed("use", path, &error)),
        Ok(Err(error)) => Err(failed(&error.to_string())),
        Err(_) => Err(failed("it is damaged")),
    }
}

/// redb's storage on a file of ours.
#[derive(Debug)]
struct Backend(Arc<dyn DiskFile>);

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_at(data, offset)
    }
}
