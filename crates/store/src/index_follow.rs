//! How the index keeps up with the log: what was taken over lies in memory until it is written to
//! the database, and answers from there meanwhile.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use libmetachain_ledger::{Place, Record};
use libmetachain_primitives::{BlockHash, Code, Error, Result, TxId};
use parking_lot::{Condvar, Mutex};

use crate::fault::closed;
use crate::index::{Keys, KeysOf};
use crate::index_db::{Batch, IndexDb, IndexedBlock, Stamp, TxAt};
use crate::log::Log;
use crate::replay::Replay;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) log: Arc<Log>,
    pub(crate) keys: KeysOf,
    pub(crate) path: PathBuf,
    pub(crate) batch_entries_max: usize,
    pub(crate) interval: Duration,
    pub(crate) inner: Mutex<Inner>,
    /// Held while a batch is written.
    pub(crate) writing: Mutex<()>,
    pub(crate) stop: Condvar,
}

#[derive(Debug)]
pub(crate) struct Inner {
    /// Absent once closed.
    pub(crate) db: Option<Arc<IndexDb>>,
    pub(crate) replay: Replay,
    pub(crate) batch: Batch,
    /// Being written to the database, and not yet readable there.
    pub(crate) writing: Option<Arc<Batch>>,
    /// Why the index can no longer be trusted or extended; it is built anew at the next opening.
    pub(crate) broken: Option<Error>,
}

/// What look-ups see: two batches in memory before the database.
pub(crate) struct View<'a> {
    shared: &'a Shared,
    inner: &'a Inner,
    db: &'a IndexDb,
}

impl View<'_> {
    fn batches(&self) -> impl Iterator<Item = &Batch> {
        std::iter::once(&self.inner.batch).chain(self.inner.writing.as_deref())
    }

    pub(crate) fn find<T>(
        &self,
        in_memory: impl Fn(&Batch) -> Option<T>,
        in_db: impl Fn(&IndexDb, &Path) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        match self.batches().find_map(in_memory) {
            Some(found) => Ok(Some(found)),
            None => in_db(self.db, &self.shared.path),
        }
    }

    pub(crate) fn block(&self, height: u64) -> Result<Option<IndexedBlock>> {
        match self.batches().find_map(|batch| batch.block(height)) {
            Some(known) => Ok(known),
            None => self.db.block(height, &self.shared.path),
        }
    }

    pub(crate) fn candidates(&self, txid: &TxId) -> Result<Vec<(IndexedBlock, TxAt)>> {
        let mut found = self.db.transactions(txid, &self.shared.path)?;
        found.extend(self.batches().flat_map(|batch| batch.transactions(txid)));
        found.sort_unstable();
        found.dedup();
        let mut blocks = Vec::new();
        for at in found {
            if let Some(block) = self.block(at.height)? {
                blocks.push((block, at));
            }
        }
        Ok(blocks)
    }
}

impl Shared {
    pub(crate) fn new(
        log: Arc<Log>,
        keys: KeysOf,
        path: PathBuf,
        (batch_entries_max, interval): (usize, Duration),
        (db, replay): (IndexDb, Replay),
    ) -> Self {
        Self {
            log,
            keys,
            path,
            batch_entries_max,
            interval,
            inner: Mutex::new(Inner {
                db: Some(Arc::new(db)),
                replay,
                batch: Batch::default(),
                writing: None,
                broken: None,
            }),
            writing: Mutex::new(()),
            stop: Condvar::new(),
        }
    }

    /// Looks up in an index that has everything that was on disk when the call began.
    pub(crate) fn with_current<T>(&self, look: impl FnOnce(&View<'_>) -> Result<T>) -> Result<T> {
        loop {
            let mut inner = self.inner.lock();
            if self.take_over(&mut inner)? {
                let inner = &*inner;
                let db = inner.db.as_deref().ok_or_else(closed)?;
                return look(&View {
                    shared: self,
                    inner,
                    db,
                });
            }
            drop(inner);
            self.write_batch()?;
        }
    }

    /// Takes over durable records until there are none, or until the batch is full. Returns
    /// whether there are none.
    fn take_over(&self, inner: &mut Inner) -> Result<bool> {
        if let Some(broken) = &inner.broken {
            return Err(broken.clone());
        }
        if inner.db.is_none() {
            return Err(closed());
        }
        inner.replay.extend(self.log.durable_end());
        while inner.batch.len() < self.batch_entries_max {
            let taken = match inner.replay.next() {
                None => return Ok(true),
                Some(item) => item.and_then(|(sequence, place, record)| {
                    self.take(&mut inner.batch, sequence, place, &record)?;
                    inner.batch.stamp = Some(Stamp {
                        store_id: self.log.key.id(),
                        sequence,
                        place,
                        frame: inner.replay.last_hash(),
                    });
                    Ok(())
                }),
            };
            if let Err(error) = taken {
                inner.broken = Some(error.clone());
                return Err(error);
            }
        }
        Ok(false)
    }

    fn take(&self, batch: &mut Batch, sequence: u64, place: Place, record: &Record) -> Result<()> {
        match record {
            Record::Connect {
                height,
                native,
                payload,
                ..
            } => {
                // A pruned payload is that of a block which a later record disconnects.
                let keys = if payload.is_empty() {
                    Keys {
                        hash: BlockHash::ZERO,
                        txids: Vec::new(),
                    }
                } else {
                    (self.keys)(payload)?
                };
                let block = IndexedBlock {
                    height: *height,
                    sequence,
                    place,
                    hash: keys.hash,
                    native: *native,
                };
                batch.connect(block, keys.txids.into_iter());
            }
            Record::Disconnect { height, .. } => batch.disconnect(*height),
            Record::Genesis { .. } | Record::Finalize { .. } => {}
        }
        Ok(())
    }

    /// Writes what is in memory to the database. Look-ups go on meanwhile.
    fn write_batch(&self) -> Result<()> {
        let _alone = self.writing.lock();
        let (db, batch) = {
            let mut inner = self.inner.lock();
            let db = inner.db.clone().ok_or_else(closed)?;
            if inner.batch.stamp.is_none() {
                return Ok(());
            }
            let batch = Arc::new(std::mem::take(&mut inner.batch));
            inner.writing = Some(Arc::clone(&batch));
            (db, batch)
        };
        let written = db.write(&batch, &self.path);
        let mut inner = self.inner.lock();
        inner.writing = None;
        if let Err(error) = &written {
            inner.broken = Some(error.clone());
        }
        written
    }

    pub(crate) fn commit_all(&self) -> Result<()> {
        loop {
            let done = self.take_over(&mut self.inner.lock())?;
            self.write_batch()?;
            if done {
                return Ok(());
            }
        }
    }

    /// Called by the index's owner and by the log when it closes.
    pub(crate) fn close(&self) -> Result<()> {
        let open = self.inner.lock().db.is_some();
        let result = if open { self.commit_all() } else { Ok(()) };
        let _alone = self.writing.lock();
        let (db, broken) = {
            let mut inner = self.inner.lock();
            (inner.db.take(), inner.broken.is_some())
        };
        self.stop.notify_all();
        if let Some(db) = db {
            drop(db);
            if broken {
                // So that the next opening does not have to find out.
                let _ = self.log.segments.disk().remove(&self.path);
            }
        }
        match result {
            // Another call was faster.
            Err(error) if error.code() == Code::Closed => Ok(()),
            result => result,
        }
    }

    /// The body of the index's thread.
    pub(crate) fn run(&self) {
        loop {
            let full = {
                let mut inner = self.inner.lock();
                // Errors are kept in `broken`, where look-ups find them.
                let full = self.take_over(&mut inner).is_ok_and(|done| !done);
                if inner.db.is_none() || inner.broken.is_some() {
                    return;
                }
                if !full {
                    self.stop.wait_for(&mut inner, self.interval);
                    if inner.db.is_none() {
                        return;
                    }
                }
                full
            };
            if full && self.write_batch().is_err() {
                return;
            }
        }
    }
}
