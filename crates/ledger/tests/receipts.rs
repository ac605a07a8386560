//! Why single transactions are left out, in which order reasons are judged, and what is not a reason.

mod common;

use common::{Chain, amount, deposit, genesis, meta, native, transfer, txid, with_txid, withdraw};
use libmetachain_ledger::Account;
use libmetachain_primitives::{
    Code, Genesis, NativeAddress, Network, Receipt, Transaction, payload_bytes_of,
};

const SUPPLY_MAX: u64 = (1 << 63) - 1;

#[test]
fn every_kind_moves_what_it_says_and_only_debits_count() {
    let mut chain = Chain::new(genesis(&[(1, 100)]));
    let (_, rejected) = chain.extend(&[deposit(2, 50), transfer(1, 2, 30), withdraw(2, 80)]);
    assert_eq!(rejected, []);
    assert_eq!(
        chain.ledger.account(&meta(1)),
        Some(Account {
            balance: 70,
            sequence: 1
        })
    );
    assert_eq!(
        chain.ledger.account(&meta(2)),
        Some(Account {
            balance: 0,
            sequence: 1
        })
    );
    assert_eq!(chain.ledger.tip().supply, 70);
    assert_eq!(chain.ledger.accounts_len(), 2);
}

#[test]
fn a_transfer_to_oneself_leaves_the_balance_and_counts_once() {
    let mut chain = Chain::new(genesis(&[(1, 100)]));
    let (_, rejected) = chain.extend(&[transfer(1, 1, 100), transfer(1, 1, 101)]);
    assert_eq!(rejected, [(1, Code::InsufficientBalance)]);
    assert_eq!(
        chain.ledger.account(&meta(1)),
        Some(Account {
            balance: 100,
            sequence: 1
        })
    );
}

#[test]
fn an_insufficient_balance_is_told_as_it_is_at_that_moment() {
    let chain = Chain::new(genesis(&[(1, 100)]));
    let entries = [
        transfer(1, 2, 60),
        transfer(1, 2, 60),
        transfer(9, 1, 1),
        withdraw(2, 61),
    ];
    let minted = chain
        .ledger
        .mint(&chain.context(0), &entries)
        .expect("mint");
    let found: Vec<_> = minted
        .rejected
        .iter()
        .map(|rejection| {
            (
                rejection.index,
                rejection.receipt.code,
                rejection.receipt.balance,
            )
        })
        .collect();
    let code = Code::InsufficientBalance;
    assert_eq!(
        found,
        [(1, code, Some(40)), (2, code, Some(0)), (3, code, Some(60))]
    );
}

#[test]
fn a_rejected_transaction_creates_no_account() {
    let mut chain = Chain::new(genesis(&[(1, 5)]));
    let root = chain.ledger.tip().state_root;
    let (block, rejected) = chain.extend(&[transfer(1, 2, 6), withdraw(3, 1), transfer(4, 5, 1)]);
    assert_eq!(rejected.len(), 3);
    assert_eq!(
        (chain.ledger.accounts_len(), chain.ledger.leaves_len()),
        (1, 2)
    );
    assert_eq!(block.header.state_root, root);
}

#[test]
fn the_supply_stops_at_its_maximum_and_not_before() {
    let mut chain = Chain::new(genesis(&[(1, SUPPLY_MAX - 10)]));
    let (_, rejected) = chain.extend(&[deposit(2, 11), deposit(2, 10), deposit(2, 1)]);
    assert_eq!(
        rejected,
        [(0, Code::SupplyOverflow), (2, Code::SupplyOverflow)]
    );
    assert_eq!(chain.ledger.tip().supply, SUPPLY_MAX);
    let (_, rejected) = chain.extend(&[withdraw(1, 1), deposit(3, 1), deposit(3, 1)]);
    assert_eq!(rejected, [(2, Code::SupplyOverflow)]);
    // One account may hold all of it.
    let (_, rejected) = chain.extend(&[transfer(2, 1, 10), transfer(3, 1, 1)]);
    assert_eq!(rejected, []);
    let all = Account {
        balance: SUPPLY_MAX,
        sequence: 1,
    };
    assert_eq!(chain.ledger.account(&meta(1)), Some(all));
}

#[test]
fn reasons_are_judged_in_their_order() {
    let mut genesis = genesis(&[(1, SUPPLY_MAX)]);
    genesis.transactions_max = 1;
    let mut chain = Chain::new(genesis);
    chain.extend(&[with_txid(transfer(1, 1, 1), 7)]);
    // Full and over the supply: full. Used, full and over: used. Malformed and all that: malformed.
    let (_, rejected) = chain.extend(&[
        with_txid(transfer(1, 1, 1), 7),
        transfer(1, 1, 1),
        deposit(1, 1),
        with_txid(deposit(1, 1), 7),
        withdraw(5, 1),
        Err(Receipt::new(Code::InvalidKind, "")),
    ]);
    let codes = [
        (0, Code::DuplicateTxid),
        (2, Code::BlockFull),
        (3, Code::DuplicateTxid),
        (4, Code::BlockFull),
        (5, Code::InvalidKind),
    ];
    assert_eq!(rejected, codes);
}

#[test]
fn a_receipt_given_is_the_receipt_returned() {
    let chain = Chain::new(genesis(&[]));
    let given: Vec<_> = [Code::InvalidAddress, Code::InvalidKind, Code::InvalidAmount]
        .into_iter()
        .map(|code| Receipt::new(code, format!("because of {code}")))
        .collect();
    let entries: Vec<_> = given.iter().cloned().map(Err).collect();
    let minted = chain
        .ledger
        .mint(&chain.context(0), &entries)
        .expect("mint");
    let found: Vec<_> = minted
        .rejected
        .into_iter()
        .map(|rejection| rejection.receipt)
        .collect();
    assert_eq!(found, given);
    assert!(minted.block.transactions.is_empty());
}

#[test]
fn a_native_address_of_another_network_is_no_address_here() {
    let from = NativeAddress::PubkeyHash([1; 20]);
    let foreign = Ok(Transaction::Deposit {
        from,
        to: meta(1),
        amount: amount(1),
        txid: None,
    });
    let mut chain = Chain::new(genesis(&[]));
    let (_, rejected) = chain.extend(&[foreign.clone(), deposit(1, 1)]);
    assert_eq!(rejected, [(0, Code::InvalidAddress)]);
    let mut chain = Chain::new(Genesis::new("btc", Network::BitcoinMainnet));
    let (_, rejected) = chain.extend(&[foreign, deposit(1, 1)]);
    assert_eq!(rejected, [(1, Code::InvalidAddress)]);
}

/// A deposit whose payload takes a chosen number of bytes beyond the smallest.
fn deposit_of(more: usize) -> common::Entry {
    let from = NativeAddress::Opaque(vec![b'n'; more + 1]);
    Ok(Transaction::Deposit {
        from,
        to: meta(1),
        amount: amount(1),
        txid: None,
    })
}

#[test]
fn a_full_payload_leaves_out_what_does_not_fit_and_takes_the_smaller_one_after_it() {
    let mut genesis = genesis(&[]);
    genesis.payload_bytes_max = 1024;
    let one = payload_bytes_of(&deposit_of(0).expect("a transaction"));
    let least = libmetachain_primitives::payload::PAYLOAD_BYTES_LEAST;
    let fitting = (1024 - least) / one;
    let left = (1024 - least) % one;
    let chain = Chain::new(genesis);
    // All the room but `left`, less one whole transaction; then one too long by a byte, then one
    // that fits to the byte, then nothing fits any more.
    let mut entries: Vec<_> = (1..fitting).map(|_| deposit_of(0)).collect();
    entries.extend([deposit_of(left + 1), deposit_of(left), deposit_of(0)]);
    let minted = chain
        .ledger
        .mint(&chain.context(0), &entries)
        .expect("mint");
    let full = fitting as u32 - 1;
    let found: Vec<_> = minted
        .rejected
        .iter()
        .map(|r| (r.index, r.receipt.code))
        .collect();
    assert_eq!(
        found,
        [(full, Code::BlockFull), (full + 2, Code::BlockFull)]
    );
    assert_eq!(minted.payload.len(), 1024);
}

#[test]
fn an_id_is_used_only_by_what_was_accepted() {
    let mut chain = Chain::new(genesis(&[(1, 10)]));
    let (_, rejected) = chain.extend(&[
        with_txid(transfer(1, 2, 11), 1),
        with_txid(transfer(1, 2, 5), 1),
        with_txid(transfer(1, 2, 1), 1),
        transfer(1, 2, 1),
        transfer(1, 2, 1),
    ]);
    assert_eq!(
        rejected,
        [(0, Code::InsufficientBalance), (2, Code::DuplicateTxid)]
    );
}

#[test]
fn an_id_may_return_after_the_window_and_again_once_its_block_is_undone() {
    let mut genesis = genesis(&[(1, 100)]);
    genesis.replay_window = 2;
    let mut chain = Chain::new(genesis);
    let pay = || [with_txid(transfer(1, 2, 1), 9)];
    let used = [(0, Code::DuplicateTxid)];
    assert_eq!(chain.extend(&pay()).1, []);
    assert_eq!(chain.extend(&pay()).1, used);
    assert_eq!(chain.extend(&pay()).1, used);
    // Block 4: block 1 is three back, out of the window.
    assert_eq!(chain.extend(&pay()).1, []);
    assert_eq!(chain.extend(&pay()).1, used);
    // Without blocks 4 and 5 the id of block 1 is out of reach for a new block 4 as before, ...
    chain.revert();
    chain.revert();
    assert_eq!(chain.extend(&pay()).1, []);
    // ... but not for a new block 3: what had slid out came back.
    chain.revert();
    chain.revert();
    assert_eq!(chain.extend(&pay()).1, used);
    // Without block 1 nothing remembers it.
    (0..3).for_each(|_| chain.revert());
    assert_eq!(chain.extend(&pay()).1, []);
}

#[test]
fn without_a_window_ids_are_unique_within_a_block_only() {
    let mut genesis = genesis(&[(1, 100)]);
    genesis.replay_window = 0;
    let mut chain = Chain::new(genesis);
    let twice = [
        with_txid(transfer(1, 2, 1), 9),
        with_txid(transfer(1, 2, 1), 9),
    ];
    for _ in 0..3 {
        assert_eq!(chain.extend(&twice).1, [(1, Code::DuplicateTxid)]);
    }
    chain.revert();
    assert_eq!(chain.extend(&twice).1, [(1, Code::DuplicateTxid)]);
}

#[test]
fn the_zero_address_is_an_account_like_any_other() {
    let mut chain = Chain::new(genesis(&[(1, 10)]));
    assert_eq!(
        (chain.ledger.account(&meta(0)), chain.ledger.accounts_len()),
        (None, 1)
    );
    chain.extend(&[transfer(1, 0, 4)]);
    let account = Account {
        balance: 4,
        sequence: 0,
    };
    assert_eq!(
        (chain.ledger.account(&meta(0)), chain.ledger.accounts_len()),
        (Some(account), 2)
    );
    let (_, rejected) = chain.extend(&[withdraw(0, 4), transfer(0, 1, 1)]);
    assert_eq!(rejected, [(1, Code::InsufficientBalance)]);
    let account = Account {
        balance: 0,
        sequence: 1,
    };
    assert_eq!(
        (chain.ledger.account(&meta(0)), chain.ledger.accounts_len()),
        (Some(account), 2)
    );
    chain.revert();
    chain.revert();
    assert_eq!(
        (chain.ledger.account(&meta(0)), chain.ledger.accounts_len()),
        (None, 1)
    );
}

#[test]
fn an_empty_block_is_a_normal_block() {
    let mut chain = Chain::new(genesis(&[(1, 10)]));
    let before = *chain.ledger.tip();
    let (block, _) = chain.extend(&[]);
    assert_eq!(
        (block.header.tx_count, block.header.state_root),
        (0, before.state_root)
    );
    assert_ne!(chain.ledger.tip().hash, before.hash);
    chain.revert();
    assert_eq!(*chain.ledger.tip(), before);
}

#[test]
fn ids_and_natives_come_back_as_they_went_in() {
    let mut chain = Chain::new(genesis(&[]));
    let (block, _) = chain.extend(&[with_txid(deposit(1, 5), 3)]);
    let expected = Transaction::Deposit {
        from: native(1),
        to: meta(1),
        amount: amount(5),
        txid: Some(txid(3)),
    };
    assert_eq!(block.transactions, [expected]);
}
