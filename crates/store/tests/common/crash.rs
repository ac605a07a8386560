//! A workload of the log, run on a simulated disk, and the one judgement of what a crash left:
//! the recovered records are exactly a prefix of those tried, with all that were acknowledged.

use std::path::Path;
use std::sync::Arc;

use libmetachain_ledger::{Record, Store};
use libmetachain_primitives::{Code, Result};
use libmetachain_store::sim::{Crash, SimDisk};
use libmetachain_store::{Durability, FileStore, Opened, StoreOptions};

use super::{connect, disconnect, genesis, native};

pub(crate) const DIR: &str = "/store";

/// What was asked of the store and what it promised.
#[derive(Clone, Default)]
pub(crate) struct History {
    pub(crate) tried: Vec<Record>,
    pub(crate) acknowledged: usize,
}

pub(crate) fn options(durability: Durability) -> StoreOptions {
    StoreOptions {
        durability,
        segment_bytes: 12 << 10,
        fill_bytes: 4096,
        batch_bytes_max: 4000,
        writer_thread: false,
        ..StoreOptions::default()
    }
}

pub(crate) fn open(disk: &SimDisk, durability: Durability) -> Result<Opened> {
    FileStore::open(Arc::new(disk.clone()), Path::new(DIR), options(durability))
}

impl History {
    fn append(&mut self, store: &FileStore, record: Record) -> Result<u64> {
        self.tried.push(record.clone());
        Ok(store.append(record)?.sequence)
    }

    /// One block at a time, each waited for.
    fn append_durably(&mut self, store: &FileStore, record: Record) -> Result<()> {
        let sequence = self.append(store, record)?;
        store.wait_durable(sequence)?;
        self.acknowledged = self.tried.len();
        Ok(())
    }

    /// Appends without waiting: one commit group, or several that may fill a segment.
    fn append_group(&mut self, store: &FileStore, heights: std::ops::Range<u64>) -> Result<()> {
        for height in heights {
            let size = usize::try_from(height * 97 % 1500).unwrap();
            self.append(store, connect(height, size, size / 3))?;
        }
        Ok(())
    }

    fn flush(&mut self, store: &FileStore) -> Result<()> {
        store.flush()?;
        self.acknowledged = self.tried.len();
        Ok(())
    }

    fn close(&mut self, store: &FileStore) -> Result<()> {
        store.close()?;
        self.acknowledged = self.tried.len();
        Ok(())
    }
}

/// Three sessions: appends one by one and in groups, over several segments, a record longer than
/// a segment, disconnects, idle work, both durability modes, closing and being dropped.
pub(crate) fn workload(disk: &SimDisk, history: &mut History) -> Result<()> {
    let store = open(disk, Durability::Block)?.store;
    history.append_durably(&store, genesis())?;
    for height in 1..4 {
        history.append_durably(&store, connect(height, 700, 200))?;
    }
    store.maintain()?;
    history.append_group(&store, 4..8)?;
    history.flush(&store)?;
    history.append_durably(&store, disconnect(7))?;
    history.append_durably(&store, connect(8, 13_000, 2_000))?;
    history.append_group(&store, 9..22)?;
    history.flush(&store)?;
    store.maintain()?;
    history.close(&store)?;
    drop(store);

    let store = open(disk, Durability::Batch)?.store;
    history.append_group(&store, 22..28)?;
    history.flush(&store)?;
    history.append_group(&store, 28..34)?;
    history.append_durably(&store, disconnect(33))?;
    history.append_group(&store, 34..37)?;
    history.close(&store)?;
    drop(store);

    let store = open(disk, Durability::Block)?.store;
    history.append_durably(&store, connect(37, 10, 10))?;
    history.append_durably(
        &store,
        Record::Finalize {
            height: 30,
            native: native(30),
        },
    )?;
    history.append_group(&store, 38..41)?;
    history.flush(&store)?;
    history.append_group(&store, 41..42)?;
    drop(store);
    Ok(())
}

/// Reads everything that the store holds.
pub(crate) fn recovered(opened: &mut Opened) -> Result<Vec<Record>> {
    let items: Result<Vec<_>> = opened.replay.by_ref().collect();
    Ok(items?.into_iter().map(|(_, _, record)| record).collect())
}

/// Judges what a crash left on `disk`: opens it, compares, continues the log, and lets the machine
/// crash once more to see that what was read and written then is really there.
pub(crate) fn judge(disk: &SimDisk, history: &History) -> Result<usize, String> {
    let mut opened = open(disk, Durability::Block).map_err(|error| format!("open: {error:?}"))?;
    let mut records = recovered(&mut opened).map_err(|error| format!("replay: {error:?}"))?;
    let count = records.len();
    if opened.recovery.records != count as u64 {
        return Err(format!("{count} records, not {}", opened.recovery.records));
    }
    if count < history.acknowledged {
        return Err(format!(
            "{count} records of {} acknowledged",
            history.acknowledged
        ));
    }
    if history.tried.get(..count) != Some(&records[..]) {
        return Err("the records are not a prefix of those appended".to_owned());
    }
    let mut more = vec![connect(1_000, 600, 100), connect(1_001, 6_000, 10)];
    if count == 0 {
        more.insert(0, genesis());
    }
    let continued = || -> Result<Vec<Record>> {
        for record in &more {
            opened.store.append(record.clone())?;
        }
        opened.store.flush()?;
        // The machine stops without anybody having closed the store.
        let after = disk.after_crash(Crash::DropAll);
        recovered(&mut open(&after, Durability::Block)?)
    };
    let continued = continued().map_err(|error| format!("continuing: {error:?}"))?;
    records.extend(more);
    if continued == records {
        Ok(count)
    } else {
        Err(format!("{} records after continuing", continued.len()))
    }
}

/// The crashes that are tried at each point: the plain ones and some that the seed decides.
pub(crate) fn crashes(seed: u64, scattered: u64) -> Vec<Crash> {
    let mut crashes = vec![Crash::Process, Crash::DropAll];
    crashes.extend([1, 2, 5].map(Crash::Prefix));
    crashes.extend((0..scattered).map(|number| Crash::Scatter(seed * 1_000 + number)));
    crashes
}

/// Counts the operations of the whole workload.
pub(crate) fn count_ops() -> u64 {
    let disk = SimDisk::new();
    let mut history = History::default();
    workload(&disk, &mut history).unwrap();
    assert_eq!(judge(&disk.copy(), &history), Ok(history.tried.len()));
    disk.op_count()
}

/// Whether an error is one that a store may give for a failing disk.
pub(crate) fn is_disk_error(code: Code) -> bool {
    matches!(code, Code::InternalIo | Code::StoreFull)
}
