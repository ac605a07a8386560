//! How values are written on the wire, against the rule and against themselves.

use libmetachain_rpc::encoding::{SAFE_INTEGER_MAX, is_canonical};
use libmetachain_rpc::wire::{
    MetaBlockInput, MetaCarried, MetaConnectResult, MetaConnectStatus, MetaContext,
    MetaHandshakeStatus, MetaRejection, MetaTransaction,
};
use proptest::prelude::*;
use serde_json::json;

fn transaction() -> impl Strategy<Value = MetaTransaction> {
    let txid = proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40));
    (any::<String>(), any::<String>(), any::<i64>(), txid).prop_map(|(from, to, amount, txid)| {
        MetaTransaction {
            from,
            to,
            amount,
            txid,
        }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        txs in proptest::collection::vec(transaction(), 0..5),
        context in proptest::option::of((any::<u64>(), proptest::collection::vec(any::<u8>(), 0..40), any::<u64>())),
    ) {
        let context = context.map(|(native_height, native_parent_hash, time)| MetaContext {
            native_height, native_parent_hash, time,
        });
        let input = MetaBlockInput { txs, context };
        let text = serde_json::to_string(&input).expect("it can be written");
        prop_assert_eq!(serde_json::from_str::<MetaBlockInput>(&text).expect("it can be read"), input);
    }

    #[test]
    fn an_integer_has_one_spelling(text in "[-+ 0-9a-fx]{0,6}") {
        let one = text.parse::<i64>().is_ok_and(|number| number.to_string() == text);
        prop_assert_eq!(is_canonical(&text), one);
    }

    #[test]
    fn numbers_are_read_where_they_are_exact(number in any::<i64>()) {
        let text = json!({ "from": "", "to": "", "amount": number }).to_string();
        let read = serde_json::from_str::<MetaTransaction>(&text);
        let exact = number.unsigned_abs() <= SAFE_INTEGER_MAX;
        prop_assert_eq!(read.map(|read| read.amount).ok(), exact.then_some(number));
    }
}

#[test]
fn the_wire_looks_as_the_documentation_says() {
    let rejection = MetaRejection {
        index: 3,
        code: "INSUFFICIENT_BALANCE".into(),
        message: String::new(),
        balance: Some(u64::MAX),
    };
    assert_eq!(
        serde_json::to_value(rejection).expect("JSON"),
        json!({ "index": 3, "code": "INSUFFICIENT_BALANCE", "message": "", "balance": "18446744073709551615" })
    );
    let result = MetaConnectResult {
        status: MetaConnectStatus::Known,
        hash: vec![0xab, 1],
        height: 7,
    };
    assert_eq!(
        serde_json::to_value(result).expect("JSON"),
        json!({ "status": "known", "hash": "ab01", "height": "7" })
    );
    assert_eq!(
        serde_json::to_value(MetaHandshakeStatus::InSync).expect("JSON"),
        json!("in-sync")
    );
    let none = MetaTransaction::default();
    assert_eq!(
        serde_json::to_value(none).expect("JSON"),
        json!({ "from": "", "to": "", "amount": "0" }),
        "what is absent is left out"
    );
    let carried: MetaCarried = serde_json::from_value(json!({})).expect("all fields have defaults");
    assert_eq!(carried, MetaCarried::default());
    let upper: MetaTransaction =
        serde_json::from_value(json!({ "from": "", "to": "", "amount": 1, "txid": "AbCd" }))
            .expect("hex digits of either case");
    assert_eq!(upper.txid, Some(vec![0xab, 0xcd]));
}

#[test]
fn the_edges_of_the_safe_integers() {
    let read = |amount: serde_json::Value| {
        serde_json::from_value::<MetaTransaction>(json!({ "from": "", "to": "", "amount": amount }))
            .map(|read| read.amount)
            .ok()
    };
    let most = SAFE_INTEGER_MAX as i64;
    assert_eq!(read(json!(most)), Some(most));
    assert_eq!(read(json!(most + 1)), None);
    assert_eq!(read(json!(-most)), Some(-most));
    assert_eq!(read(json!(-most - 1)), None);
    assert_eq!(read(json!(i64::MAX.to_string())), Some(i64::MAX));
    assert_eq!(read(json!(i64::MIN.to_string())), Some(i64::MIN));
    assert_eq!(read(json!("9223372036854775808")), None);
}
