//! A store that prunes itself: the chain, its undo within the depth, and every way of opening stay what
//! they were; what is gone says so.

mod support;

use std::collections::BTreeMap;
use std::thread;

use libmetachain_engine::{Event, EventKind, Metachain, Position};
use libmetachain_primitives::{BlockHash, Code};
use support::{Model, Random, SmallFiles, UNDO_DEPTH, extend};

const FILES: SmallFiles = SmallFiles {
    segment_bytes: 64 << 10,
    fill_bytes: 4 << 10,
    snapshot_every: 20,
    event_retention: 20,
};

fn counted(chain: &Metachain, name: &str) -> u64 {
    let metrics = chain.metrics().expect("the chain is open");
    metrics
        .iter()
        .find(|(other, _)| *other == name)
        .expect("it is counted")
        .1
}

fn retreat(chain: &Metachain, model: &mut Model, blocks: u64) {
    for _ in 0..blocks {
        let tip = model.blocks.pop().expect("there are blocks");
        chain.disconnect(tip.native).expect("the tip disconnects");
    }
}

/// Blocks with reorganisations, until several segments were pruned; gives a cursor that stands among
/// blocks that are gone by then.
fn fill(chain: &Metachain, model: &mut Model, random: &mut Random) -> String {
    let mut lost = None;
    for round in 0_u64..2_000 {
        extend(&[chain], model, random, 20);
        if round % 10 == 9 {
            for _ in 0..3 {
                extend(&[chain], model, random, 20);
            }
            lost = lost.or_else(|| {
                let all = all_events(chain).expect("nothing is pruned yet");
                Some(all.last()?.cursor.clone())
            });
            retreat(chain, model, 3);
        }
        if counted(chain, "segmentsPruned") >= 3 {
            break;
        }
        if round > 400 {
            // Snapshots and pruning have a thread of their own.
            thread::yield_now();
        }
    }
    assert!(counted(chain, "segmentsPruned") >= 3);
    assert!(counted(chain, "bytesPruned") > 10_000);
    assert_eq!(counted(chain, "pruningsFailed"), 0);
    lost.expect("there was a reorganisation")
}

fn all_events(chain: &Metachain) -> libmetachain_primitives::Result<Vec<Event>> {
    let flushed = std::sync::mpsc::channel();
    chain.flush_later(Box::new(move |done| {
        flushed.0.send(done).expect("waited for")
    }));
    flushed.1.recv().expect("it is answered")?;
    let (mut all, mut at) = (Vec::new(), Position::START);
    loop {
        let (events, next) = chain.events(at, 7)?;
        if next == at {
            return Ok(all);
        }
        at = next;
        all.extend(events);
    }
}

/// What an indexer makes of the events from the first on.
fn follow(chain: &Metachain) -> Vec<BlockHash> {
    let mut blocks: BTreeMap<u64, BlockHash> = BTreeMap::new();
    for event in all_events(chain).expect("events from the start are never gone") {
        let height = event.block.header.height;
        match event.kind {
            EventKind::Connected => {
                assert_eq!(blocks.len() as u64 + 1, height);
                let parent = blocks.get(&(height - 1));
                assert!(parent.is_none_or(|hash| *hash == event.block.header.parent));
                blocks.insert(height, event.hash);
            }
            EventKind::Disconnected => {
                assert_eq!(blocks.len() as u64, height);
                assert_eq!(blocks.remove(&height), Some(event.hash));
            }
        }
    }
    blocks.into_values().collect()
}

fn compare(chain: &Metachain, model: &Model) {
    let tip = chain.tip().expect("the chain is open").tip;
    assert_eq!(tip.height, model.blocks.len() as u64);
    assert_eq!(tip.state_root, model.state().root());
    let hashes: Vec<BlockHash> = model.blocks.iter().map(|block| block.hash).collect();
    assert_eq!(follow(chain), hashes);
    chain
        .verify(true, &mut |_, _| true)
        .expect("a pruned store is whole");
}

#[test]
fn a_pruned_chain_is_the_same_chain() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut random = Random::new(rand_seed());
    let mut model = Model::new(support::genesis());
    let chain = FILES.open(directory.path(), &model);
    let lost = fill(&chain, &mut model, &mut random);
    compare(&chain, &model);
    let gone = chain.events_from(Some(&lost)).expect_err("it is pruned");
    assert_eq!(gone.code(), Code::CursorPruned);

    // As deep as undo is promised, and no deeper.
    let depth = UNDO_DEPTH - (highest(&chain, &model) - model.blocks.len() as u64);
    retreat(&chain, &mut model, depth);
    let tip = model.blocks.last().expect("there are blocks").native;
    let deeper = chain.disconnect(tip).expect_err("it is too deep");
    assert_eq!(deeper.code(), Code::UndoTooDeep);
    compare(&chain, &model);
    chain.close().expect("it closes");

    // From its snapshot, and from the log alone.
    let chain = FILES.open(directory.path(), &model);
    compare(&chain, &model);
    extend(&[&chain], &mut model, &mut random, 20);
    chain.close().expect("it closes");
    for entry in std::fs::read_dir(directory.path()).expect("it is there") {
        let path = entry.expect("it reads").path();
        if path
            .extension()
            .is_some_and(|it| it == "snap" || it == "redb")
        {
            std::fs::remove_file(path).expect("it goes");
        }
    }
    let chain = FILES.open(directory.path(), &model);
    compare(&chain, &model);
    fill(&chain, &mut model, &mut random);
    compare(&chain, &model);
}

/// Retreats of three at most have followed the highest tip.
fn highest(chain: &Metachain, model: &Model) -> u64 {
    let height = model.blocks.len() as u64;
    let events = all_events(chain).expect("they read");
    let seen = events.iter().map(|event| event.block.header.height).max();
    seen.unwrap_or(height).max(height)
}

fn rand_seed() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(1, |since| since.subsec_nanos().into())
}
