//! One running chain: its ledger, its log, and the locks that keep both in step.
//!
//! Lock order: `commit`, then `prepared`, then `core`. Whoever moves the tip holds `commit` for the
//! whole of it; readers take `core` for as long as they look, and so see one tip.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use libmetachain_ledger::Ledger;
use libmetachain_ledger::store::{Record, Store};
use libmetachain_primitives::{Code, Error, Genesis, NativeHash, Result};
use libmetachain_store::Durability;
use parking_lot::{Mutex, RwLock};

use crate::executor::Executor;
use crate::index::{Entry, Index};
use crate::journal::Journal;
use crate::listeners::Listeners;
use crate::metrics::Counters;
use crate::older::Older;
use crate::options::OpenOptions;
use crate::prepared::Prepared;
use crate::recent::Recent;
use crate::retention::Retention;
use crate::snapshot::Snapshotting;
use crate::workers::workers;

pub(crate) struct Chain {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) commit: Mutex<()>,
    pub(crate) prepared: Mutex<Prepared>,
    pub(crate) core: RwLock<Core>,
    pub(crate) genesis: Arc<Genesis>,
    pub(crate) recent: Mutex<Recent>,
    pub(crate) executor: Executor,
    /// Told once, of the failure after which nothing can go on.
    pub(crate) mourners: Listeners<Error>,
    /// Told when records got on disk.
    pub(crate) watchers: Listeners<()>,
    /// The identity of the store, which event cursors name.
    pub(crate) store_id: [u8; 16],
    pub(crate) counters: Counters,
    pub(crate) durability: Durability,
    pub(crate) undo_depth: u64,
    pub(crate) snapshot_every: u64,
    pub(crate) event_retention: u64,
    /// `None` for a chain in memory.
    pub(crate) older: Option<Older>,
    pub(crate) snapshots: Snapshotting,
    pub(crate) retention: Retention,
    fatal: OnceLock<Error>,
    closed: AtomicBool,
}

/// What readers see at one tip.
pub(crate) struct Core {
    pub(crate) ledger: Ledger,
    pub(crate) index: Index,
    pub(crate) journal: Journal,
    /// Leaves that blocks touched since a snapshot was begun, while one is.
    pub(crate) touched: Option<BTreeSet<u32>>,
    /// The native parent that the first block names, once there is one.
    pub(crate) first_parent: Option<NativeHash>,
    /// The highest tip there has been: undo is counted from it.
    pub(crate) highest: u64,
    /// The highest finalised height, 0 if there is none.
    pub(crate) finalized: u64,
}

impl Chain {
    pub(crate) fn new(
        (store, store_id, older): (Arc<dyn Store>, [u8; 16], Option<Older>),
        mut core: Core,
        snapshot: Option<u64>,
        options: &OpenOptions,
    ) -> Result<Arc<Chain>> {
        let loaded = snapshot.map(|_| core.index.base());
        core.ledger.lend(workers());
        let executor = Executor::start(Arc::clone(&store))?;
        Ok(Arc::new(Chain {
            store,
            store_id,
            older,
            commit: Mutex::new(()),
            prepared: Mutex::new(Prepared::default()),
            genesis: Arc::clone(core.ledger.shared_genesis()),
            core: RwLock::new(core),
            recent: Mutex::new(Recent::default()),
            executor,
            mourners: Listeners::default(),
            watchers: Listeners::default(),
            counters: Counters::default(),
            durability: options.durability,
            undo_depth: options.undo_depth,
            snapshot_every: options.snapshot_every,
            event_retention: options.event_retention,
            snapshots: Snapshotting::loaded(snapshot),
            retention: Retention::loaded(loaded, options.event_retention),
            fatal: OnceLock::new(),
            closed: AtomicBool::new(false),
        }))
    }

    /// Fails with `CLOSED`, or with the failure after which nothing can go on.
    pub(crate) fn usable(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::new(Code::Closed, "the metachain was closed"));
        }
        match self.fatal.get() {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// Runs what moves the tip. A panic or a fatal failure in it ends the use of the chain until it is
    /// opened again: memory and disk may no longer agree.
    pub(crate) fn moving<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.usable()?;
        let done = guarded(work);
        if let Err(error) = &done
            && error.is_fatal()
        {
            self.fail(error);
        }
        done
    }

    /// The failure after which nothing can go on, if there was one.
    pub(crate) fn failure(&self) -> Option<&Error> {
        self.fatal.get()
    }

    /// Remembers a failure after which nothing can go on, and tells the listeners of the first one.
    pub(crate) fn fail(&self, error: &Error) {
        if self.fatal.set(error.clone()).is_ok() {
            self.mourners.tell(error);
        }
    }

    /// The log's record of a block of the present chain.
    pub(crate) fn record(&self, entry: &Entry) -> Result<Record> {
        if let Some(record) = self.recent.lock().get(entry.sequence) {
            return Ok(record);
        }
        self.counters.record_reads.add(1);
        if entry.sequence > self.store.durable_sequence() {
            self.store.flush()?;
        }
        self.store.read(entry.place)
    }

    /// Writes a snapshot, flushes and closes the log, once.
    pub(crate) fn close(&self) -> Result<()> {
        let _commit = self.commit.lock();
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        if self.fatal.get().is_none() && self.snapshot_at_close().is_err() {
            // It only shortens the next opening.
            self.counters.snapshots_failed.add(1);
        }
        self.stop_snapshot();
        self.store.close()
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        // A handle that was dropped without being closed: nobody is left to hear of a failure.
        if !*self.closed.get_mut() {
            let _ = self.store.close();
        }
    }
}

/// Turns a panic of the work into an error, so that whoever waits is answered.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(Error::of_panic(&*panic)))
}
