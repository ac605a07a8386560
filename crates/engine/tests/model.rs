//! Random mint, connect, disconnect and restart against a naive model: no difference, ever.

mod support;

use std::sync::Arc;

use libmetachain_engine::{
    BlockRef, CandidateBlock, Carried, ConnectStatus, Metachain, NativeBlock,
};
use libmetachain_primitives::{Code, NativeHash, Root, tx_root};
use support::{Model, Planted, Random, SmallFiles, UNDO_DEPTH, address};

const OPERATIONS: u64 = 100_000;
const FILES: SmallFiles = SmallFiles {
    segment_bytes: 256 << 10,
    fill_bytes: 64 << 10,
    snapshot_every: 50,
    event_retention: 30,
};

fn code<T>(result: Result<T, libmetachain_primitives::Error>) -> Option<Code> {
    result.err().map(|error| error.code())
}

/// Mints random transactions, compares with the model, and connects the block most of the time.
fn extend(chain: &Metachain, model: &mut Model, random: &mut Random) {
    let context = model.context(random);
    let count = random_count(random);
    let given = support::transactions(random, count);
    let (state, accepted, rejected) = model.mint(&given);
    let minted = chain.mint(&context, &given).expect("the context is right");
    let found: Vec<_> = minted
        .rejected
        .iter()
        .map(|r| (r.index, r.receipt.code, r.receipt.balance))
        .collect();
    assert_eq!(found, rejected);
    assert_eq!(minted.header.supply, state.supply());
    assert_eq!(minted.header.state_root, state.root());
    assert_eq!(minted.header.tx_root, tx_root(&accepted));
    if random.chance(5) {
        return;
    }
    let candidate = CandidateBlock {
        context,
        payload: Arc::from(minted.payload.as_slice()),
        carried: if random.chance(2) {
            Carried::Root(tx_root(&accepted))
        } else {
            Carried::Unchecked
        },
    };
    if random.chance(10) {
        refuse(chain, &candidate, random);
    }
    let native = NativeHash(random.hash());
    let connected = chain
        .connect(NativeBlock {
            hash: native,
            candidate: candidate.clone(),
        })
        .expect("what was minted connects");
    assert_eq!(connected.status, ConnectStatus::Connected);
    assert_eq!(connected.hash, minted.hash);
    model.push(native, context, &minted, (state, accepted));
}

fn random_count(random: &mut Random) -> u64 {
    if random.chance(4) {
        0
    } else {
        random.below(30)
    }
}

/// Lies about a good block, none of which may change anything.
fn refuse(chain: &Metachain, good: &CandidateBlock, random: &mut Random) {
    let native = NativeHash(random.hash());
    let connect = |candidate| {
        code(chain.connect(NativeBlock {
            hash: native,
            candidate,
        }))
    };
    let mut bytes = good.payload.to_vec();
    let at = random.below(bytes.len() as u64) as usize;
    bytes[at] ^= 1 << random.below(8);
    let verdict = connect(CandidateBlock {
        payload: bytes.into(),
        carried: Carried::Unchecked,
        ..good.clone()
    });
    assert!(verdict.is_some_and(|code| code.is_verdict()), "{verdict:?}");
    let mut moved = good.clone();
    moved.carried = Carried::Root(Root(random.hash()));
    assert_eq!(connect(moved), Some(Code::InvalidTransactions));
}

/// Takes back some blocks, or finds that it may not.
fn retreat(chain: &Metachain, model: &mut Model, highest: u64, random: &mut Random) {
    let wrong = NativeHash(random.hash());
    assert_eq!(code(chain.disconnect(wrong)), Some(Code::NotTip));
    for _ in 0..=random.below(4) {
        let Some(tip) = model.blocks.last() else {
            return;
        };
        let height = model.blocks.len() as u64;
        let result = chain.disconnect(tip.native);
        if height + UNDO_DEPTH <= highest {
            assert_eq!(code(result), Some(Code::UndoTooDeep));
            return;
        }
        result.expect("the tip disconnects");
        model.pop();
    }
}

fn compare(chain: &Metachain, model: &Model, random: &mut Random) {
    let tip = chain.tip().expect("the chain is open").tip;
    let state = model.state();
    assert_eq!(tip.height, model.blocks.len() as u64);
    assert_eq!(tip.supply, state.supply());
    assert_eq!(tip.state_root, state.root());
    assert_eq!(
        tip.native.map(|(_, hash)| hash),
        model.blocks.last().map(|b| b.native)
    );
    for n in 0..26 {
        let account = chain.account(&address(n)).expect("the chain is open");
        assert_eq!(
            account.map(|a| (a.balance, a.sequence)),
            state.get(address(n)),
            "account {n}"
        );
    }
    if model.blocks.is_empty() {
        return;
    }
    let at = random.below(model.blocks.len() as u64);
    let block = &model.blocks[at as usize];
    for name in [
        BlockRef::Height(at + 1),
        BlockRef::Hash(block.hash),
        BlockRef::Native(block.native),
    ] {
        let stored = chain.block(name).expect("it reads").expect("it is there");
        assert_eq!(stored.block.transactions, block.transactions);
        assert_eq!((stored.hash, stored.native), (block.hash, block.native));
        assert_eq!(stored.block.header.time, block.time);
    }
    let again = NativeBlock {
        hash: block.native,
        candidate: CandidateBlock {
            context: block.context,
            payload: Arc::clone(&block.payload),
            carried: Carried::Unchecked,
        },
    };
    let known = chain.connect(again.clone()).expect("it is known");
    assert_eq!((known.status, known.height), (ConnectStatus::Known, at + 1));
    let mut other = again;
    other.candidate.payload = vec![0; 8].into();
    assert_eq!(code(chain.connect(other)), Some(Code::Conflict));
}

#[test]
fn random_operations_never_differ_from_the_model() {
    let seed = std::env::var("METACHAIN_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(20_260_101);
    live(seed, OPERATIONS, None);
}

/// Each bug is planted into the model, and each time the two must be told apart.
#[test]
fn a_planted_bug_is_a_difference() {
    for planted in [
        Planted::Debit,
        Planted::Window,
        Planted::Undo,
        Planted::Emptied,
    ] {
        let lived = std::panic::catch_unwind(|| live(3, 2_000, Some(planted)));
        assert!(lived.is_err(), "{planted:?} made no difference");
    }
}

fn live(seed: u64, operations: u64, planted: Option<Planted>) {
    let mut random = Random::new(seed);
    let directory = tempfile::tempdir().expect("a directory");
    let fresh = || Model {
        planted,
        ..Model::new(support::genesis())
    };
    let mut model = fresh();
    let mut chain = FILES.open(directory.path(), &model);
    let mut highest = 0;
    for operation in 0..operations {
        match random.below(100) {
            // Opening a store costs as much as a hundred other operations.
            0 if random.chance(5) => {
                chain.close().expect("it closes");
                chain = FILES.open(directory.path(), &model);
            }
            1..=14 => retreat(&chain, &mut model, highest, &mut random),
            15..=24 => compare(&chain, &model, &mut random),
            _ => extend(&chain, &mut model, &mut random),
        }
        highest = highest.max(model.blocks.len() as u64);
        // A short chain keeps restarts cheap: begin anew now and then.
        if model.blocks.len() > 300 || operation % 10_000 == 9_999 {
            compare(&chain, &model, &mut random);
            chain.close().expect("it closes");
            std::fs::remove_dir_all(directory.path()).expect("it was ours");
            model = fresh();
            chain = FILES.open(directory.path(), &model);
            highest = 0;
        }
    }
    chain.close().expect("it closes");
}
