//! Opening a store: read the log, keep what was not disconnected, execute it, compare the roots.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use libmetachain_ledger::store::{Place, Record, Store};
use libmetachain_ledger::{Ledger, Replay, Undo};
use libmetachain_primitives::{Code, Detail, Error, Genesis, NativeHash, Result, decode_payload};
use libmetachain_store::{Disk, FileStore, MemoryStore, RealDisk, StoreOptions};

use crate::chain::{Chain, Core};
use crate::connect::misplaced;
use crate::index::{Entry, Index};
use crate::journal::{Happened, Journal};
use crate::options::OpenOptions;

/// What a store is kept on.
#[derive(Clone)]
pub struct Media {
    /// The disk that holds the directory.
    pub disk: Arc<dyn Disk>,
    /// Sizes of files and queues; the durability is that of the [`OpenOptions`].
    pub files: StoreOptions,
}

impl Default for Media {
    fn default() -> Self {
        Media {
            disk: Arc::new(RealDisk),
            files: StoreOptions::default(),
        }
    }
}

impl Chain {
    pub(crate) fn open(options: &OpenOptions, media: &Media) -> Result<Arc<Chain>> {
        let (store, store_id, core) = match &options.path {
            None => in_memory(options)?,
            Some(path) => {
                let files = StoreOptions {
                    durability: options.durability,
                    ..media.files.clone()
                };
                let opened = FileStore::open(Arc::clone(&media.disk), path, files)?;
                let store_id = opened.store.id();
                let store: Arc<dyn Store> = Arc::new(opened.store);
                match rebuild(store.as_ref(), opened.replay, options) {
                    Ok(core) => (store, store_id, core),
                    Err(error) => {
                        // The first error is the one to report; closing only frees the lock.
                        let _ = store.close();
                        return Err(error);
                    }
                }
            }
        };
        Chain::new(
            store,
            store_id,
            core,
            options.durability,
            options.undo_depth,
        )
    }
}

fn in_memory(options: &OpenOptions) -> Result<(Arc<dyn Store>, [u8; 16], Core)> {
    let store = MemoryStore::new();
    let core = create(&store, options)?;
    // Only cursors name the identity, and cursors into memory end with it: different is enough.
    let seed = RandomState::new();
    let mut id = [0; 16];
    for (half, bytes) in (0u64..).zip(id.chunks_exact_mut(8)) {
        bytes.copy_from_slice(&seed.hash_one(half).to_le_bytes());
    }
    Ok((Arc::new(store), id, core))
}

/// Writes the genesis record of a new store.
fn create(store: &dyn Store, options: &OpenOptions) -> Result<Core> {
    let genesis = options.genesis.clone().ok_or_else(|| {
        Error::new(
            Code::BadArgument,
            "there is no metachain yet: creating one needs a genesis",
        )
        .with("field", "genesis")
    })?;
    genesis.validate()?;
    let bytes = genesis.encode();
    let ledger = Ledger::new(genesis)?;
    let appended = store.append(Record::Genesis { bytes })?;
    store.flush()?;
    let mut journal = Journal::default();
    journal.push(appended.place, Happened::Other);
    Ok(Core {
        ledger,
        index: Index::default(),
        journal,
        first_parent: None,
        highest: 0,
        finalized: 0,
    })
}

/// A record of the log with its sequence and place.
type Logged = (u64, Place, Record);

/// The log, read so far: one pass, each block executed as it comes and taken back as it was.
struct Reading<'a> {
    store: &'a dyn Store,
    ledger: Replay,
    core: Parts,
}

/// Everything of [`Core`] but the ledger.
#[derive(Default)]
struct Parts {
    index: Index,
    journal: Journal,
    first_parent: Option<NativeHash>,
    highest: u64,
    finalized: u64,
}

impl Reading<'_> {
    fn take(&mut self, (sequence, place, record): Logged) -> Result<()> {
        let height = self.core.index.height();
        let happened = match record {
            Record::Connect {
                height: next,
                native,
                payload,
                ..
            } if next == height + 1 => {
                self.connect(sequence, place, native, &payload)
                    .map_err(|error| unusable(next, place, &error))?;
                Happened::Connected
            }
            Record::Disconnect {
                height: undone,
                native,
            } if undone == height
                && self
                    .core
                    .index
                    .last()
                    .is_some_and(|tip| tip.native == native) =>
            {
                let undone = self.disconnect(height, place)?;
                Happened::Disconnected(undone)
            }
            Record::Finalize {
                height: finalized, ..
            } if finalized <= height => {
                self.core.finalized = self.core.finalized.max(finalized);
                Happened::Other
            }
            record => return Err(out_of_order(sequence, place, &record, height)),
        };
        self.core.journal.push(place, happened);
        Ok(())
    }

    fn connect(
        &mut self,
        sequence: u64,
        place: Place,
        native: NativeHash,
        payload: &[u8],
    ) -> Result<()> {
        let genesis = self.ledger.genesis();
        let block = decode_payload(payload, genesis.payload_bytes_max, genesis.transactions_max)?;
        self.ledger.replay(&block, native)?;
        if block.header.height == 1 {
            self.core.first_parent = Some(block.header.native_parent);
        }
        self.core.highest = self.core.highest.max(block.header.height);
        self.core.index.push(Entry {
            hash: self.ledger.tip().hash,
            native,
            sequence,
            place,
        });
        Ok(())
    }

    /// Takes the tip back; gives the sequence of its record.
    fn disconnect(&mut self, height: u64, place: Place) -> Result<u64> {
        let entry = self.core.index.pop().ok_or_else(|| misplaced(height))?;
        let Record::Connect { undo, .. } = self.store.read(entry.place)? else {
            return Err(misplaced(height));
        };
        Undo::decode(&undo)
            .and_then(|undo| self.ledger.revert(&undo))
            .map_err(|error| unusable(height, place, &error))?;
        Ok(entry.sequence)
    }
}

fn rebuild(
    store: &dyn Store,
    mut log: impl Iterator<Item = Result<Logged>>,
    options: &OpenOptions,
) -> Result<Core> {
    let Some((sequence, place, first)) = log.next().transpose()? else {
        return create(store, options);
    };
    let Record::Genesis { bytes } = &first else {
        return Err(out_of_order(sequence, place, &first, 0));
    };
    let genesis = Genesis::decode(bytes)?;
    if let Some(given) = &options.genesis
        && *given != genesis
    {
        return Err(mismatch(given, &genesis));
    }
    let mut reading = Reading {
        store,
        ledger: Replay::new(genesis)?,
        core: Parts::default(),
    };
    reading.core.journal.push(place, Happened::Other);
    for item in log {
        reading.take(item?)?;
    }
    let Parts {
        index,
        journal,
        first_parent,
        highest,
        finalized,
    } = reading.core;
    Ok(Core {
        ledger: reading.ledger.finish_replay()?,
        index,
        journal,
        first_parent,
        highest,
        finalized,
    })
}

fn out_of_order(sequence: u64, place: Place, record: &Record, height: u64) -> Error {
    Error::new(
        Code::StoreCorrupt,
        format!(
            "record {sequence} in segment {} at offset {} speaks of block {}, which does not follow block {height}",
            place.segment,
            place.offset,
            record.height(),
        ),
    )
    .with("sequence", sequence)
    .with("segment", place.segment)
    .with("offset", place.offset)
}

pub(crate) fn mismatch(given: &Genesis, stored: &Genesis) -> Error {
    Error::new(
        Code::GenesisMismatch,
        format!(
            "the store was created with genesis {} (chain id {:?} on {}), not {} (chain id {:?} on {})",
            stored.hash(),
            stored.chain_id,
            stored.network,
            given.hash(),
            given.chain_id,
            given.network
        ),
    )
    .with("stored", Detail::from(stored.hash().as_bytes().as_slice()))
    .with("given", Detail::from(given.hash().as_bytes().as_slice()))
}

/// What the log holds was judged before it was written: that it no longer passes is the log's fault.
fn unusable(height: u64, place: Place, error: &Error) -> Error {
    Error::new(
        Code::StoreCorrupt,
        format!(
            "block {height} in segment {} at offset {} does not execute: {error}",
            place.segment, place.offset
        ),
    )
    .with("height", height)
    .with("segment", place.segment)
    .with("offset", place.offset)
}
