//! What replaying and restoring refuse: stored data that is not what a ledger wrote.

mod common;

use common::{Chain, deposit, dump, genesis, meta, native_hash, transfer, with_txid, withdraw};
use libmetachain_ledger::{ACCOUNT_RECORD_BYTES, Ledger, Replay, Restore, Tip, Undo};
use libmetachain_primitives::{Block, Code, Genesis, NativeHash, Result, Root, TxId};

fn parameters() -> Genesis {
    let mut genesis = genesis(&[(1, 100), (2, 200), (3, 300)]);
    genesis.replay_window = 3;
    genesis
}

/// Five blocks, the chain after them, and where they were carried.
fn lived() -> (Chain, Vec<(Block, NativeHash)>) {
    let mut chain = Chain::new(parameters());
    let blocks = (0..5u8)
        .map(|number| {
            let entries = [
                with_txid(transfer(1, 10 + number, 3), number),
                deposit(2, 7),
                withdraw(3, 9),
            ];
            let (block, rejected) = chain.extend(&entries);
            assert_eq!(rejected, []);
            let (_, native) = chain.ledger.tip().native.expect("carried");
            (block, native)
        })
        .collect();
    (chain, blocks)
}

fn code<T>(result: Result<T>) -> Code {
    result.map(|_| ()).expect_err("refused").code()
}

fn replay(blocks: &[(Block, NativeHash)]) -> Result<Ledger> {
    let mut replay = Replay::new(parameters())?;
    for (block, native) in blocks {
        replay.replay(block, *native)?;
    }
    replay.finish_replay()
}

#[test]
fn blocks_alone_rebuild_everything() {
    let (chain, blocks) = lived();
    assert_eq!(dump(&replay(&blocks).expect("replay")), dump(&chain.ledger));
    let fresh = Ledger::new(parameters()).expect("genesis");
    assert_eq!(dump(&replay(&[]).expect("replay")), dump(&fresh));
}

#[test]
fn blocks_that_do_not_follow_or_execute_are_corrupt() {
    let (_, blocks) = lived();
    type Blocks = Vec<(Block, NativeHash)>;
    let changed = |change: &dyn Fn(&mut Blocks)| {
        let mut blocks = blocks.clone();
        change(&mut blocks);
        code(replay(&blocks))
    };
    assert_eq!(
        changed(&|blocks| drop(blocks.remove(2))),
        Code::StoreCorrupt
    );
    assert_eq!(changed(&|blocks| blocks.swap(1, 2)), Code::StoreCorrupt);
    assert_eq!(
        changed(&|blocks| blocks[1].1 = native_hash(0, 0)),
        Code::StoreCorrupt
    );
    assert_eq!(
        changed(&|blocks| blocks[2].0.header.height += 1),
        Code::StoreCorrupt
    );
    assert_eq!(
        changed(&|blocks| blocks[2].0.header.native_height += 1),
        Code::StoreCorrupt
    );
    assert_eq!(
        changed(&|blocks| blocks[4].0.header.supply += 1),
        Code::StoreCorrupt
    );
    assert_eq!(
        changed(&|blocks| blocks[4].0.header.state_root.0[0] ^= 1),
        Code::StoreCorrupt
    );
    assert_eq!(
        changed(&|blocks| blocks[4].0.transactions.push(transfer(9, 1, 1).unwrap())),
        Code::StoreCorrupt
    );
    // Same supply, other accounts: only the root can tell.
    assert_eq!(
        changed(&|blocks| blocks[4].0.transactions[0] = transfer(1, 99, 3).unwrap()),
        Code::StoreCorrupt
    );
}

#[test]
fn replay_takes_blocks_back_as_the_log_did() {
    let (mut chain, blocks) = lived();
    let undo: Vec<Undo> = chain.undo.clone();
    let mut replay = Replay::new(parameters()).expect("genesis");
    for (block, native) in &blocks {
        replay.replay(block, *native).expect("a stored block");
    }
    assert_eq!(code(replay.revert(&undo[3])), Code::StoreCorrupt);
    for number in [4, 3] {
        replay.revert(&undo[number]).expect("the tip's undo");
        chain.revert();
        assert_eq!(*replay.tip(), *chain.ledger.tip());
    }
    assert_eq!(
        dump(&replay.finish_replay().expect("replay")),
        dump(&chain.ledger)
    );
}

#[test]
fn a_ledger_goes_on_replaying() {
    let (chain, blocks) = lived();
    let mut replay = replay(&blocks[..3]).expect("replay").into_replay();
    for (block, native) in &blocks[3..] {
        replay.replay(block, *native).expect("a stored block");
    }
    assert_eq!(
        dump(&replay.finish_replay().expect("replay")),
        dump(&chain.ledger)
    );
}

/// What a snapshot of the chain holds.
fn snapshot(ledger: &Ledger) -> (Vec<u8>, Vec<Vec<TxId>>) {
    let mut records = Vec::new();
    assert_eq!(
        ledger.read_accounts(0, u32::MAX, &mut records),
        ledger.leaves_len()
    );
    assert_eq!(
        records.len(),
        ledger.leaves_len() as usize * ACCOUNT_RECORD_BYTES
    );
    (
        records,
        ledger.window().map(|(_, txids)| txids.to_vec()).collect(),
    )
}

fn restore(ledger: &Ledger, records: &[u8], window: Vec<Vec<TxId>>) -> Result<Ledger> {
    let mut restore = Restore::new(parameters())?;
    for records in records.chunks(2 * ACCOUNT_RECORD_BYTES) {
        restore.accounts(records)?;
    }
    let leaves = (records.len() / ACCOUNT_RECORD_BYTES) as u32;
    restore
        .finish(*ledger.tip(), leaves, window)?
        .finish_replay()
}

#[test]
fn no_changed_byte_of_a_snapshots_accounts_passes() {
    let (chain, _) = lived();
    let (records, window) = snapshot(&chain.ledger);
    let whole = restore(&chain.ledger, &records, window.clone()).expect("restored");
    assert_eq!(dump(&whole), dump(&chain.ledger));
    for at in 0..records.len() {
        let mut changed = records.clone();
        changed[at] ^= 1;
        let refused = restore(&chain.ledger, &changed, window.clone());
        assert_eq!(code(refused), Code::SnapshotInvalid, "byte {at}");
    }
    for cut in 1..records.len() {
        let refused = restore(&chain.ledger, &records[..cut], window.clone());
        assert_eq!(code(refused), Code::SnapshotInvalid, "cut at {cut}");
    }
}

#[test]
fn a_snapshot_with_other_accounts_or_another_window_is_refused() {
    let (chain, _) = lived();
    let (records, window) = snapshot(&chain.ledger);
    let record = |at: usize| records[at * ACCOUNT_RECORD_BYTES..][..ACCOUNT_RECORD_BYTES].to_vec();
    // Two accounts change places, one is there twice, one is empty.
    let mut swapped = records.clone();
    swapped[ACCOUNT_RECORD_BYTES..3 * ACCOUNT_RECORD_BYTES]
        .copy_from_slice(&[record(2), record(1)].concat());
    let mut empty = vec![9; 20];
    empty.extend([0; 16]);
    let twice = [
        records.clone(),
        [record(1)[..20].to_vec(), vec![0; 16]].concat(),
    ]
    .concat();
    for changed in [swapped, twice, [records.clone(), empty].concat()] {
        assert_eq!(
            code(restore(&chain.ledger, &changed, window.clone())),
            Code::SnapshotInvalid
        );
    }
    let mut short = window.clone();
    short.pop();
    assert_eq!(
        code(restore(&chain.ledger, &records, short)),
        Code::SnapshotInvalid
    );
    let long = vec![Vec::new(); 9];
    assert_eq!(
        code(restore(&chain.ledger, &records, long)),
        Code::SnapshotInvalid
    );
}

#[test]
fn a_snapshot_of_an_impossible_tip_is_refused() {
    let (chain, _) = lived();
    let (records, window) = snapshot(&chain.ledger);
    let honest = *chain.ledger.tip();
    let tips = [
        Tip {
            height: u64::MAX,
            ..honest
        },
        Tip {
            height: 0,
            ..honest
        },
        Tip {
            native: None,
            ..honest
        },
        Tip {
            supply: honest.supply + 1,
            ..honest
        },
        Tip {
            state_root: Root::ZERO,
            ..honest
        },
    ];
    for tip in tips {
        let mut restore = Restore::new(parameters()).expect("genesis");
        restore.accounts(&records).expect("records");
        let restored = restore.finish(tip, chain.ledger.leaves_len(), window.clone());
        let refused = restored.and_then(Replay::finish_replay);
        assert_eq!(code(refused), Code::SnapshotInvalid, "{tip:?}");
    }
}

#[test]
fn late_records_come_over_early_ones_and_what_was_taken_back_is_cut_off() {
    let (mut chain, _) = lived();
    let (early, _) = snapshot(&chain.ledger);
    chain.revert();
    let (_, window) = snapshot(&chain.ledger);
    let mut restore = Restore::new(parameters()).expect("genesis");
    restore.accounts(&early).expect("records");
    for index in 0..chain.ledger.leaves_len() {
        let record = chain.ledger.read_account(index).expect("a record");
        restore.account(index, &record).expect("in order");
    }
    let beyond = chain.ledger.leaves_len() + 9;
    assert_eq!(
        code(restore.account(beyond, &[0; ACCOUNT_RECORD_BYTES])),
        Code::SnapshotInvalid
    );
    assert_eq!(chain.ledger.read_account(chain.ledger.leaves_len()), None);
    let leaves = chain.ledger.leaves_len();
    let restored = restore
        .finish(*chain.ledger.tip(), leaves, window)
        .expect("complete");
    assert_eq!(
        dump(&restored.finish_replay().expect("the root")),
        dump(&chain.ledger)
    );
}

#[test]
fn an_undo_fits_only_the_block_that_it_was_made_for() {
    let (mut chain, _) = lived();
    let before = dump(&chain.ledger);
    assert_eq!(code(chain.ledger.revert(&chain.undo[3])), Code::NotTip);
    // Every changed byte of the right one is found out, but where it only says who the previous tip
    // was, when, and which ids left the window: of that only the store can know better.
    let bytes = chain.undo[4].encode();
    let honest = *chain.undo[4].previous();
    let mut found_out = 0;
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let Ok(undo) = Undo::decode(&changed) else {
            continue;
        };
        match chain.ledger.revert(&undo) {
            Ok(()) => {
                let found = *undo.previous();
                let judged = |tip: Tip| (tip.height, tip.state_root, tip.supply);
                assert_eq!(judged(found), judged(honest), "byte {at}");
                chain = lived().0;
            }
            Err(error) => {
                assert!(
                    matches!(error.code(), Code::NotTip | Code::StoreCorrupt),
                    "{error}"
                );
                found_out += 1;
            }
        }
        assert_eq!(dump(&chain.ledger), before, "nothing changed at byte {at}");
    }
    assert!(found_out > 80, "{found_out}");
    chain.revert();
    assert_eq!(chain.ledger.account(&meta(14)), None);
}
