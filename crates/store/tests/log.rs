//! The log on a real disk: what is appended is read back, by place and by replay, across
//! segments, sessions and durability modes.

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use common::{connect, disconnect, genesis, native, small};
use libmetachain_ledger::{Appended, Place, Record, Store};
use libmetachain_primitives::{Code, Result};
use libmetachain_store::{Durability, FileStore, MemoryStore, Opened, RealDisk, StoreOptions};

fn open(dir: &Path, options: StoreOptions) -> Result<Opened> {
    FileStore::open(Arc::new(RealDisk), dir, options)
}

/// A genesis, 40 blocks of growing size, and now and then a disconnect or a finalisation.
fn workload() -> Vec<Record> {
    let mut records = vec![genesis()];
    for height in 1..=40 {
        let size = usize::try_from(height).unwrap();
        records.push(connect(height, size * 37, size * 11));
        if height % 7 == 0 {
            records.push(disconnect(height));
            records.push(connect(height, 3, 0));
        }
        if height % 10 == 0 {
            records.push(Record::Finalize {
                height,
                native: native(height),
            });
        }
    }
    records
}

fn append_all(store: &dyn Store, records: &[Record]) -> Vec<Appended> {
    records
        .iter()
        .map(|record| store.append(record.clone()).unwrap())
        .collect()
}

fn replayed(opened: &mut Opened) -> Vec<Record> {
    opened.replay.by_ref().map(|item| item.unwrap().2).collect()
}

#[test]
fn records_come_back_by_place_and_by_replay() {
    for writer_thread in [true, false] {
        for durability in [Durability::Block, Durability::Batch] {
            let dir = tempfile::tempdir().unwrap();
            let options = StoreOptions {
                writer_thread,
                durability,
                ..small(16 << 10)
            };
            let records = workload();
            let opened = open(dir.path(), options.clone()).unwrap();
            assert!(opened.recovery.created && opened.recovery.clean);
            let appended = append_all(&opened.store, &records);
            // Before anything is known to be written.
            for (at, record) in appended.iter().zip(&records) {
                assert_eq!(&opened.store.read(at.place).unwrap(), record);
            }
            opened.store.flush().unwrap();
            let count = records.len() as u64;
            assert_eq!(opened.store.durable_sequence(), count - 1);
            opened.store.maintain().unwrap();
            opened.store.close().unwrap();

            let mut opened = open(dir.path(), options).unwrap();
            assert!(opened.recovery.clean && !opened.recovery.created);
            assert_eq!(opened.recovery.records, count);
            assert_eq!(opened.recovery.dropped, None);
            assert_eq!(replayed(&mut opened), records);
            for (at, record) in appended.iter().zip(&records) {
                assert_eq!(&opened.store.read(at.place).unwrap(), record);
            }
            let later = opened
                .store
                .replay_after(appended[20].sequence, appended[20].place)
                .unwrap();
            let later: Vec<Record> = later.map(|item| item.unwrap().2).collect();
            assert_eq!(later, records[21..]);
            assert!(appended.last().unwrap().place.segment > 2);
        }
    }
}

#[test]
fn sessions_continue_one_log() {
    let dir = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for session in 0..12 {
        let mut opened = open(dir.path(), small(8 << 10)).unwrap();
        assert_eq!(replayed(&mut opened), all);
        if session == 0 {
            all.push(genesis());
            opened.store.append(genesis()).unwrap();
        }
        // Every third session appends nothing: closing marks must not pile up.
        if session % 3 != 2 {
            for height in 0..5 {
                let record = connect(session * 10 + height + 1, 300, 100);
                opened.store.append(record.clone()).unwrap();
                all.push(record);
            }
        }
        if session % 2 == 0 {
            opened.store.close().unwrap();
        }
    }
}

#[test]
fn a_record_longer_than_a_segment_gets_one_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let records = [genesis(), connect(1, 100_000, 50_000), connect(2, 10, 10)];
    let opened = open(dir.path(), small(8 << 10)).unwrap();
    append_all(&opened.store, &records);
    opened.store.close().unwrap();
    let mut opened = open(dir.path(), small(8 << 10)).unwrap();
    assert_eq!(replayed(&mut opened), records);
}

#[test]
fn the_directory_is_locked_until_close() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path(), small(8 << 10)).unwrap();
    let refused = open(dir.path(), small(8 << 10)).unwrap_err();
    assert_eq!(refused.code(), Code::StoreLocked);
    first.store.close().unwrap();
    open(dir.path(), small(8 << 10)).unwrap();
}

#[test]
fn closing_is_idempotent_and_final() {
    let dir = tempfile::tempdir().unwrap();
    let stores: [Arc<dyn Store>; 2] = [
        Arc::new(open(dir.path(), small(8 << 10)).unwrap().store),
        Arc::new(MemoryStore::new()),
    ];
    for store in stores {
        let at = store.append(genesis()).unwrap();
        store.close().unwrap();
        store.close().unwrap();
        let code = |result: Result<()>| result.unwrap_err().code();
        assert_eq!(code(store.append(connect(1, 1, 1)).map(drop)), Code::Closed);
        assert_eq!(code(store.read(at.place).map(drop)), Code::Closed);
        store.wait_durable(at.sequence).unwrap();
        assert_eq!(code(store.wait_durable(1)), Code::Closed);
    }
}

#[test]
fn genesis_is_first_and_only_first() {
    let dir = tempfile::tempdir().unwrap();
    let stores: [Box<dyn Store>; 2] = [
        Box::new(open(dir.path(), small(8 << 10)).unwrap().store),
        Box::new(MemoryStore::new()),
    ];
    for store in stores {
        let early = store.append(connect(1, 1, 1)).unwrap_err();
        assert_eq!(early.code(), Code::BadArgument);
        store.append(genesis()).unwrap();
        let late = store.append(genesis()).unwrap_err();
        assert_eq!(late.code(), Code::BadArgument);
        let unknown = store.wait_durable(1).unwrap_err();
        assert_eq!(unknown.code(), Code::BadArgument);
    }
}

#[test]
fn callbacks_come_once_each_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path(), small(64 << 10)).unwrap();
    let (tell, told) = mpsc::channel();
    let records = workload();
    for record in &records {
        let at = opened.store.append(record.clone()).unwrap();
        let tell = tell.clone();
        let done = move |result: Result<()>| tell.send((at.sequence, result)).unwrap();
        opened.store.when_durable(at.sequence, Box::new(done));
    }
    opened.store.flush().unwrap();
    drop(opened);
    drop(tell);
    let told: Vec<_> = told.iter().collect();
    let expected: Vec<_> = (0..records.len() as u64).map(|at| (at, Ok(()))).collect();
    let mut sorted = told.clone();
    sorted.sort_by_key(|(sequence, _)| *sequence);
    assert_eq!(sorted, expected);
}

/// A record that was appended while the store's thread wrote zeros ahead stayed in the queue for
/// ever: the signal came before the thread waited for it. Nobody helps here by waiting himself.
#[test]
fn a_callback_comes_although_nobody_waits() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path(), StoreOptions::default()).unwrap();
    opened.store.append(genesis()).unwrap();
    let (tell, told) = mpsc::channel();
    for height in 1..=500 {
        let at = opened.store.append(connect(height, 300, 100)).unwrap();
        let tell = tell.clone();
        let done = move |result: Result<()>| tell.send(result).unwrap();
        opened.store.when_durable(at.sequence, Box::new(done));
        let minute = std::time::Duration::from_secs(60);
        told.recv_timeout(minute).expect("lost").unwrap();
    }
}

#[test]
fn many_threads_append_and_wait() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        queue_bytes_max: 4096,
        ..small(32 << 10)
    };
    let opened = open(dir.path(), options.clone()).unwrap();
    opened.store.append(genesis()).unwrap();
    let store = &opened.store;
    let acknowledged = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let acknowledged = &acknowledged;
            scope.spawn(move || {
                for number in 0..50 {
                    let record = connect(1 + thread * 100 + number, 700, 100);
                    let at = store.append(record.clone()).unwrap();
                    store.wait_durable(at.sequence).unwrap();
                    assert!(store.durable_sequence() >= at.sequence);
                    assert_eq!(store.read(at.place).unwrap(), record);
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(acknowledged.into_inner(), 200);
    drop(opened);
    let mut opened = open(dir.path(), options).unwrap();
    assert_eq!(replayed(&mut opened).len(), 201);
}

/// The lock is the system's: it is there between processes, and gone with the process.
#[test]
fn another_process_is_refused_until_this_one_dies() {
    let dir = tempfile::tempdir().unwrap();
    if let Ok(held) = std::env::var("METACHAIN_TEST_HOLD") {
        // The other process: opens, says so, and waits to be killed.
        let _opened = open(Path::new(&held), small(8 << 10)).unwrap();
        println!("open");
        std::io::stdin().read_line(&mut String::new()).unwrap();
        return;
    }
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "another_process_is_refused_until_this_one_dies",
            "--exact",
            "--nocapture",
        ])
        .env("METACHAIN_TEST_HOLD", dir.path())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(
        said.map_while(std::io::Result::ok)
            .any(|line| line.contains("open"))
    );
    let refused = open(dir.path(), small(8 << 10)).unwrap_err();
    assert_eq!(refused.code(), Code::StoreLocked);
    assert!(refused.is_retryable());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(open(dir.path(), small(8 << 10)).unwrap().recovery.records == 0);
}

#[test]
fn another_version_is_told_from_damage() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path(), small(8 << 10)).unwrap();
    append_all(&opened.store, &workload()[..3]);
    drop(opened);
    let path = dir.path().join("blk00000.dat");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8] = 2;
    std::fs::write(&path, &bytes).unwrap();
    let damaged = open(dir.path(), small(8 << 10)).unwrap_err();
    assert_eq!(damaged.code(), Code::StoreCorrupt);
    assert_eq!(damaged.detail("file"), Some(&"blk00000.dat".into()));
    let hash = blake3::hash(&bytes[..96]);
    bytes[96..128].copy_from_slice(hash.as_bytes());
    std::fs::write(&path, &bytes).unwrap();
    let other = open(dir.path(), small(8 << 10)).unwrap_err();
    assert_eq!(other.code(), Code::StoreVersion);
}

#[test]
fn a_batch_is_synced_when_it_is_long_enough_or_old_enough() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        durability: Durability::Batch,
        batch_bytes_max: 10_000,
        batch_interval: std::time::Duration::from_millis(1),
        ..small(1 << 20)
    };
    let opened = open(dir.path(), options).unwrap();
    let records = workload();
    let (tell, told) = mpsc::channel();
    for record in &records {
        let at = opened.store.append(record.clone()).unwrap();
        let tell = tell.clone();
        opened
            .store
            .when_durable(at.sequence, Box::new(move |it| tell.send(it).unwrap()));
    }
    // Nobody flushes: the calls come by themselves.
    for _ in &records {
        told.recv().unwrap().unwrap();
    }
}

#[test]
fn places_that_hold_no_record_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path(), small(64 << 10)).unwrap();
    let appended = append_all(&opened.store, &workload());
    opened.store.flush().unwrap();
    let good = appended[3].place;
    let bad = [
        Place {
            offset: good.offset + 64,
            ..good
        },
        Place {
            offset: u64::MAX,
            ..good
        },
        Place {
            len: good.len + 64,
            ..good
        },
        Place { len: 0, ..good },
        Place {
            len: u32::MAX,
            ..good
        },
        Place {
            segment: 77,
            ..good
        },
        Place { offset: 0, ..good },
    ];
    for place in bad {
        let refused = opened.store.read(place).unwrap_err();
        assert_eq!(refused.code(), Code::StoreCorrupt, "{place:?}");
    }
    let wrong = opened.store.replay_after(2, good).unwrap_err();
    assert_eq!(wrong.code(), Code::StoreCorrupt);
}

/// A caller that waits lends its thread to the writer. No callback runs there meanwhile: it may need what
/// that caller holds.
#[test]
fn a_waiting_caller_runs_no_callback() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path(), small(64 << 10)).unwrap();
    let store = Arc::new(opened.store);
    let waiting = Arc::new(AtomicBool::new(false));
    let counted = Arc::new(AtomicU64::new(0));
    let caller = thread::current().id();
    let mut last = 0;
    for record in workload() {
        let at = store.append(record).unwrap();
        last = at.sequence;
        let (waiting_here, total) = (Arc::clone(&waiting), Arc::clone(&counted));
        // Where the record is on disk already, this runs before `when_durable` returns.
        let done = move |result: Result<()>| {
            result.unwrap();
            let lent = thread::current().id() == caller && waiting_here.load(Ordering::SeqCst);
            assert!(!lent, "record {} was told on a waiting thread", at.sequence);
            total.fetch_add(at.sequence, Ordering::SeqCst);
        };
        store.when_durable(at.sequence, Box::new(done));
        waiting.store(true, Ordering::SeqCst);
        store.wait_durable(at.sequence).unwrap();
        waiting.store(false, Ordering::SeqCst);
    }
    // Even closing may be called from there.
    let (tell, told) = mpsc::channel();
    let closing = Arc::clone(&store);
    let at = store.append(disconnect(1)).unwrap();
    store.when_durable(
        at.sequence,
        Box::new(move |_| tell.send(closing.close()).unwrap()),
    );
    assert_eq!(told.recv().unwrap(), Ok(()));
    store.close().unwrap();
    assert_eq!(counted.load(Ordering::SeqCst), last * (last + 1) / 2);
    let stats = store.stats();
    assert_eq!((stats.records, stats.records_durable), (last + 2, last + 2));
    assert!(stats.syncs > last && stats.segments >= 1);
}

/// Records that follow one another wait for each other: for a few of them, and for nobody who waits himself.
#[test]
fn records_that_follow_one_another_are_written_together() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        // Nothing is written because it has waited for long.
        batch_interval: Duration::from_secs(3_600),
        ..small(1 << 20)
    };
    let store = open(dir.path(), options).unwrap().store;
    let told = |at: Appended| {
        let (tell, told) = mpsc::channel();
        let done = move |result: Result<()>| tell.send(result).unwrap();
        store.when_durable(at.sequence, Box::new(done));
        told
    };
    store.append(genesis()).unwrap();
    store.flush().unwrap();
    store.gather(true);
    store.gather(true);
    let few: Vec<_> = (1..4).map(|height| connect(height, 9, 9)).collect();
    let first = told(append_all(&store, &few)[0]);
    for _ in 0..1_000 {
        thread::yield_now();
    }
    assert_eq!(store.durable_count(), 1, "one of them did not wait");
    assert!(first.try_recv().is_err());
    // As many as are waited for.
    store.append(connect(4, 9, 9)).unwrap();
    assert_eq!(first.recv().unwrap(), Ok(()));
    // Whoever waits does not wait for more.
    let fifth = store.append(connect(5, 9, 9)).unwrap();
    store.wait_durable(fifth.sequence).unwrap();
    // A long one is worth a write of its own.
    let long = store.append(connect(6, 1 << 20, 9)).unwrap();
    assert_eq!(told(long).recv().unwrap(), Ok(()));
    // Nothing follows any more once everybody has said so.
    let last = store.append(connect(7, 9, 9)).unwrap();
    store.gather(false);
    for _ in 0..1_000 {
        thread::yield_now();
    }
    assert_eq!(store.durable_count(), last.sequence);
    store.gather(false);
    assert_eq!(told(last).recv().unwrap(), Ok(()));
    // And closing waits for nothing.
    store.gather(true);
    store.append(connect(8, 9, 9)).unwrap();
    store.close().unwrap();
    assert_eq!(store.durable_count(), last.sequence + 2);
}

#[test]
fn whoever_gathers_and_is_held_up_holds_up_no_record() {
    for durability in [Durability::Block, Durability::Batch] {
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions {
            durability,
            batch_interval: Duration::from_millis(20),
            ..StoreOptions::default()
        };
        let store = open(dir.path(), options).unwrap().store;
        store.append(genesis()).unwrap();
        store.flush().unwrap();
        for height in 1..20 {
            // The store's thread gets the time to find that there is nothing to do.
            for _ in 0..1_000 {
                thread::yield_now();
            }
            store.gather(true);
            let appended = store.append(connect(height, 10, 10)).unwrap();
            let (told, tells) = mpsc::channel();
            store.when_durable(
                appended.sequence,
                Box::new(move |result| told.send(result).unwrap()),
            );
            // Nothing follows, and nobody says that nothing will.
            let long = Duration::from_secs(30);
            tells.recv_timeout(long).expect("it is told").unwrap();
            store.gather(false);
        }
    }
}
