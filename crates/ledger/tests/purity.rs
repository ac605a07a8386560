//! Minting is a function: the same bytes from every thread, every time, on every ledger that stands
//! at the same tip, whatever its history and its hash keys.

mod common;

use common::{Chain, Entry, deposit, dump, genesis, transfer, with_txid, withdraw};
use std::sync::Arc;

use libmetachain_ledger::{Alone, Candidate, Carried, Hashing, Ledger, Workers};
use libmetachain_primitives::{Amount, MetaAddress, Transaction};

fn entries(round: u8) -> Vec<Entry> {
    (0..200u8)
        .map(|number| match number % 5 {
            0 => deposit(number.wrapping_mul(round | 1), 100),
            1 => withdraw(number, 3),
            2 => with_txid(transfer(1, number, 2), number),
            3 => transfer(number, 1, 1),
            _ => transfer(1, number.wrapping_add(round), 5),
        })
        .collect()
}

#[test]
fn threads_and_repetitions_give_the_same_bytes() {
    let mut chain = Chain::new(genesis(&[(1, 1 << 40), (2, 77)]));
    chain.extend(&entries(1));
    chain.extend(&entries(2));
    let (ledger, context, entries) = (&chain.ledger, chain.context(5), entries(3));
    let before = dump(ledger);
    let first = ledger.mint(&context, &entries).expect("mint");
    assert!(!first.rejected.is_empty() && first.block.transactions.len() > 50);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let minted = ledger.mint(&context, &entries).expect("mint");
                    assert_eq!((&minted.payload, minted.hash), (&first.payload, first.hash));
                    assert_eq!(minted.rejected, first.rejected);
                    assert_eq!(
                        ledger.account(&common::meta(1)),
                        chain.ledger.account(&common::meta(1))
                    );
                }
            });
        }
    });
    assert_eq!(dump(ledger), before);
}

/// The last part first, each on a thread of its own.
struct Backwards;

impl Workers for Backwards {
    fn run(&self, parts: usize, work: &(dyn Fn(usize) + Sync)) {
        for part in (0..parts).rev() {
            std::thread::scope(|scope| drop(scope.spawn(move || work(part))));
        }
    }
}

/// Enough transactions that everything falls into parts: deposits to new accounts, transfers among all, some
/// of which are not covered.
fn many(round: u64) -> Vec<Entry> {
    let account = |number: u64| {
        let mut address = [0x66; 20];
        address[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        MetaAddress(address)
    };
    let amount = |units| Amount::new(units).expect("an amount");
    (0..3_000)
        .map(|number| {
            Ok(if number % 3 == 0 {
                Transaction::Deposit {
                    from: common::native(1),
                    to: account(number + round * 1_500),
                    amount: amount(number + 1),
                    txid: None,
                }
            } else {
                Transaction::Transfer {
                    from: account(number % 1_000 * 3),
                    to: account(number),
                    amount: amount(number / 2 + 1),
                    txid: None,
                }
            })
        })
        .collect()
}

#[test]
fn who_did_which_part_does_not_show() {
    let lent: [Arc<dyn Workers>; 2] = [Arc::new(Alone), Arc::new(Backwards)];
    let [mut alone, mut helped] = lent.map(|workers| {
        let mut chain = Chain::new(genesis(&[(1, 1 << 40)]));
        chain.ledger.lend(workers);
        chain
    });
    for round in 0..4 {
        let (entries, context) = (many(round), alone.context(5));
        let [one, other] = [&alone, &helped].map(|chain| {
            let minted = chain.ledger.mint(&context, &entries).expect("mint");
            let candidate = Candidate {
                context,
                payload: &minted.payload,
                carried: Carried::Root(minted.block.header.tx_root),
            };
            assert_eq!(
                chain.ledger.check(&candidate).expect("check").hash,
                minted.hash
            );
            minted
        });
        assert_eq!((one.payload, one.rejected), (other.payload, other.rejected));
        alone.extend(&entries);
        helped.extend(&entries);
        assert_eq!(dump(&alone.ledger), dump(&helped.ledger));
    }
    alone.revert();
    helped.revert();
    assert_eq!(dump(&alone.ledger), dump(&helped.ledger));
    helped.ledger.verify().expect("it is whole");
}

/// Must not be asked.
struct Asleep;

impl Workers for Asleep {
    fn run(&self, parts: usize, _: &(dyn Fn(usize) + Sync)) {
        panic!("woken for {parts} parts of a small block");
    }
}

#[test]
fn nobody_is_woken_for_a_small_block() {
    let mut chain = Chain::new(genesis(&[(1, 1 << 40), (2, 77)]));
    chain.ledger.lend(Arc::new(Asleep));
    for entries in [entries(1), vec![transfer(1, 2, 3)], Vec::new()] {
        // Mints and applies.
        chain.extend(&entries);
    }
    chain.revert();
}

#[test]
fn history_does_not_show() {
    let mut straight = Chain::new(genesis(&[(1, 1 << 40)]));
    let mut winding = Chain::new(genesis(&[(1, 1 << 40)]));
    straight.extend(&entries(1));
    winding.extend(&entries(9));
    winding.extend(&entries(7));
    winding.revert();
    winding.revert();
    winding.fork = 0;
    winding.extend(&entries(1));
    assert_eq!(dump(&straight.ledger), dump(&winding.ledger));
    let context = straight.context(3);
    let mint = |ledger: &Ledger| ledger.mint(&context, &entries(4)).expect("mint").payload;
    assert_eq!(mint(&straight.ledger), mint(&winding.ledger));
}

#[test]
fn the_way_of_hashing_does_not_show() {
    let mut roots = Vec::new();
    for hashing in [Hashing::Simd, Hashing::Scalar] {
        let genesis = genesis(&[(1, 1 << 40), (9, 4)]);
        let ledger = Ledger::with_hashing(genesis, hashing).expect("genesis");
        let mut chain = Chain {
            ledger,
            undo: Vec::new(),
            fork: 0,
        };
        for round in 0..5 {
            chain.extend(&entries(round));
        }
        chain.revert();
        roots.push(dump(&chain.ledger));
    }
    assert_eq!(roots[0], roots[1]);
}

#[test]
fn the_genesis_root_is_pinned() {
    // Its shape is final: a change here is another chain.
    let empty = Chain::new(genesis(&[])).ledger.tip().state_root.to_string();
    let some = Chain::new(genesis(&[(0, 5), (1, 1), (2, 2)]))
        .ledger
        .tip()
        .state_root
        .to_string();
    assert_eq!(
        empty,
        "9f9e3eb035ddacbf5379e3a3f9fc764da31d28a2d02225639f31219d29c064c3"
    );
    assert_eq!(
        some,
        "68be940b9ebe4763a1f4d01f7fa903ff0d3d70d8f4359c0b67bef52074788e97"
    );
}
