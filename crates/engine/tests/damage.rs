//! A closed store with a byte changed anywhere: it opens to the same answers or not at all.
//!
//! Databases off the shelf served wrong data here: of 6,000 flips each, one lost acknowledged blocks
//! 178 times and another read wrong values in 42% of the cases unless told to check everything.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use libmetachain_engine::{BlockRef, Durability, EventKind, Media, Metachain, OpenOptions};
use libmetachain_primitives::{Code, Error, NativeHash};
use libmetachain_store::sim::SimDisk;
use libmetachain_store::{IndexOptions, StoreOptions};
use support::{Model, Random, address};

fn open(disk: &SimDisk, model: &Model) -> Result<Metachain, Error> {
    let media = Media {
        disk: Arc::new(disk.clone()),
        files: StoreOptions {
            segment_bytes: 16 << 10,
            fill_bytes: 2 << 10,
            writer_thread: false,
            ..StoreOptions::default()
        },
        index: IndexOptions {
            thread: false,
            ..IndexOptions::default()
        },
    };
    let options = OpenOptions {
        path: Some(PathBuf::from("/chain")),
        genesis: Some(model.genesis.clone()),
        durability: Durability::Block,
        undo_depth: 8,
        snapshot_every: u64::MAX,
        ..OpenOptions::default()
    };
    Metachain::open_on(&media, &options)
}

/// What every event must be: kind and block hash.
type Happened = Vec<(EventKind, libmetachain_primitives::BlockHash)>;

/// A store that was closed twice, so that it has two snapshots and a log beyond the first.
fn lived(seed: u64) -> (SimDisk, Model, Happened) {
    let disk = SimDisk::new();
    let mut model = Model::new(support::genesis());
    let mut random = Random::quiet(seed);
    let mut happened = Vec::new();
    for _ in 0..2 {
        let chain = open(&disk, &model).expect("nothing is damaged");
        for step in 0..16 {
            if step % 6 == 5 {
                let tip = model.blocks.pop().expect("there are blocks");
                chain.disconnect(tip.native).expect("it is the tip");
                happened.push((EventKind::Disconnected, tip.hash));
                continue;
            }
            support::extend(&[&chain], &mut model, &mut random, 14);
            let tip = model.blocks.last().expect("it was connected");
            happened.push((EventKind::Connected, tip.hash));
        }
        chain.close().expect("it closes");
    }
    (disk, model, happened)
}

/// Asks everything; an error is an honest answer, a wrong answer is not.
fn ask(disk: &SimDisk, model: &Model, happened: &Happened) -> Result<(), Error> {
    let chain = open(disk, model)?;
    let asked = ask_all(&chain, model, happened);
    // What cannot be read cannot always be closed cleanly either.
    let _ = chain.close();
    asked
}

fn ask_all(chain: &Metachain, model: &Model, happened: &Happened) -> Result<(), Error> {
    let tip = chain.tip()?.tip;
    let last = model.blocks.last().expect("there are blocks");
    assert_eq!(
        (tip.height, tip.hash),
        (model.blocks.len() as u64, last.hash)
    );
    assert_eq!(
        (tip.state_root, tip.supply),
        (last.state.root(), last.state.supply())
    );
    for n in 0..26 {
        let account = chain.account(&address(n))?;
        assert_eq!(
            account.map(|a| (a.balance, a.sequence)),
            last.state.get(address(n))
        );
    }
    for (height, block) in (1..).zip(&model.blocks) {
        for name in [
            BlockRef::Height(height),
            BlockRef::Hash(block.hash),
            BlockRef::Native(block.native),
        ] {
            let stored = chain.block(name)?.expect("it is there");
            assert_eq!(stored.block.transactions, block.transactions);
            assert_eq!((stored.hash, stored.native), (block.hash, block.native));
        }
        assert_eq!(
            chain
                .payload(BlockRef::Height(height))?
                .expect("it is there"),
            block.payload
        );
        for txid in block
            .transactions
            .iter()
            .filter_map(|transaction| transaction.txid())
        {
            let found = chain.transaction(txid)?.expect("it is there");
            assert_eq!(found.transaction.txid(), Some(txid));
            let holder = &model.blocks[found.height as usize - 1];
            assert_eq!(holder.transactions[found.index as usize], found.transaction);
        }
    }
    let (events, _) = chain.events(chain.events_from(None)?, 1_000)?;
    let found: Happened = events
        .iter()
        .map(|event| (event.kind, event.hash))
        .collect();
    assert_eq!(&found, happened);
    for event in events.iter().rev().take(3) {
        chain.events_from(Some(&event.cursor))?;
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Outcome {
    flips: u64,
    harmless: u64,
    refused: u64,
}

/// Flips bytes of every file: all of the first `all`, then one in `every`.
fn flip(all: u64, every: u64) -> Outcome {
    let (disk, model, happened) = lived(11);
    ask(&disk.copy(), &model, &happened).expect("nothing is damaged");
    let mut places = Vec::new();
    for (path, length) in disk.files() {
        // An odd step: every place within a structure gets its turn.
        let rest = (all..length).step_by(usize::try_from(every).expect("it is small"));
        places.extend(
            (0..all.min(length))
                .chain(rest)
                .map(|at| (path.clone(), at)),
        );
    }
    println!("{} bytes, two bits of each", places.len());
    // Each answer waits for threads of its own chain: more of them than there are processors.
    let threads = 4 * std::thread::available_parallelism().map_or(2, usize::from);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut outcome = Outcome::default();
        while let Some((path, offset)) = places.get(next.fetch_add(1, Ordering::Relaxed)) {
            for mask in [0x01, 0x80] {
                let damaged = disk.copy();
                damaged.damage(path, *offset, mask);
                let answer = catch_unwind(AssertUnwindSafe(|| ask(&damaged, &model, &happened)));
                let place = format!("{} at {offset}, mask {mask:#x}", path.display());
                match answer {
                    Ok(Ok(())) => outcome.harmless += 1,
                    Ok(Err(error)) => {
                        assert!(!error.is_verdict(), "{place}: {error:?}");
                        outcome.refused += 1;
                    }
                    Err(_) => panic!("silently wrong, or a panic: {place}"),
                }
                outcome.flips += 1;
            }
        }
        outcome
    };
    let outcome = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let done = workers
            .into_iter()
            .map(|worker| worker.join().expect("no answer was wrong"));
        done.fold(Outcome::default(), |sum, part| Outcome {
            flips: sum.flips + part.flips,
            harmless: sum.harmless + part.harmless,
            refused: sum.refused + part.refused,
        })
    });
    println!("{outcome:?}");
    outcome
}

/// A store that answers wrongly without knowing it is found out: here one that is whole, but whose life
/// differs in one block from what was promised.
#[test]
fn a_wrong_answer_would_be_noticed() {
    let (disk, model, happened) = lived(11);
    type Spoil = fn(&mut Model, &mut Happened);
    let spoilt: [(&str, Spoil); 5] = [
        ("a balance", |model, _| {
            let last = model.blocks.last_mut().expect("there are blocks");
            last.state.accounts[3].1 += 1;
        }),
        ("a transaction", |model, _| {
            let block = &mut model.blocks[7];
            block.transactions.pop();
        }),
        ("a payload", |model, _| {
            model.blocks[2].payload = Arc::clone(&model.blocks[3].payload);
        }),
        ("a native hash", |model, _| {
            model.blocks[5].native = NativeHash([9; 32]);
        }),
        ("an event", |_, happened| {
            happened.pop();
        }),
    ];
    for (what, spoil) in spoilt {
        let (mut model, mut happened) = (
            Model {
                blocks: model.blocks.clone(),
                ..Model::new(support::genesis())
            },
            happened.clone(),
        );
        spoil(&mut model, &mut happened);
        let copy = disk.copy();
        let asked = catch_unwind(AssertUnwindSafe(|| ask(&copy, &model, &happened)));
        assert!(asked.is_err(), "{what} was wrong without being noticed");
    }
}

#[test]
fn a_flipped_byte_is_never_a_wrong_answer() {
    let outcome = flip(80, 211);
    assert!(
        outcome.refused > 100 && outcome.harmless > 100,
        "{outcome:?}"
    );
}

#[test]
#[ignore = "the long form: every byte"]
fn no_flipped_byte_at_all_is_a_wrong_answer() {
    flip(u64::MAX, 1);
}

#[test]
fn verify_passes_what_is_whole_and_names_what_is_not() {
    let (disk, model, _) = lived(11);
    let chain = open(&disk.copy(), &model).expect("nothing is damaged");
    let (mut last, mut steps) = (0, 0);
    chain
        .verify(true, &mut |done, total| {
            assert!(last <= done && done <= total);
            (last, steps) = (done, steps + 1);
            true
        })
        .expect("nothing is damaged");
    assert!(steps > 0);
    let aborted = chain
        .verify(false, &mut |_, _| false)
        .expect_err("it was told to stop");
    assert_eq!(aborted.code(), Code::Aborted);
    // Damage behind the back of a chain that is open.
    for (path, length) in disk.files() {
        let name = path.to_string_lossy().into_owned();
        if !name.contains("blk00000") && !name.contains("snapshot") {
            continue;
        }
        let damaged = disk.copy();
        let chain = open(&damaged, &model).expect("nothing is damaged yet");
        // Behind the header's page, in the first record or chunk.
        assert!(length > 4_200, "{name} has {length} bytes");
        damaged.damage(&path, 4_200, 0x10);
        let error = chain.verify(false, &mut |_, _| true).expect_err(&name);
        let expected = [Code::StoreCorrupt, Code::SnapshotInvalid];
        assert!(expected.contains(&error.code()), "{name}: {error:?}");
    }
}

#[test]
fn lost_and_cut_files_are_built_anew_or_told() {
    let (disk, model, happened) = lived(11);
    for (path, length) in disk.files() {
        let lost = disk.copy();
        lost.lose(&path);
        let derived = !path.to_string_lossy().contains("blk");
        match ask(&lost, &model, &happened) {
            Ok(()) => assert!(derived, "{} was lost without being missed", path.display()),
            Err(error) => assert!(!derived, "{}: {error:?}", path.display()),
        }
        for cut in [0, 1, length / 2, length.saturating_sub(1)] {
            let cut_off = disk.copy();
            cut_off.truncate(&path, cut);
            if let Err(error) = ask(&cut_off, &model, &happened) {
                assert!(
                    !derived && !error.is_verdict(),
                    "{} to {cut}: {error:?}",
                    path.display()
                );
            }
        }
    }
}
