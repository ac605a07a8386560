//! Every lie that a header can tell, with its verdict, and the order in which lies are found.

mod common;

use common::{Chain, Entry, deposit, genesis, native_hash, transfer, with_txid, withdraw};
use libmetachain_ledger::{Candidate, Carried, Checked, Context};
use libmetachain_primitives::{
    Block, BlockHash, Code, Detail, Error, Root, Transaction, encode_payload, tx_root,
};

/// A chain of two blocks, and an honest third one.
fn honest() -> (Chain, Context, Block) {
    let mut chain = Chain::new(genesis(&[(1, 1_000), (2, 50)]));
    chain.extend(&[transfer(1, 3, 10)]);
    chain.extend(&[with_txid(deposit(4, 10), 1)]);
    let context = chain.context(99);
    let entries = [transfer(1, 2, 5), withdraw(2, 7), deposit(5, 9)];
    let block = chain.ledger.mint(&context, &entries).expect("mint").block;
    (chain, context, block)
}

fn check(
    chain: &Chain,
    context: Context,
    block: &Block,
    carried: Carried,
) -> Result<Checked, Error> {
    let payload = encode_payload(block).expect("a payload");
    chain.ledger.check(&Candidate {
        context,
        payload: &payload,
        carried,
    })
}

/// The verdict on the honest block after a change.
fn verdict(change: impl FnOnce(&mut Block)) -> Error {
    let (chain, context, mut block) = honest();
    change(&mut block);
    check(&chain, context, &block, Carried::Unchecked)
        .map(|_| ())
        .expect_err("a lie")
}

#[test]
fn the_honest_block_passes() {
    let (mut chain, context, block) = honest();
    let carried = Carried::Root(tx_root(&block.transactions));
    let checked = check(&chain, context, &block, carried).expect("honest");
    assert_eq!(checked.hash, block.header.hash());
    chain
        .ledger
        .apply(checked.delta, native_hash(9, 9))
        .expect("apply");
    assert_eq!(chain.ledger.tip().hash, block.header.hash());
}

#[test]
fn every_claim_of_the_header_has_its_verdict() {
    let one = |root: &mut Root| root.0[31] ^= 1;
    let hash = |hash: &mut BlockHash| hash.0[0] ^= 1;
    type Lie = Box<dyn FnOnce(&mut Block)>;
    let lies: Vec<(Code, Lie)> = vec![
        (
            Code::InvalidVersion,
            Box::new(|block| block.header.version += 1),
        ),
        (
            Code::InvalidGenesis,
            Box::new(move |block| hash(&mut block.header.genesis)),
        ),
        (
            Code::InvalidParent,
            Box::new(move |block| hash(&mut block.header.parent)),
        ),
        (
            Code::InvalidParent,
            Box::new(|block| block.header.native_parent.0[5] ^= 1),
        ),
        (
            Code::InvalidHeight,
            Box::new(|block| block.header.height += 1),
        ),
        (
            Code::InvalidHeight,
            Box::new(|block| block.header.native_height -= 1),
        ),
        (Code::InvalidTime, Box::new(|block| block.header.time += 1)),
        (Code::InvalidTime, Box::new(|block| block.header.time -= 1)),
        (
            Code::InvalidTxRoot,
            Box::new(|block| block.header.tx_count += 1),
        ),
        (
            Code::InvalidTxRoot,
            Box::new(move |block| one(&mut block.header.tx_root)),
        ),
        (
            Code::InvalidWithdrawalsRoot,
            Box::new(move |block| one(&mut block.header.withdrawals_root)),
        ),
        (
            Code::InvalidStateRoot,
            Box::new(move |block| one(&mut block.header.state_root)),
        ),
        (
            Code::InvalidSupply,
            Box::new(|block| block.header.supply += 1),
        ),
    ];
    for (code, lie) in lies {
        let error = verdict(lie);
        assert_eq!(error.code(), code, "{error}");
        assert!(error.is_verdict() && !error.is_retryable());
    }
}

#[test]
fn the_earlier_lie_is_the_one_that_is_found() {
    // From the last to be judged to the first: each hides all before it.
    type Lie = (Code, fn(&mut Block));
    let lies: [Lie; 11] = [
        (Code::InvalidSupply, |block| block.header.supply += 1),
        (Code::InvalidStateRoot, |block| {
            block.header.state_root.0[0] ^= 1
        }),
        (Code::InvalidWithdrawalsRoot, |block| {
            block.header.withdrawals_root.0[0] ^= 1
        }),
        (Code::InvalidTxRoot, |block| block.header.tx_root.0[0] ^= 1),
        (Code::InvalidTxRoot, |block| block.header.tx_count += 1),
        (Code::InvalidTime, |block| block.header.time += 1),
        (Code::InvalidHeight, |block| block.header.native_height += 1),
        (Code::InvalidHeight, |block| block.header.height += 1),
        (Code::InvalidParent, |block| block.header.parent.0[0] ^= 1),
        (Code::InvalidGenesis, |block| block.header.genesis.0[0] ^= 1),
        (Code::InvalidVersion, |block| block.header.version += 1),
    ];
    for count in 1..=lies.len() {
        let error = verdict(|block| lies[..count].iter().for_each(|(_, lie)| lie(block)));
        assert_eq!(error.code(), lies[count - 1].0, "{count} lies: {error}");
    }
}

#[test]
fn the_payload_must_contain_exactly_what_the_native_block_carries() {
    let (chain, context, block) = honest();
    let mut fewer = block.transactions.clone();
    fewer.pop();
    let mut swapped = block.transactions.clone();
    swapped.swap(0, 1);
    for carried in [&fewer, &swapped, &Vec::new()] {
        let carried = Carried::Root(tx_root(carried));
        let error = check(&chain, context, &block, carried)
            .map(|_| ())
            .expect_err("not carried");
        assert_eq!(error.code(), Code::InvalidTransactions);
    }
    // It is judged before the transaction root in the header, and after the time.
    let mut lying = block.clone();
    lying.header.tx_root = Root::ZERO;
    let carried = Carried::Root(Root::ZERO);
    let error = check(&chain, context, &lying, carried)
        .map(|_| ())
        .expect_err("not carried");
    assert_eq!(error.code(), Code::InvalidTransactions);
    lying.header.time += 1;
    let error = check(&chain, context, &lying, carried)
        .map(|_| ())
        .expect_err("a wrong time");
    assert_eq!(error.code(), Code::InvalidTime);
}

/// An honest header around transactions that cannot be executed.
fn refused(entries: &[Entry]) -> Error {
    let transactions: Vec<Transaction> = entries
        .iter()
        .map(|entry| entry.clone().expect("well-formed"))
        .collect();
    verdict(move |block| {
        block.header.tx_count = transactions.len() as u32;
        block.header.tx_root = tx_root(&transactions);
        block.transactions = transactions;
    })
}

#[test]
fn the_first_transaction_that_cannot_be_executed_is_named() {
    let foreign = Transaction::Withdraw {
        from: common::meta(1),
        to: libmetachain_primitives::NativeAddress::ScriptHash([0; 20]),
        amount: common::amount(1),
        txid: None,
    };
    let big = (1 << 63) - 1;
    let cases: [(&[Entry], u64, Code); 5] = [
        (
            &[transfer(1, 2, 1), transfer(8, 1, 1), transfer(9, 1, 1)],
            1,
            Code::InsufficientBalance,
        ),
        (&[with_txid(deposit(1, 1), 1)], 0, Code::DuplicateTxid),
        (
            &[with_txid(deposit(1, 1), 2), with_txid(deposit(1, 1), 2)],
            1,
            Code::DuplicateTxid,
        ),
        (&[deposit(1, 1), deposit(1, big)], 1, Code::SupplyOverflow),
        (&[Ok(foreign)], 0, Code::InvalidAddress),
    ];
    for (entries, index, receipt) in cases {
        let error = refused(entries);
        assert_eq!(error.code(), Code::InvalidTransaction, "{error}");
        assert_eq!(error.detail("index"), Some(&Detail::Number(index)));
        assert_eq!(
            error.detail("receipt"),
            Some(&Detail::Text(receipt.as_str().into()))
        );
    }
}

#[test]
fn an_amount_of_zero_in_a_payload_is_refused() {
    let (chain, context, mut block) = honest();
    let Transaction::Transfer { from, to, .. } = block.transactions[0].clone() else {
        panic!("the first is a transfer");
    };
    // No amount of zero can be made here: it is written into the bytes.
    let amount = common::amount(0x0102_0304_0506_0708);
    block.transactions = vec![Transaction::Transfer {
        from,
        to,
        amount,
        txid: None,
    }];
    block.header.tx_count = 1;
    let payload = encode_payload(&block).expect("a payload");
    let needle = 0x0102_0304_0506_0708u64.to_le_bytes();
    let at = payload
        .windows(8)
        .position(|window| window == needle)
        .expect("the amount");
    for units in [0, 1u64 << 63, u64::MAX] {
        let mut payload = payload.clone();
        payload[at..at + 8].copy_from_slice(&units.to_le_bytes());
        let read =
            libmetachain_primitives::decode_payload(&payload, 1 << 20, 10).expect("readable");
        let mut block = read.clone();
        block.header.tx_root = tx_root(&read.transactions);
        let error = check(&chain, context, &block, Carried::Unchecked)
            .map(|_| ())
            .expect_err("refused");
        assert_eq!(error.code(), Code::InvalidTransaction, "{units}: {error}");
        assert_eq!(
            error.detail("receipt"),
            Some(&Detail::Text("INVALID_AMOUNT".into()))
        );
    }
}

#[test]
fn sizes_and_encodings_are_judged_first() {
    let mut genesis = genesis(&[(1, 1_000)]);
    genesis.transactions_max = 2;
    genesis.payload_bytes_max = 1024;
    let chain = Chain::new(genesis.clone());
    let context = chain.context(0);
    let judge = |payload: &[u8]| {
        let candidate = Candidate {
            context,
            payload,
            carried: Carried::Unchecked,
        };
        chain
            .ledger
            .check(&candidate)
            .map(|_| ())
            .expect_err("refused")
            .code()
    };
    // The same chain with wider limits mints what this one must refuse.
    let wide = libmetachain_primitives::Genesis {
        transactions_max: 100,
        payload_bytes_max: 1 << 20,
        ..genesis
    };
    let wide = Chain::new(wide);
    let minted = |count| {
        let entries = vec![transfer(1, 2, 1); count];
        wide.ledger.mint(&context, &entries).expect("mint").payload
    };
    assert_eq!(judge(&minted(50)), Code::InvalidSize);
    assert_eq!(judge(&minted(3)), Code::InvalidSize);
    assert_eq!(judge(&minted(2)), Code::InvalidGenesis);
    assert_eq!(judge(&vec![0; 1025]), Code::InvalidSize);
    assert_eq!(judge(&[0; 1024]), Code::InvalidEncoding);
    assert_eq!(judge(&[]), Code::InvalidEncoding);
    let short = minted(2);
    assert_eq!(judge(&short[..short.len() - 1]), Code::InvalidEncoding);
}

#[test]
fn no_flipped_bit_of_a_payload_passes() {
    let (chain, context, block) = honest();
    let payload = encode_payload(&block).expect("a payload");
    let carried = Carried::Root(tx_root(&block.transactions));
    for at in 0..payload.len() * 8 {
        let mut payload = payload.clone();
        payload[at / 8] ^= 1 << (at % 8);
        let judged = chain.ledger.check(&Candidate {
            context,
            payload: &payload,
            carried,
        });
        let error = judged.map(|_| ()).expect_err("a changed payload");
        assert!(error.is_verdict(), "bit {at}: {error}");
    }
}

#[test]
fn out_of_order_is_no_verdict() {
    let (chain, context, block) = honest();
    let elsewhere = Context {
        native_parent: native_hash(1, 77),
        ..context
    };
    let error = check(&chain, elsewhere, &block, Carried::Unchecked)
        .map(|_| ())
        .expect_err("order");
    assert_eq!(error.code(), Code::UnknownParent);
    assert!(!error.is_verdict() && error.is_retryable());
    assert_eq!(
        chain
            .ledger
            .mint(&elsewhere, &[])
            .map(|_| ())
            .expect_err("order")
            .code(),
        Code::UnknownParent
    );
    for native_height in [
        context.native_height - 1,
        context.native_height + 1,
        0,
        u64::MAX,
    ] {
        let elsewhere = Context {
            native_height,
            ..context
        };
        let error = check(&chain, elsewhere, &block, Carried::Unchecked)
            .map(|_| ())
            .expect_err("height");
        assert_eq!(error.code(), Code::BadArgument);
        assert!(!error.is_verdict());
        assert_eq!(
            chain
                .ledger
                .mint(&elsewhere, &[])
                .map(|_| ())
                .expect_err("height")
                .code(),
            Code::BadArgument
        );
    }
    // Rubbish out of order is out of order, too.
    let candidate = Candidate {
        context: Context {
            native_parent: native_hash(1, 77),
            ..context
        },
        payload: &[1, 2, 3],
        carried: Carried::Unchecked,
    };
    assert_eq!(
        chain
            .ledger
            .check(&candidate)
            .map(|_| ())
            .expect_err("order")
            .code(),
        Code::UnknownParent
    );
}

#[test]
fn the_first_block_is_at_the_native_start_or_anywhere() {
    let mut genesis = genesis(&[]);
    let at = |native_height, native_parent| Context {
        native_height,
        native_parent,
        time: 0,
    };
    let free = Chain::new(genesis.clone());
    for height in [0, 1, 800_000, u64::MAX] {
        for parent in [native_hash(1, 1), native_hash(2, 2)] {
            free.ledger.mint(&at(height, parent), &[]).expect("free");
        }
    }
    genesis.native_start = Some(500);
    let fixed = Chain::new(genesis);
    fixed
        .ledger
        .mint(&at(500, native_hash(1, 1)), &[])
        .expect("the start");
    for height in [0, 499, 501] {
        let error = fixed
            .ledger
            .mint(&at(height, native_hash(1, 1)), &[])
            .map(|_| ())
            .expect_err("elsewhere");
        assert_eq!(error.code(), Code::BadArgument);
    }
    // Beyond the last native height nothing follows.
    let mut last = free;
    let minted = last
        .ledger
        .mint(&at(u64::MAX, native_hash(1, 1)), &[])
        .expect("free");
    last.ledger
        .apply(minted.delta, native_hash(3, 3))
        .expect("apply");
    for height in [0, u64::MAX] {
        let error = last
            .ledger
            .mint(&at(height, native_hash(3, 3)), &[])
            .map(|_| ())
            .expect_err("the end");
        assert_eq!(error.code(), Code::BadArgument);
    }
}

#[test]
fn time_never_goes_back() {
    let mut genesis = genesis(&[]);
    genesis.time = 100;
    let mut chain = Chain::new(genesis);
    let time_of = |chain: &Chain, time| {
        chain
            .ledger
            .mint(&chain.context(time), &[])
            .expect("mint")
            .block
            .header
            .time
    };
    assert_eq!(
        [
            time_of(&chain, 99),
            time_of(&chain, 100),
            time_of(&chain, 101)
        ],
        [100, 100, 101]
    );
    let minted = chain.ledger.mint(&chain.context(500), &[]).expect("mint");
    chain
        .ledger
        .apply(minted.delta, native_hash(7, 1))
        .expect("apply");
    assert_eq!(time_of(&chain, 7), 500);
}

#[test]
fn an_effect_applies_only_where_it_was_computed() {
    let (mut chain, context, block) = honest();
    let delta = || {
        check(&chain, context, &block, Carried::Unchecked)
            .expect("honest")
            .delta
    };
    let (first, second) = (delta(), delta());
    chain.ledger.apply(first, native_hash(9, 9)).expect("apply");
    let before = common::dump(&chain.ledger);
    let error = chain
        .ledger
        .apply(second, native_hash(10, 10))
        .expect_err("stale");
    assert_eq!(error.code(), Code::BadArgument);
    assert_eq!(common::dump(&chain.ledger), before);
}
