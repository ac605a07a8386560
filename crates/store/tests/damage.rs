//! Bytes of a closed store decay. Whatever is then asked of it gives the right answer or an error:
//! never a wrong answer, never a panic, never an endless loop.
//!
//! In the default run every byte of every header and mark is hit, and one in some of the rest;
//! `cargo test --release -p libmetachain-store --test damage -- --ignored` hits every byte with
//! every bit.

mod common;

use std::path::{Path, PathBuf};

use common::crash::{DIR, open, recovered};
use common::model::{compare_index, compare_snapshot, keys, write_snapshot};
use common::{connect, disconnect, genesis};
use libmetachain_ledger::{Appended, Record, Store};
use libmetachain_primitives::{Code, Error};
use libmetachain_store::sim::SimDisk;
use libmetachain_store::{Durability, IndexOptions};

/// A closed store with several segments, two snapshots, an index and a pruned segment.
struct Closed {
    disk: SimDisk,
    records: Vec<Record>,
    appended: Vec<Appended>,
    /// Records before this one may lack their undo.
    pruned: u64,
}

fn closed() -> Closed {
    let disk = SimDisk::new();
    let mut records = vec![genesis()];
    for height in 1..=22 {
        let size = usize::try_from(height * 131 % 900 + 1).unwrap();
        records.push(connect(height, size, size / 2));
        if height % 8 == 0 {
            records.push(disconnect(height));
            records.push(connect(height, 80, 20));
        }
    }
    let opened = open(&disk, Durability::Block).unwrap();
    let index = opened.store.open_index(keys, &unthreaded()).unwrap();
    let mut appended = Vec::new();
    for record in &records {
        appended.push(opened.store.append(record.clone()).unwrap());
        opened.store.flush().unwrap();
    }
    // The second one at the end, as a chain that closes writes it.
    for at in [12, records.len() - 1] {
        let Appended { sequence, place } = appended[at];
        write_snapshot(&opened.store.snapshots(), &records, sequence, place).unwrap();
    }
    let pruned = 15;
    assert!(opened.store.prune(pruned, &|| true).unwrap().segments > 0);
    index.commit().unwrap();
    index.close().unwrap();
    opened.store.close().unwrap();
    // A copy without the files that were replaced on the way.
    let compact = SimDisk::new();
    for (path, _) in disk.files() {
        compact.put(&path, &disk.bytes(&path));
    }
    Closed {
        disk: compact,
        records,
        appended,
        pruned,
    }
}

fn unthreaded() -> IndexOptions {
    IndexOptions {
        thread: false,
        ..IndexOptions::default()
    }
}

/// What the damage led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Something said that it is damaged.
    Noticed,
    /// Every answer was right.
    Harmless,
}

impl Closed {
    fn same(&self, sequence: u64, found: &Record) -> bool {
        let Some(was) = self.records.get(usize::try_from(sequence).unwrap()) else {
            return false;
        };
        match (was, found) {
            (
                Record::Connect {
                    height,
                    native,
                    payload,
                    ..
                },
                Record::Connect {
                    height: h,
                    native: n,
                    payload: p,
                    undo,
                },
            ) if sequence < self.pruned && undo.is_empty() => {
                let kept = if self.gone(sequence) {
                    &[][..]
                } else {
                    payload
                };
                (height, native, kept) == (h, n, p)
            }
            _ => was == found,
        }
    }

    /// Whether the next record takes this one's block back in the same segment: pruning drops its body.
    fn gone(&self, sequence: u64) -> bool {
        let at = usize::try_from(sequence).unwrap();
        matches!(self.records.get(at + 1), Some(Record::Disconnect { .. }))
            && self.appended[at].place.segment == self.appended[at + 1].place.segment
    }

    /// Asks a damaged copy everything. `Err` is a wrong answer.
    fn ask(&self, disk: &SimDisk, with_index: bool) -> Result<Outcome, String> {
        let judged = |error: Error| match error.code() {
            Code::StoreCorrupt | Code::StoreVersion | Code::SnapshotInvalid => Ok(Outcome::Noticed),
            code => Err(format!("{code}: {error:?}")),
        };
        let mut opened = match open(disk, Durability::Block) {
            Ok(opened) => opened,
            Err(error) => return judged(error),
        };
        let mut noticed = opened.recovery.dropped.is_some();
        if opened.recovery.records != self.records.len() as u64 {
            return Err(format!("{} records", opened.recovery.records));
        }
        match recovered(&mut opened) {
            Ok(records) => {
                let same = records
                    .iter()
                    .zip(0..)
                    .all(|(found, at)| self.same(at, found));
                if records.len() != self.records.len() || !same {
                    return Err("the replay differs".to_owned());
                }
            }
            Err(error) => noticed |= judged(error)? == Outcome::Noticed,
        }
        for at in &self.appended {
            match opened.store.read(at.place) {
                Ok(record) if self.same(at.sequence, &record) => {}
                Ok(record) => return Err(format!("record {}: {record:?}", at.sequence)),
                Err(error) => noticed |= judged(error)? == Outcome::Noticed,
            }
        }
        match compare_snapshot(&opened.store.snapshots(), &self.records) {
            Ok(compared) => noticed |= compared?.1 > 0,
            Err(error) => noticed |= judged(error)? == Outcome::Noticed,
        }
        if with_index {
            let index = opened.store.open_index(keys, &unthreaded());
            let compared = index.and_then(|index| {
                noticed |= index.next_sequence() == 0;
                compare_index(&index, &self.records)
            });
            match compared {
                Ok(compared) => compared?,
                Err(error) => noticed |= judged(error)? == Outcome::Noticed,
            }
        }
        if let Err(error) = opened.store.verify(&mut |_| true) {
            noticed |= judged(error)? == Outcome::Noticed;
        }
        Ok(if noticed {
            Outcome::Noticed
        } else {
            Outcome::Harmless
        })
    }

    fn files(&self, ending: &str) -> Vec<(PathBuf, u64)> {
        let mut files = self.disk.files();
        files.retain(|(path, _)| path.to_string_lossy().ends_with(ending));
        files
    }

    /// Hits some bytes of some files and counts what came of it.
    fn hit(
        &self,
        ending: &str,
        mut mask: impl FnMut(&Path, u64) -> Option<u8>,
        with_index: bool,
    ) -> (u64, u64) {
        let (mut noticed, mut harmless) = (0, 0);
        for (path, len) in self.files(ending) {
            for offset in 0..len {
                let Some(mask) = mask(&path, offset) else {
                    continue;
                };
                let disk = self.disk.copy();
                disk.damage(&path, offset, mask);
                match self.ask(&disk, with_index) {
                    Ok(Outcome::Noticed) => noticed += 1,
                    Ok(Outcome::Harmless) => harmless += 1,
                    Err(why) => {
                        panic!("{} byte {offset} ^ {mask:#x}: {why}", path.display())
                    }
                }
            }
        }
        println!("{ending}: {noticed} noticed, {harmless} harmless");
        (noticed, harmless)
    }

    /// Whether a byte of a block file belongs to its header page or to a frame's header or mark.
    fn is_metadata(&self, path: &Path, offset: u64) -> bool {
        let number = path.file_name().unwrap().to_string_lossy()[3..8]
            .parse::<u32>()
            .unwrap();
        let mut here = self.appended.iter().filter(|at| at.place.segment == number);
        let end = self
            .appended
            .iter()
            .filter(|at| at.place.segment == number)
            .map(|at| at.place.offset + u64::from(at.place.len))
            .max()
            .unwrap_or(4096);
        offset < 128
            || here.any(|at| (at.place.offset..at.place.offset + 256).contains(&offset))
            || (end..end + 320).contains(&offset)
    }
}

fn bit(offset: u64) -> u8 {
    1 << (offset.wrapping_mul(0x9e37_79b9) >> 7 & 7)
}

#[test]
fn the_undamaged_store_answers_everything() {
    let closed = closed();
    assert!(closed.files(".dat").len() > 2);
    assert_eq!(closed.files(".snap").len(), 2);
    assert_eq!(closed.ask(&closed.disk.copy(), true), Ok(Outcome::Harmless));
}

/// A store that is whole but answers otherwise than was promised is found out, in each of its parts.
#[test]
fn a_wrong_answer_would_be_noticed() {
    type Spoil = fn(&mut Closed);
    let spoilt: [(&str, Spoil); 5] = [
        ("a payload", |closed| closed.records[4] = connect(4, 9, 9)),
        ("the undo of a record that has it", |closed| {
            if let Record::Connect { undo, .. } = &mut closed.records[20] {
                undo[0] ^= 1;
            }
        }),
        ("a lost record", |closed| {
            closed.records.push(connect(23, 1, 1));
        }),
        ("a place", |closed| {
            closed.appended[3].place = closed.appended[2].place
        }),
        ("the undo that was pruned", |closed| closed.pruned = 0),
    ];
    for (what, spoil) in spoilt {
        let mut closed = closed();
        spoil(&mut closed);
        let asked = closed.ask(&closed.disk.copy(), true);
        assert!(asked.is_err(), "{what} was wrong without being noticed");
    }
}

#[test]
fn damaged_block_files_never_answer_wrongly() {
    let closed = closed();
    let metadata = closed.hit(
        ".dat",
        |path, offset| closed.is_metadata(path, offset).then(|| bit(offset)),
        false,
    );
    let rest = closed.hit(
        ".dat",
        |path, offset| (!closed.is_metadata(path, offset) && offset % 17 == 3).then(|| bit(offset)),
        false,
    );
    assert!(metadata.0 > 8_000 && rest.0 > 500, "{metadata:?} {rest:?}");
}

/// Every byte up to the end of the log counts: damage to it is found by reading or by verifying.
/// What is behind the log's end, and the segment that was made ready, hold nothing.
#[test]
fn all_damage_to_what_was_written_is_noticed() {
    let closed = closed();
    let last = closed.appended.last().unwrap().place;
    let mut harmless = Vec::new();
    for (path, len) in closed.files(".dat") {
        let number = path.file_name().unwrap().to_string_lossy()[3..8]
            .parse::<u32>()
            .unwrap();
        if number > last.segment {
            continue;
        }
        for offset in (0..len).step_by(5) {
            let disk = closed.disk.copy();
            disk.damage(&path, offset, bit(offset));
            if closed.ask(&disk, false) == Ok(Outcome::Harmless) {
                harmless.push((number, offset));
            }
        }
    }
    assert_eq!(harmless, []);
}

#[test]
fn damaged_snapshots_are_skipped() {
    let closed = closed();
    let (noticed, harmless) = closed.hit(
        ".snap",
        |_, offset| (offset < 400 || offset % 3 == 0).then(|| bit(offset)),
        false,
    );
    assert!(noticed > 2_000);
    assert_eq!(harmless, 0);
}

#[test]
fn a_damaged_index_is_built_anew() {
    let closed = closed();
    let (noticed, _) = closed.hit(
        "index.redb",
        |_, offset| (offset < 320 || offset % 2_003 == 0).then(|| bit(offset)),
        true,
    );
    assert!(noticed > 100, "{noticed}");
}

#[test]
fn files_that_are_cut_or_lost_are_noticed() {
    let closed = closed();
    for (path, len) in closed.disk.files() {
        let is_segment = path.extension().is_some_and(|it| it == "dat");
        let is_spare = is_segment
            && path
                > Path::new(DIR).join(format!(
                    "blk{:05}.dat",
                    closed.appended.last().unwrap().place.segment
                ));
        let lost = closed.disk.copy();
        lost.lose(&path);
        let outcome = closed.ask(&lost, true);
        let harmless =
            is_spare || path.ends_with("LOCK") || path.extension().is_some_and(|it| it == "snap");
        if !harmless {
            assert_eq!(outcome, Ok(Outcome::Noticed), "{} is lost", path.display());
        }
        outcome.unwrap();
        for at in (0..len).step_by(509) {
            let cut = closed.disk.copy();
            cut.truncate(&path, at);
            closed
                .ask(&cut, path.ends_with("index.redb"))
                .unwrap_or_else(|why| panic!("{} is cut at {at}: {why}", path.display()));
        }
    }
}

#[test]
#[ignore = "the long form: every bit of every block file and snapshot, every 61st byte of the index"]
fn every_bit() {
    let closed = closed();
    for shift in 0..8 {
        closed.hit(".dat", |_, _| Some(1 << shift), false);
        closed.hit(".snap", |_, _| Some(1 << shift), false);
        closed.hit(
            "index.redb",
            |_, offset| (offset % 61 == shift).then_some(1 << shift),
            true,
        );
    }
}
