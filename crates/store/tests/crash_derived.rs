//! Crashes while snapshots, index and pruning are written: the log is as safe as without them, a
//! snapshot that has its name is whole, and the index answers for exactly the records there are.

mod common;

use common::crash::{History, crashes, open, recovered};
use common::model::{compare_index, compare_snapshot, keys, write_snapshot};
use common::{connect, disconnect, genesis};
use libmetachain_ledger::{Place, Record, Store};
use libmetachain_primitives::Result;
use libmetachain_store::sim::{Crash, SimDisk};
use libmetachain_store::{Durability, FileStore, Index, IndexOptions};

#[derive(Default)]
struct Promised {
    history: History,
    /// The sequence of the newest snapshot that was acknowledged.
    snapshot: Option<u64>,
    places: Vec<Place>,
}

const PRUNED: u64 = 14;

fn unthreaded() -> IndexOptions {
    IndexOptions {
        thread: false,
        batch_entries_max: 40,
        ..IndexOptions::default()
    }
}

fn append(store: &FileStore, promised: &mut Promised, record: Record) -> Result<()> {
    promised.history.tried.push(record.clone());
    let appended = store.append(record)?;
    promised.places.push(appended.place);
    store.wait_durable(appended.sequence)?;
    promised.history.acknowledged = promised.history.tried.len();
    Ok(())
}

fn snapshot(store: &FileStore, promised: &mut Promised) -> Result<()> {
    let records = &promised.history.tried;
    let sequence = records.len() as u64 - 1;
    let place = promised.places[records.len() - 1];
    write_snapshot(&store.snapshots(), records, sequence, place)?;
    promised.snapshot = Some(sequence);
    Ok(())
}

/// Goes on after a failure of something derived, as a chain does.
fn derived(disk: &SimDisk, result: Result<()>) -> Result<()> {
    if disk.is_off() { result } else { Ok(()) }
}

fn workload(disk: &SimDisk, promised: &mut Promised) -> Result<()> {
    let store = open(disk, Durability::Block)?.store;
    let index = store.open_index(keys, &unthreaded());
    let commit = |index: &Result<Index>| match index {
        Ok(index) => derived(disk, index.commit()),
        Err(error) => derived(disk, Err(error.clone())),
    };
    append(&store, promised, genesis())?;
    for height in 1..10 {
        append(&store, promised, connect(height, 900, 300))?;
    }
    commit(&index)?;
    let result = snapshot(&store, promised);
    derived(disk, result)?;
    for height in 10..24 {
        append(&store, promised, connect(height, 700, 300))?;
        if height % 5 == 0 {
            append(&store, promised, disconnect(height))?;
            append(&store, promised, connect(height, 200, 100))?;
        }
    }
    let result = snapshot(&store, promised);
    derived(disk, result)?;
    derived(disk, store.prune(PRUNED, &|| true).map(drop))?;
    append(&store, promised, connect(24, 100, 10))?;
    let result = snapshot(&store, promised);
    derived(disk, result)?;
    commit(&index)?;
    drop(index);
    store.close()?;
    drop(store);

    let store = open(disk, Durability::Block)?.store;
    let index = store.open_index(keys, &unthreaded());
    append(&store, promised, connect(25, 100, 10))?;
    commit(&index)?;
    store.close()
}

/// Equal, but for what pruning may have taken.
fn same(sequence: u64, was: &Record, found: &Record) -> bool {
    match (was, found) {
        (
            Record::Connect {
                height,
                native,
                payload,
                undo,
            },
            Record::Connect {
                height: h,
                native: n,
                payload: p,
                undo: u,
            },
        ) => {
            let undo_gone = sequence < PRUNED && u.is_empty();
            let payload_gone = sequence < PRUNED && p.is_empty();
            (height, native) == (h, n) && (undo_gone || undo == u) && (payload_gone || payload == p)
        }
        _ => was == found,
    }
}

fn judge(disk: &SimDisk, promised: &Promised) -> Result<(), String> {
    let tried = &promised.history.tried;
    let text = |what: &str, error: libmetachain_primitives::Error| format!("{what}: {error:?}");
    let mut opened = open(disk, Durability::Block).map_err(|error| text("open", error))?;
    let found = recovered(&mut opened).map_err(|error| text("replay", error))?;
    let is_prefix = found.len() >= promised.history.acknowledged
        && found.len() <= tried.len()
        && (found.iter().zip(tried).zip(0..)).all(|((found, was), at)| same(at, was, found));
    if !is_prefix {
        return Err(format!("{} records, not as they were", found.len()));
    }
    let records = &tried[..found.len()];

    let compared = compare_snapshot(&opened.store.snapshots(), records);
    let (meta, skipped) = compared.map_err(|error| text("snapshot", error))??;
    if meta.map(|meta| meta.sequence) < promised.snapshot || skipped > 0 {
        return Err(format!(
            "{meta:?}, not {:?}; {skipped} skipped",
            promised.snapshot
        ));
    }
    if let Some(meta) = meta {
        let rest = opened.store.replay_after(meta.sequence, meta.place);
        let rest: Result<Vec<_>> = rest.and_then(Iterator::collect);
        let count = rest
            .map_err(|error| text("replay behind the snapshot", error))?
            .len();
        if count as u64 + meta.sequence + 1 != found.len() as u64 {
            return Err(format!("{count} records behind {meta:?}"));
        }
    }
    let index = opened.store.open_index(keys, &unthreaded());
    let index = index.map_err(|error| text("index", error))?;
    compare_index(&index, records).map_err(|error| text("look-up", error))??;
    opened
        .store
        .verify(&mut |_| true)
        .map_err(|error| text("verify", error))?;
    Ok(())
}

fn count_ops() -> u64 {
    let disk = SimDisk::new();
    let mut promised = Promised::default();
    workload(&disk, &mut promised).unwrap();
    judge(&disk.copy(), &promised).unwrap();
    println!("{} operations", disk.op_count());
    disk.op_count()
}

fn crash_everywhere(scattered: u64, every: usize) -> u64 {
    let mut images = 0;
    for at in (0..count_ops()).step_by(every) {
        let disk = SimDisk::new();
        disk.power_off_at(at);
        let mut promised = Promised::default();
        let _ = workload(&disk, &mut promised);
        for crash in crashes(at, scattered) {
            judge(&disk.after_crash(crash), &promised)
                .unwrap_or_else(|why| panic!("power off at operation {at}, {crash:?}: {why}"));
            images += 1;
        }
    }
    println!("{images} images judged");
    images
}

#[test]
fn a_crash_anywhere_leaves_log_snapshots_and_index_in_step() {
    assert!(crash_everywhere(2, 1) > 1_000);
}

#[test]
#[ignore = "the long form"]
fn many_more_images() {
    assert!(crash_everywhere(60, 1) > 10_000);
}

/// What a crash must not leave would be noticed: here the promise is more than was kept.
#[test]
fn a_promise_that_was_not_kept_is_noticed() {
    type Spoil = fn(&mut Promised);
    let spoilt: [(&str, Spoil); 4] = [
        ("a lost record", |promised| {
            promised.history.tried.push(connect(26, 5, 5));
            promised.history.acknowledged += 1;
        }),
        ("another record", |promised| {
            promised.history.tried[5] = connect(5, 899, 300);
        }),
        ("a lost snapshot", |promised| {
            promised.snapshot = promised.snapshot.map(|sequence| sequence + 1);
        }),
        ("an undo that was not to be pruned", |promised| {
            let last = promised.history.tried.len() - 1;
            promised.history.tried[last] = connect(25, 100, 11);
        }),
    ];
    for (what, spoil) in spoilt {
        let disk = SimDisk::new();
        let mut promised = Promised::default();
        workload(&disk, &mut promised).unwrap();
        judge(&disk.copy(), &promised).unwrap();
        spoil(&mut promised);
        let judged = judge(&disk.copy(), &promised);
        assert!(judged.is_err(), "{what} went unnoticed");
    }
}

/// A failure of something derived never reaches the log, and the next opening heals it.
#[test]
fn any_operation_may_fail_and_all_of_it_heals() {
    for at in 0..count_ops() {
        let disk = SimDisk::new();
        disk.fail_at(at, std::io::ErrorKind::Other);
        let mut promised = Promised::default();
        let _ = workload(&disk, &mut promised);
        let story = format!(
            "operation {at} ({:?}) fails",
            disk.ops()[usize::try_from(at).unwrap()]
        );
        judge(&disk, &promised).unwrap_or_else(|why| panic!("{story}: {why}"));
        let after = disk.after_crash(Crash::DropAll);
        judge(&after, &promised).unwrap_or_else(|why| panic!("{story}, then a crash: {why}"));
    }
}

/// A full disk stops what is derived, and the log only when it needs a new segment.
#[test]
fn a_full_disk_stops_derived_data_first() {
    let mut disks = Vec::new();
    for capacity in (40_000..2_400_000).step_by(97_000) {
        let disk = SimDisk::new();
        disk.set_capacity(Some(capacity));
        let mut promised = Promised::default();
        let result = workload(&disk, &mut promised);
        disks.push(result.is_ok());
        disk.set_capacity(None);
        judge(&disk, &promised).unwrap_or_else(|why| panic!("capacity {capacity}: {why}"));
    }
    assert!(disks.contains(&true));
}
