//! Opening a store: from its newest snapshot if there is a good one, then from the log, and the roots
//! compared in either case.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Arc;

use libmetachain_ledger::Ledger;
use libmetachain_ledger::store::{Place, Record, Store};
use libmetachain_primitives::{Code, Detail, Error, Genesis, Result};
use libmetachain_store::{
    Disk, FileStore, IndexOptions, MemoryStore, RealDisk, Replay as Log, StoreOptions,
};

use crate::chain::{Chain, Core};
use crate::index::Index;
use crate::journal::{Happened, Journal};
use crate::older::Older;
use crate::options::OpenOptions;
use crate::portable;
use crate::reading::{Reading, out_of_order};
use crate::snapshot;

/// What a store is kept on.
#[derive(Clone)]
pub struct Media {
    /// The disk that holds the directory.
    pub disk: Arc<dyn Disk>,
    /// Sizes of files and queues; the durability is that of the [`OpenOptions`].
    pub files: StoreOptions,
    /// How the look-up index follows the log.
    pub index: IndexOptions,
}

impl Default for Media {
    fn default() -> Self {
        Media {
            disk: Arc::new(RealDisk),
            files: StoreOptions::default(),
            index: IndexOptions::default(),
        }
    }
}

impl Chain {
    pub(crate) fn open(options: &OpenOptions, media: &Media) -> Result<Arc<Chain>> {
        if options.snapshot_every == 0 {
            return Err(
                Error::new(Code::BadArgument, "snapshotEvery must be at least 1 block")
                    .with("field", "snapshotEvery"),
            );
        }
        match &options.path {
            None => {
                let store = MemoryStore::new();
                let (core, _) = create(&store, options)?;
                Chain::new((Arc::new(store), identity(), None), core, None, options)
            }
            Some(path) => {
                let files = StoreOptions {
                    durability: options.durability,
                    ..media.files.clone()
                };
                let opened = FileStore::open(Arc::clone(&media.disk), path, files)?;
                let store = Arc::new(opened.store);
                open_files(&store, opened.replay, path, options, media).inspect_err(|_| {
                    // The first error is the one to report; closing only frees the lock.
                    let _ = store.close();
                })
            }
        }
    }
}

fn open_files(
    store: &Arc<FileStore>,
    mut log: Log,
    directory: &Path,
    options: &OpenOptions,
    media: &Media,
) -> Result<Arc<Chain>> {
    let disk = media.disk.as_ref();
    let (core, genesis_place, snapshot) = match log.next().transpose()? {
        None => {
            let (core, place) = create(store.as_ref(), options)?;
            (core, place, None)
        }
        Some((0, place, Record::Genesis { bytes })) => {
            let genesis = Genesis::decode(&bytes)?;
            if let Some(given) = &options.genesis
                && *given != genesis
            {
                return Err(mismatch(given, &genesis));
            }
            let (core, snapshot) = rebuild(store, log, (&genesis, place), (disk, directory))?;
            (core, place, snapshot)
        }
        Some((sequence, place, record)) => {
            return Err(out_of_order(sequence, place, &record, 0));
        }
    };
    let older = Older::new(Arc::clone(store), genesis_place, directory, media)?;
    let store_id = store.id();
    let log: Arc<dyn Store> = Arc::clone(store) as Arc<dyn Store>;
    Chain::new((log, store_id, Some(older)), core, snapshot, options)
}

/// The chain that the log holds, and the last record of the snapshot that it was begun from.
fn rebuild(
    store: &Arc<FileStore>,
    log: Log,
    (genesis, genesis_place): (&Genesis, Place),
    (disk, directory): (&dyn Disk, &Path),
) -> Result<(Core, Option<u64>)> {
    let loaded = store
        .snapshots()
        .load_newest(&genesis.hash(), |reader| snapshot::load(genesis, reader))?;
    if let Some((meta, (ledger, parts))) = loaded.built {
        let reading = Reading::resumed(store.as_ref(), ledger, parts);
        let rest = store.replay_after(meta.sequence, meta.place)?;
        match reading.read(rest) {
            Ok(core) => return Ok((core, Some(meta.sequence))),
            // The snapshot may be at fault, and the log has everything that it has.
            Err(error) if error.code() == Code::StoreCorrupt => {}
            Err(error) => return Err(error),
        }
    }
    let genesis = (genesis.clone(), genesis_place);
    let core = execute_log(store, log, genesis, (disk, directory))?;
    Ok((core, None))
}

/// Executes a log from behind its genesis record.
pub(crate) fn execute_log(
    store: &FileStore,
    log: Log,
    (genesis, genesis_place): (Genesis, Place),
    (disk, directory): (&dyn Disk, &Path),
) -> Result<Core> {
    let left_out = left_out(store, genesis_place)?;
    let (log, beginning) = second(log);
    let reading = match beginning {
        // A log whose first block is not block 1 was begun from an imported snapshot.
        Some(height) if height > 1 => {
            let base = portable::base(disk, directory)?;
            if base.genesis != genesis {
                return Err(mismatch(&genesis, &base.genesis));
            }
            let (ledger, mut parts) = base.resume();
            parts.journal.push(genesis_place, Happened::Other);
            Reading::resumed(store, ledger, parts)
        }
        _ => Reading::new(store, genesis, genesis_place)?,
    };
    reading.leaving_out(left_out).read(log)
}

/// The records of blocks that the log takes back again, where a pruned log may not say how.
fn left_out(store: &FileStore, genesis: Place) -> Result<BTreeSet<u64>> {
    if !store.is_pruned()? {
        return Ok(BTreeSet::new());
    }
    Ok(Journal::read(store, genesis)?.taken_back().collect())
}

type LogItem = Result<(u64, Place, Record)>;

/// The rest of a log with the height of its first block, if that is what comes next.
fn second(mut log: Log) -> (impl Iterator<Item = LogItem>, Option<u64>) {
    let next = log.next();
    let height = match &next {
        Some(Ok((_, _, Record::Connect { height, .. }))) => Some(*height),
        _ => None,
    };
    (next.into_iter().chain(log), height)
}

/// Only event cursors name the identity, and those into memory end with it: different is enough.
fn identity() -> [u8; 16] {
    let seed = RandomState::new();
    let mut id = [0; 16];
    for (half, bytes) in (0u64..).zip(id.chunks_exact_mut(8)) {
        bytes.copy_from_slice(&seed.hash_one(half).to_le_bytes());
    }
    id
}

/// Writes the genesis record of a new store.
fn create(store: &dyn Store, options: &OpenOptions) -> Result<(Core, Place)> {
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
    let core = Core {
        ledger,
        index: Index::default(),
        journal,
        touched: None,
        first_parent: None,
        highest: 0,
        finalized: 0,
    };
    Ok((core, appended.place))
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
