//! What callers see when the disk fails: who is told what, and what still works.

mod common;

use std::io::ErrorKind;
use std::sync::mpsc;

use common::crash::History;
use common::crash::{judge, open, options, recovered};
use common::{connect, genesis};
use libmetachain_ledger::{Record, Store};
use libmetachain_primitives::Code;
use libmetachain_store::sim::{OpKind, SimDisk};
use libmetachain_store::{Durability, FileStore, StoreOptions};

fn fail_next_sync(disk: &SimDisk) {
    // A commit is a write and then a sync.
    disk.fail_at(disk.op_count() + 1, ErrorKind::Other);
}

#[test]
fn a_failed_sync_is_fatal_for_everybody_and_is_never_retried() {
    let disk = SimDisk::new();
    let opened = open(&disk, Durability::Block).unwrap();
    let store = &opened.store;
    let first = store.append(genesis()).unwrap();
    store.flush().unwrap();
    let second = store.append(connect(1, 100, 10)).unwrap();
    let (tell, told) = mpsc::channel();
    store.when_durable(
        second.sequence,
        Box::new(move |result| tell.send(result).unwrap()),
    );
    fail_next_sync(&disk);
    let error = store.wait_durable(second.sequence).unwrap_err();
    assert_eq!(error.code(), Code::InternalIo);
    assert!(error.is_fatal() && !error.is_retryable());
    assert_eq!(told.recv().unwrap(), Err(error.clone()));

    let syncs = |disk: &SimDisk| {
        disk.ops()
            .iter()
            .filter(|op| op.kind == OpKind::SyncData)
            .count()
    };
    let before = syncs(&disk);
    assert_eq!(store.append(connect(2, 100, 10)).unwrap_err(), error);
    assert_eq!(store.flush().unwrap_err(), error);
    assert_eq!(store.wait_durable(second.sequence).unwrap_err(), error);
    let (tell, told) = mpsc::channel();
    store.when_durable(
        second.sequence,
        Box::new(move |result| tell.send(result).unwrap()),
    );
    assert_eq!(told.recv().unwrap(), Err(error.clone()));
    // What was acknowledged stays so, and can be read.
    store.wait_durable(first.sequence).unwrap();
    assert_eq!(store.durable_sequence(), first.sequence);
    assert_eq!(store.read(first.place).unwrap(), genesis());
    assert_eq!(store.close().unwrap_err(), error);
    assert_eq!(syncs(&disk), before, "nothing was synced again");

    // The lock is free, and opening goes on.
    let mut again = open(&disk, Durability::Block).unwrap();
    assert!(!again.recovery.clean);
    assert!(!recovered(&mut again).unwrap().is_empty());
}

#[test]
fn a_full_disk_refuses_records_until_there_is_space() {
    let disk = SimDisk::new();
    let opened = open(&disk, Durability::Block).unwrap();
    let store = &opened.store;
    let mut history = History {
        tried: vec![genesis()],
        acknowledged: 1,
    };
    store.append(genesis()).unwrap();
    store.flush().unwrap();
    disk.set_capacity(Some(30 << 10));
    let mut height = 1;
    let refused = loop {
        let record = connect(height, 2_000, 100);
        match store.append(record.clone()) {
            Ok(appended) => {
                history.tried.push(record);
                store.wait_durable(appended.sequence).unwrap();
                height += 1;
            }
            Err(error) => break error,
        }
    };
    assert_eq!(refused.code(), Code::StoreFull);
    assert!(refused.is_retryable() && !refused.is_fatal());
    assert!(height > 5);
    // Still full; with space, all is well.
    assert_eq!(
        store
            .append(connect(height, 2_000, 100))
            .unwrap_err()
            .code(),
        Code::StoreFull
    );
    disk.set_capacity(None);
    let long = connect(height + 1, 2_000, 100);
    store.append(long.clone()).unwrap();
    history.tried.push(long);
    store.flush().unwrap();
    history.acknowledged = history.tried.len();
    drop(opened);
    assert_eq!(judge(&disk, &history), Ok(history.tried.len()));
}

/// With the store's own thread there is no telling which operation fails; whichever it is, what
/// was acknowledged is there.
#[test]
fn with_the_thread_any_operation_may_fail_too() {
    for at in 0..60 {
        let disk = SimDisk::new();
        disk.fail_at(at, ErrorKind::Other);
        let options = StoreOptions {
            writer_thread: true,
            ..options(Durability::Block)
        };
        let dir = std::path::Path::new(common::crash::DIR);
        let mut history = History::default();
        let run = |history: &mut History| -> libmetachain_primitives::Result<()> {
            let disk = std::sync::Arc::new(disk.clone());
            let store = FileStore::open(disk, dir, options.clone())?.store;
            let (tell, told) = mpsc::channel();
            let mut records: Vec<Record> = vec![genesis()];
            records.extend((1..30).map(|height| connect(height, 900, 200)));
            let mut result = Ok(());
            for record in records {
                history.tried.push(record.clone());
                match store.append(record) {
                    Ok(appended) => {
                        let tell = tell.clone();
                        let done = move |result| tell.send(result).unwrap();
                        store.when_durable(appended.sequence, Box::new(done));
                    }
                    Err(error) => {
                        result = Err(error);
                        break;
                    }
                }
            }
            let closed = store.close();
            drop(tell);
            history.acknowledged = told.iter().filter(Result::is_ok).count();
            result.and(closed)
        };
        let result = run(&mut history);
        let after = disk.copy();
        judge(&after, &history).unwrap_or_else(|why| panic!("operation {at}, {result:?}: {why}"));
    }
}
