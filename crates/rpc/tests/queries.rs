//! Queries of readers: transactions by their ids, and events from a cursor on.

mod support;

use libmetachain_primitives::{Code, MetaAddress, NativeHash, Network, Transaction, TxId};
use libmetachain_rpc::wire::{
    MetaEvent, MetaEventKind, MetaEventsInput, MetaTransactionRef, MetachainClient,
};
use libmetachain_rpc::{Client, Secret};
use serde_json::json;
use support::{READ, call, chain, client_with, native_block, post, serve};

fn deposit(amount: i64, txid: u8) -> Result<Transaction, libmetachain_primitives::Receipt> {
    let to = MetaAddress([2; 20]).to_string();
    Transaction::parse("host", &to, amount, Some(TxId([txid; 32])), Network::Opaque)
}

fn reader(server: &libmetachain_rpc::RpcServer) -> Client {
    client_with(server.address(), |options| {
        options.secret = Some(Secret::bearer(READ).expect("a token"));
    })
}

#[test]
fn a_transaction_is_found_by_its_id_while_its_block_stands() {
    let chain = chain();
    let server = serve(&chain, |_| ());
    let client = reader(&server);
    let look = |txid: u8| {
        let txid = vec![txid; 32];
        client.meta_get_transaction(&MetaTransactionRef { txid })
    };
    chain
        .connect(native_block(&chain, 1, &[deposit(5, 8), deposit(7, 9)]))
        .expect("it connects");
    let found = look(9).expect("an answer").found.expect("it is there");
    assert_eq!((found.height, found.index), (1, 1));
    assert_eq!(found.transaction.amount, 7);
    assert_eq!(found.transaction.from, "host");
    assert_eq!(found.transaction.txid, Some(vec![9; 32]));
    assert_eq!(look(1).expect("an answer").found, None);

    chain
        .disconnect(NativeHash([1; 32]))
        .expect("it is the tip");
    assert_eq!(look(9).expect("an answer").found, None);
    let short = MetaTransactionRef { txid: vec![9; 31] };
    let error = client.meta_get_transaction(&short).expect_err("no id");
    assert_eq!(error.known(), Some(Code::BadArgument));
}

/// All events behind a cursor, asked for a few at a time.
fn all(client: &Client, mut after: Option<String>, max: u32) -> Vec<MetaEvent> {
    let mut events = Vec::new();
    loop {
        let input = MetaEventsInput {
            after: after.clone(),
            max,
        };
        let page = client.meta_get_events(&input).expect("an answer").events;
        assert!(max == 0 || page.len() <= max as usize);
        let Some(last) = page.last() else {
            return events;
        };
        after = Some(last.cursor.clone());
        events.extend(page);
    }
}

#[test]
fn an_indexer_that_asks_with_its_last_cursor_misses_nothing_and_sees_what_was_undone() {
    let chain = chain();
    let server = serve(&chain, |_| ());
    let client = reader(&server);
    assert_eq!(all(&client, None, 0), Vec::new());
    for number in 1..=3 {
        let block = native_block(&chain, number, &[deposit(number.into(), number)]);
        chain.connect(block).expect("it connects");
    }
    chain
        .disconnect(NativeHash([3; 32]))
        .expect("it is the tip");
    let other = native_block(&chain, 4, &[]);
    chain.connect(other).expect("it connects");

    let events = all(&client, None, 0);
    let told = |events: &[MetaEvent]| -> Vec<(MetaEventKind, u64, u8)> {
        let each = events.iter().map(|event| {
            let native = event.block.native_hash.as_ref().expect("a native block");
            (event.kind, event.block.height, native[0])
        });
        each.collect()
    };
    let (up, down) = (MetaEventKind::Connected, MetaEventKind::Disconnected);
    let expected = [(up, 1, 1), (up, 2, 2), (up, 3, 3), (down, 3, 3), (up, 3, 4)];
    assert_eq!(told(&events), expected);
    assert_eq!(events[3].block.txs[0].amount, 3, "what was undone is told");
    for max in [1, 2, 1_000, u32::MAX] {
        assert_eq!(all(&client, None, max), events, "{max} at a time");
    }
    for (index, event) in events.iter().enumerate() {
        let rest = all(&client, Some(event.cursor.clone()), 0);
        assert_eq!(rest, events[index + 1..]);
    }
}

#[test]
fn a_cursor_of_another_store_is_refused() {
    let chain = chain();
    let server = serve(&chain, |_| ());
    let elsewhere = support::chain();
    for open in [&chain, &elsewhere] {
        open.connect(native_block(open, 1, &[]))
            .expect("it connects");
    }
    let theirs = libmetachain_rpc::events_after(&elsewhere, None, 1).expect("one event");
    for cursor in ["", "nonsense", theirs[0].cursor.as_str()] {
        let answer = post(&server, READ, &call("events", &json!({ "after": cursor })));
        assert_eq!(answer.code(), "CURSOR_UNKNOWN", "{cursor}");
    }
}
