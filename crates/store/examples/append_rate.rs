//! Prints what one durable record costs, beside a bare write and sync of the same bytes into a
//! file that was filled before: the least that a durable commit can cost on this machine.
//!
//! The two are interleaved, because a disk has phases. Run it with
//! `cargo run --release -p libmetachain-store --example append_rate [directory]`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use libmetachain_ledger::{Record, Store};
use libmetachain_primitives::NativeHash;
use libmetachain_store::{Disk, FileStore, RealDisk, StoreOptions};

/// Bytes of payload and undo of a block with 1, 100, 1,000 and 10,000 transfers, about.
const SIZES: [(usize, usize); 4] = [
    (420, 160),
    (7_500, 6_000),
    (72_000, 60_000),
    (720_000, 600_000),
];

fn main() -> Result<(), Box<dyn Error>> {
    let base = std::env::args()
        .nth(1)
        .map_or_else(std::env::temp_dir, PathBuf::from);
    println!("bytes a record, µs bare (median), µs store (median), ratio, µs store queued");
    for (payload, undo) in SIZES {
        let dir = base.join(format!("append-rate-{}-{payload}", std::process::id()));
        let outcome = measure(&dir, payload, undo);
        std::fs::remove_dir_all(&dir)?;
        println!("{}", outcome?);
    }
    Ok(())
}

fn measure(dir: &Path, payload: usize, undo: usize) -> Result<String, Box<dyn Error>> {
    let rounds = (60_000_000 / (payload + undo)).clamp(60, 1_000);
    let store = FileStore::open(Arc::new(RealDisk), dir, StoreOptions::default())?.store;
    let genesis = store.append(Record::Genesis { bytes: vec![1; 64] })?;
    store.wait_durable(genesis.sequence)?;

    // Bytes on disk of one record: header, sections, padding.
    let len = (256 + payload + undo).next_multiple_of(64);
    let bare = RealDisk.create(&dir.join("bare"))?;
    let zeros = vec![0; 1 << 20];
    for offset in (0..(len * (rounds + 1)) as u64).step_by(zeros.len()) {
        bare.write_at(&zeros, offset)?;
    }
    bare.sync_data()?;

    let (mut of_bare, mut of_store) = (Vec::new(), Vec::new());
    let bytes = vec![0x5a; len];
    for round in 0..rounds as u64 {
        let record = block(round + 1, payload, undo);
        let start = Instant::now();
        let appended = store.append(record)?;
        store.wait_durable(appended.sequence)?;
        of_store.push(start.elapsed());
        let start = Instant::now();
        bare.write_at(&bytes, round * len as u64)?;
        bare.sync_data()?;
        of_bare.push(start.elapsed());
    }
    let (bare, one) = (median(of_bare), median(of_store));

    // Without waiting for each: what the queue and group commit make of it.
    let start = Instant::now();
    let more = rounds as u64;
    for round in 0..more {
        store.append(block(more + round + 1, payload, undo))?;
    }
    store.flush()?;
    let queued = start.elapsed().as_secs_f64() * 1e6 / more as f64;
    store.close()?;
    Ok(format!(
        "{len}, {bare:.0}, {one:.0}, {:.2}, {queued:.0}",
        bare / one
    ))
}

fn block(height: u64, payload: usize, undo: usize) -> Record {
    Record::Connect {
        height,
        native: NativeHash([7; 32]),
        payload: Arc::from(vec![0x5a; payload]),
        undo: vec![0xa5; undo],
    }
}

fn median(mut times: Vec<std::time::Duration>) -> f64 {
    times.sort_unstable();
    let middle = times.get(times.len() / 2);
    middle.map_or(0.0, |time| time.as_secs_f64() * 1e6)
}
