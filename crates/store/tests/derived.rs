//! Snapshots, the look-up index, verification and pruning, with nothing going wrong but what the
//! test does on purpose.

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::crash::{DIR, open};
use common::model::{compare_index, compare_snapshot, keys, meta, write_snapshot};
use common::{connect, disconnect, genesis, small};
use libmetachain_ledger::{Appended, Record, Store};
use libmetachain_primitives::Code;
use libmetachain_store::sim::SimDisk;
use libmetachain_store::{
    Durability, FileStore, IndexOptions, PruneReport, RealDisk, StoreOptions, VerifyProgress,
};

/// Blocks with a reorganisation now and then.
fn records(blocks: u64) -> Vec<Record> {
    let mut records = vec![genesis()];
    for height in 1..=blocks {
        if height % 9 == 0 {
            // A block that is disconnected, and another one in its place.
            records.push(connect(height + 10_000, 500, 200));
            let Some(Record::Connect { height: at, .. }) = records.last_mut() else {
                unreachable!()
            };
            *at = height;
            records.push(disconnect(height));
        }
        records.push(connect(height, 400 + usize::try_from(height).unwrap(), 150));
    }
    records
}

fn fill(store: &FileStore, records: &[Record]) -> Vec<Appended> {
    let appended = records
        .iter()
        .map(|record| store.append(record.clone()).unwrap())
        .collect();
    store.flush().unwrap();
    appended
}

fn unthreaded() -> IndexOptions {
    IndexOptions {
        thread: false,
        batch_entries_max: 50,
        ..IndexOptions::default()
    }
}

#[test]
fn the_index_answers_from_memory_and_from_its_file() {
    let disk = SimDisk::new();
    let all = records(60);
    let (first, rest) = all.split_at(20);
    let opened = open(&disk, Durability::Block).unwrap();
    let index = opened.store.open_index(keys, &unthreaded()).unwrap();
    fill(&opened.store, first);
    compare_index(&index, first).unwrap().unwrap();
    for record in rest {
        opened.store.append(record.clone()).unwrap();
    }
    // What is queued but not on disk is not the index's business yet.
    compare_index(&index, first).unwrap().unwrap();
    opened.store.flush().unwrap();
    compare_index(&index, &all).unwrap().unwrap();
    assert_eq!(index.next_sequence(), all.len() as u64);
    index.close().unwrap();
    index.close().unwrap();
    assert_eq!(index.block(1).unwrap_err().code(), Code::Closed);
    drop(opened);

    let opened = open(&disk, Durability::Block).unwrap();
    let index = opened.store.open_index(keys, &unthreaded()).unwrap();
    assert_eq!(
        index.next_sequence(),
        all.len() as u64,
        "nothing was built anew"
    );
    compare_index(&index, &all).unwrap().unwrap();
    // Closing the store closes the index first.
    opened.store.close().unwrap();
    assert_eq!(index.block(1).unwrap_err().code(), Code::Closed);
}

#[test]
fn an_index_that_is_missing_foreign_or_ahead_is_built_anew() {
    let disk = SimDisk::new();
    let all = records(30);
    let opened = open(&disk, Durability::Block).unwrap();
    fill(&opened.store, &all[..20]);
    let before = disk.copy();
    fill(&opened.store, &all[20..]);
    let index = opened.store.open_index(keys, &unthreaded()).unwrap();
    index.commit().unwrap();
    drop(index);
    drop(opened);
    let path = Path::new(DIR).join("index.redb");

    let lost = disk.copy();
    lost.lose(&path);
    // The log of an earlier day with the index of a later one, as a clumsy restore leaves it.
    let ahead = before;
    ahead.put(&path, &disk.bytes(&path));
    let foreign = SimDisk::new();
    drop(libmetachain_store::Disk::fresh_id(&foreign));
    let other = open(&foreign, Durability::Block).unwrap();
    fill(&other.store, &all);
    drop(other);
    foreign.put(&path, &disk.bytes(&path));

    for (disk, all) in [(lost, &all[..]), (ahead, &all[..20]), (foreign, &all[..])] {
        let opened = open(&disk, Durability::Block).unwrap();
        let index = opened.store.open_index(keys, &unthreaded()).unwrap();
        assert_eq!(index.next_sequence(), 0, "built anew");
        compare_index(&index, all).unwrap().unwrap();
    }
}

#[test]
fn the_index_thread_follows_a_busy_log() {
    let dir = tempfile::tempdir().unwrap();
    let opened = FileStore::open(Arc::new(RealDisk), dir.path(), small(64 << 10)).unwrap();
    let options = IndexOptions {
        interval: Duration::from_millis(1),
        batch_entries_max: 40,
        ..IndexOptions::default()
    };
    let index = opened.store.open_index(keys, &options).unwrap();
    let all = records(300);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for at in 1..=300 {
                // Any block that is found is right, whatever is going on.
                if let Some(block) = index.block(at).unwrap() {
                    let Record::Connect { payload, .. } = opened.store.read(block.place).unwrap()
                    else {
                        panic!("not a block")
                    };
                    assert_eq!(keys(&payload).unwrap().hash, block.hash);
                }
            }
        });
        fill(&opened.store, &all);
    });
    compare_index(&index, &all).unwrap().unwrap();
    opened.store.close().unwrap();
}

#[test]
fn the_newest_good_snapshot_is_loaded_and_two_are_kept() {
    let disk = SimDisk::new();
    let all = records(40);
    let opened = open(&disk, Durability::Block).unwrap();
    let appended = fill(&opened.store, &all);
    let snapshots = opened.store.snapshots();
    assert!(matches!(
        compare_snapshot(&snapshots, &all),
        Ok(Ok((None, 0)))
    ));
    for at in [10, 20, 30, 40] {
        let Appended { sequence, place } = appended[at];
        write_snapshot(&snapshots, &all, sequence, place).unwrap();
    }
    let listed = snapshots.list().unwrap();
    assert_eq!(
        listed,
        [40, 30].map(|at| meta(&all, appended[at].sequence, appended[at].place))
    );
    let (newest, skipped) = compare_snapshot(&snapshots, &all).unwrap().unwrap();
    assert_eq!((newest, skipped), (Some(listed[0]), 0));

    // Replay goes on behind it.
    let rest = opened.store.replay_after(40, appended[40].place).unwrap();
    let rest: Vec<Record> = rest.map(|item| item.unwrap().2).collect();
    assert_eq!(rest, all[41..]);

    // One at a time, and an abandoned one leaves nothing behind.
    let writer = snapshots.begin().unwrap();
    assert_eq!(snapshots.begin().unwrap_err().code(), Code::BadArgument);
    drop(writer);
    assert!(
        !disk
            .files()
            .iter()
            .any(|(path, _)| path.ends_with("snapshot.tmp"))
    );

    // Of another chain, or with a sequence that is not that of its place.
    let other = libmetachain_primitives::BlockHash([4; 32]);
    let loaded = snapshots.load_newest(&other, |_| Ok(())).unwrap();
    assert!(loaded.built.is_none() && loaded.skipped.len() == 2);
    let mut wrong = meta(&all, 35, appended[35].place);
    wrong.place = appended[34].place;
    let refused = snapshots.begin().unwrap().finish(&wrong).unwrap_err();
    assert_eq!(refused.code(), Code::BadArgument);

    // A bad one is skipped for the one before it, and does not count as one that is kept.
    let file = disk
        .files()
        .into_iter()
        .rfind(|(path, _)| path.extension().is_some_and(|it| it == "snap"));
    disk.damage(&file.unwrap().0, 4096 + 64 + 5, 1);
    let (older, skipped) = compare_snapshot(&snapshots, &all).unwrap().unwrap();
    assert_eq!((older, skipped), (Some(listed[1]), 1));
    drop(opened);
    let opened = open(&disk, Durability::Block).unwrap();
    let (older, _) = compare_snapshot(&opened.store.snapshots(), &all)
        .unwrap()
        .unwrap();
    assert_eq!(older, Some(listed[1]));
    assert_eq!(
        opened.store.verify(&mut |_| true).unwrap_err().code(),
        Code::SnapshotInvalid
    );
}

#[test]
fn opening_reads_from_the_newest_snapshot_and_still_finds_the_end() {
    let disk = SimDisk::new();
    let all = records(30);
    let options = StoreOptions {
        segment_bytes: 1 << 20,
        ..common::crash::options(Durability::Block)
    };
    let open =
        |disk: &SimDisk| FileStore::open(Arc::new(disk.clone()), Path::new(DIR), options.clone());
    let opened = open(&disk).unwrap();
    let appended = fill(&opened.store, &all);
    let Appended { sequence, place } = appended[25];
    write_snapshot(&opened.store.snapshots(), &all, sequence, place).unwrap();
    drop(opened);
    // Damage before the snapshot is not looked at by opening, and found by whoever reads it.
    let damaged = disk.copy();
    let segment = Path::new(DIR).join("blk00000.dat");
    damaged.damage(&segment, appended[3].place.offset + 300, 1);
    let opened = open(&damaged).unwrap();
    assert_eq!(opened.recovery.records, all.len() as u64);
    let read = opened.store.read(appended[3].place).unwrap_err();
    assert_eq!(read.code(), Code::StoreCorrupt);
    assert!(opened.store.replay().any(|item| item.is_err()));
    assert!(
        opened
            .store
            .replay_after(sequence, place)
            .unwrap()
            .all(|item| item.is_ok())
    );
    drop(opened);
    // A log that ends before its snapshot has lost something.
    let cut = disk.copy();
    cut.truncate(&segment, appended[20].place.offset);
    assert_eq!(open(&cut).unwrap_err().code(), Code::StoreCorrupt);
    let lost = disk.copy();
    lost.lose(&segment);
    assert_eq!(open(&lost).unwrap_err().code(), Code::StoreCorrupt);
}

#[test]
fn verify_reads_everything_reports_progress_and_can_be_aborted() {
    let dir = tempfile::tempdir().unwrap();
    let opened = FileStore::open(Arc::new(RealDisk), dir.path(), small(1 << 20)).unwrap();
    let mut all = vec![genesis()];
    all.extend((1..=60).map(|height| connect(height, 200_000, 10_000)));
    let appended = fill(&opened.store, &all);
    let Appended { sequence, place } = appended[50];
    write_snapshot(&opened.store.snapshots(), &all, sequence, place).unwrap();
    let mut told: Vec<VerifyProgress> = Vec::new();
    let report = opened
        .store
        .verify(&mut |progress| {
            told.push(progress);
            true
        })
        .unwrap();
    assert_eq!((report.records, report.snapshots), (61, 1));
    assert!(report.segments > 10 && told.len() > 3);
    let last = told.last().unwrap();
    assert_eq!((last.bytes_done, last.records), (last.bytes_total, 61));
    assert!(
        told.windows(2)
            .all(|pair| pair[0].bytes_done <= pair[1].bytes_done)
    );
    let aborted = opened.store.verify(&mut |_| false).unwrap_err();
    assert_eq!(aborted.code(), Code::Aborted);
}

#[test]
fn pruning_drops_sections_and_nothing_else() {
    let disk = SimDisk::new();
    let all = records(60);
    let opened = open(&disk, Durability::Block).unwrap();
    let appended = fill(&opened.store, &all);
    let index = opened.store.open_index(keys, &unthreaded()).unwrap();
    // Connected and taken back in one segment: these bodies go.
    let mut gone = BTreeSet::new();
    let mut chain = Vec::new();
    for (sequence, record) in (0_u64..).zip(&all) {
        let segment = appended[usize::try_from(sequence).unwrap()].place.segment;
        match record {
            Record::Connect { .. } => chain.push((sequence, segment)),
            Record::Disconnect { .. } => {
                let (undone, begun) = chain.pop().unwrap();
                if begun == segment {
                    gone.insert(undone);
                }
            }
            _ => {}
        }
    }
    assert!(!opened.store.is_pruned().unwrap());
    assert_eq!(
        opened.store.prune(40, &|| false).unwrap(),
        PruneReport::default()
    );
    let report = opened.store.prune(40, &|| true).unwrap();
    assert!(report.segments > 1 && report.bytes > 2_000, "{report:?}");
    assert!(opened.store.is_pruned().unwrap());
    let again = opened.store.prune(40, &|| true).unwrap();
    assert_eq!(again.segments, 0);

    let check = |store: &FileStore| {
        let mut pruned = 0;
        for ((record, at), sequence) in all.iter().zip(&appended).zip(0..) {
            let read = store.read(at.place).unwrap();
            if read == *record {
                continue;
            }
            let (
                Record::Connect { payload: was, .. },
                Record::Connect {
                    payload,
                    undo,
                    height,
                    native,
                },
            ) = (record, read)
            else {
                panic!("record {sequence} changed")
            };
            pruned += 1;
            assert!(sequence < 40 && undo.is_empty());
            assert_eq!((height, native), (record.height(), common_native(record)));
            assert_eq!(payload.is_empty(), gone.contains(&sequence));
            assert!(payload.is_empty() || payload == *was);
        }
        assert!(pruned > 20, "{pruned}");
        assert!(gone.iter().any(|sequence| *sequence < 40));
        assert_eq!(store.replay().count(), all.len());
        store.verify(&mut |_| true).unwrap();
    };
    check(&opened.store);
    compare_index(&index, &all).unwrap().unwrap();
    drop((index, opened));
    let opened = open(&disk, Durability::Block).unwrap();
    check(&opened.store);

    // What was pruned reads as pruned, not as anything else that may be put there.
    let damaged = disk.copy();
    drop(opened);
    damaged.damage(
        &Path::new(DIR).join("blk00000.dat"),
        appended[2].place.offset + 256 + 450,
        1,
    );
    let opened = open(&damaged, Durability::Block).unwrap();
    let error = opened.store.read(appended[2].place).unwrap_err();
    assert_eq!(error.code(), Code::StoreCorrupt);

    // An index built from the pruned log is the same.
    disk.lose(&Path::new(DIR).join("index.redb"));
    let opened = open(&disk, Durability::Block).unwrap();
    let index = opened.store.open_index(keys, &unthreaded()).unwrap();
    assert_eq!(index.next_sequence(), 0);
    compare_index(&index, &all).unwrap().unwrap();
}

fn common_native(record: &Record) -> libmetachain_primitives::NativeHash {
    match record {
        Record::Connect { native, .. } => *native,
        _ => panic!("not a block"),
    }
}
