//! What the driver says of blocks and transactions, natively; the module itself is tested elsewhere.

use libmetachain_data_driver::rkyv08::{from_rkyv, to_rkyv};
use libmetachain_data_driver::{ConvertibleContract, Error, JsonValue};
use libmetachain_drivers_metachain::MetachainDriver;
use libmetachain_primitives::{
    Amount, Block, BlockHash, Header, MetaAddress, NativeAddress, NativeHash, Network, Root,
    Transaction, TxId, decode_payload, encode_payload,
};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

const DRIVER: MetachainDriver = MetachainDriver;

fn native_address() -> impl Strategy<Value = NativeAddress> {
    let program = (1u8..=16, vec(any::<u8>(), 2..=40));
    prop_oneof![
        any::<[u8; 20]>().prop_map(NativeAddress::PubkeyHash),
        any::<[u8; 20]>().prop_map(NativeAddress::ScriptHash),
        any::<[u8; 20]>().prop_map(NativeAddress::WitnessKeyHash),
        program.prop_map(|(version, program)| NativeAddress::Witness { version, program }),
    ]
}

fn opaque_address() -> impl Strategy<Value = NativeAddress> {
    "[a-zA-Z\"\\\\ ~!]{1,128}".prop_map(|text| NativeAddress::Opaque(text.into_bytes()))
}

fn transaction(native: impl Strategy<Value = NativeAddress>) -> impl Strategy<Value = Transaction> {
    let meta = any::<[u8; 20]>().prop_map(MetaAddress);
    let amount = (1..=i64::MAX as u64).prop_map(|units| Amount::new(units).unwrap());
    let txid = proptest::option::of(any::<[u8; 32]>().prop_map(TxId));
    (0..3, native, meta, any::<[u8; 20]>(), amount, txid).prop_map(
        |(kind, native, meta, other, amount, txid)| match kind {
            0 => Transaction::Deposit {
                from: native,
                to: meta,
                amount,
                txid,
            },
            1 => Transaction::Withdraw {
                from: meta,
                to: native,
                amount,
                txid,
            },
            _ => Transaction::Transfer {
                from: meta,
                to: MetaAddress(other),
                amount,
                txid,
            },
        },
    )
}

fn block_of(transactions: Vec<Transaction>, numbers: (u64, u64, u64, u64)) -> Block {
    let (height, native_height, time, supply) = numbers;
    Block {
        header: Header {
            version: 1,
            genesis: BlockHash([0xa0; 32]),
            height,
            parent: BlockHash([0xa1; 32]),
            native_height,
            native_parent: NativeHash([0xa2; 32]),
            time,
            tx_count: u32::try_from(transactions.len()).unwrap(),
            tx_root: Root([0xa3; 32]),
            withdrawals_root: Root([0xa4; 32]),
            state_root: Root([0xa5; 32]),
            supply,
        },
        transactions,
    }
}

fn block(native: impl Strategy<Value = NativeAddress>) -> impl Strategy<Value = Block> {
    let numbers = any::<(u64, u64, u64, u64)>();
    (vec(transaction(native), 0..8), numbers)
        .prop_map(|(transactions, numbers)| block_of(transactions, numbers))
}

/// Every name of a function: bare, and with the networks whose addresses have rules.
fn names(what: &str) -> Vec<String> {
    let ruled = Network::ALL
        .into_iter()
        .filter(|&network| network != Network::Opaque);
    let named = ruled.map(|network| format!("{what}@{network}"));
    [what.to_owned()].into_iter().chain(named).collect()
}

proptest! {
    #[test]
    fn a_payload_survives_both_ways_on_every_network(block in block(native_address())) {
        let payload = encode_payload(&block).unwrap();
        for name in names("payload") {
            let json = DRIVER.decode_input_fn(&name, &payload).unwrap();
            prop_assert_eq!(&json, &DRIVER.decode_output_fn(&name, &payload).unwrap());
            prop_assert_eq!(DRIVER.encode_input_fn(&name, &json.to_string()).unwrap(), &payload[..]);
        }
    }

    #[test]
    fn opaque_addresses_survive_too(block in block(opaque_address())) {
        let payload = encode_payload(&block).unwrap();
        for name in ["payload", "payload@opaque"] {
            let json = DRIVER.decode_input_fn(name, &payload).unwrap();
            prop_assert_eq!(DRIVER.encode_input_fn(name, &json.to_string()).unwrap(), &payload[..]);
        }
        let ruled = DRIVER.decode_input_fn("payload@bitcoin-mainnet", &payload);
        let native = block.transactions.iter().any(|transaction| transaction.native_address().is_some());
        prop_assert_eq!(ruled.is_err(), native);
    }

    #[test]
    fn transactions_survive_both_ways(list in vec(transaction(native_address()), 0..5)) {
        let many = to_rkyv(&list).unwrap();
        for name in names("transactions") {
            let json = DRIVER.decode_input_fn(&name, &many).unwrap();
            prop_assert_eq!(DRIVER.encode_input_fn(&name, &json.to_string()).unwrap(), &many[..]);
        }
        for transaction in &list {
            let one = to_rkyv(transaction).unwrap();
            for name in names("transaction") {
                let json = DRIVER.decode_input_fn(&name, &one).unwrap();
                prop_assert_eq!(DRIVER.encode_input_fn(&name, &json.to_string()).unwrap(), &one[..]);
            }
        }
    }

    #[test]
    fn events_list_a_block_by_kind(block in block(native_address())) {
        let payload = encode_payload(&block).unwrap();
        let whole = DRIVER.decode_input_fn("payload@defichain-mainnet", &payload).unwrap();
        for event in ["connected", "disconnected"] {
            prop_assert_eq!(&whole, &DRIVER.decode_event(&format!("{event}@defichain-mainnet"), &payload).unwrap());
        }
        let mut listed = 0;
        for kind in ["deposits", "withdrawals", "transfers"] {
            let list = DRIVER.decode_event(&format!("{kind}@defichain-mainnet"), &payload).unwrap();
            for (index, item) in list.as_array().unwrap().iter().enumerate() {
                prop_assert_eq!(&item["index"], &json!(index));
                let is_meta = |side: &str| item[side].as_str().unwrap().starts_with("0x");
                let expected = (kind != "deposits", kind != "withdrawals");
                prop_assert_eq!((is_meta("from"), is_meta("to")), expected);
                listed += 1;
            }
        }
        prop_assert_eq!(listed, block.transactions.len());
    }

    #[test]
    fn damaged_payloads_are_refused_or_another_payload(
        block in block(native_address()), at: usize, flip in 1u8..,
    ) {
        let mut payload = encode_payload(&block).unwrap();
        let at = at % payload.len();
        payload[at] ^= flip;
        match DRIVER.decode_input_fn("payload", &payload) {
            Err(error) => prop_assert!(matches!(error, Error::Rkyv(_) | Error::Other(_)), "{error:?}"),
            Ok(json) => {
                prop_assert_eq!(DRIVER.encode_input_fn("payload", &json.to_string()).unwrap(), payload);
            }
        }
    }
}

fn sample() -> Block {
    let hash = |byte| [byte; 20];
    let amount = |units| Amount::new(units).unwrap();
    block_of(
        vec![
            Transaction::Deposit {
                from: NativeAddress::WitnessKeyHash(hash(0x33)),
                to: MetaAddress(hash(1)),
                amount: amount(i64::MAX as u64),
                txid: Some(TxId([7; 32])),
            },
            Transaction::Withdraw {
                from: MetaAddress(hash(1)),
                to: NativeAddress::PubkeyHash(hash(0x11)),
                amount: amount(2),
                txid: None,
            },
        ],
        (7, 2_000_006, 1_700_000_000, u64::MAX),
    )
}

#[test]
fn a_block_in_json_is_what_the_documentation_says() {
    let payload = encode_payload(&sample()).unwrap();
    let json = DRIVER
        .decode_input_fn("payload@defichain-mainnet", &payload)
        .unwrap();
    let hex = |byte: &str| byte.repeat(32);
    let expected = json!({
        "version": 1,
        "genesisHash": hex("a0"),
        "height": "7",
        "hash": sample().header.hash().to_string(),
        "parentHash": hex("a1"),
        "nativeHeight": "2000006",
        "nativeParentHash": hex("a2"),
        "time": "1700000000",
        "txCount": 2,
        "txRoot": hex("a3"),
        "withdrawalsRoot": hex("a4"),
        "stateRoot": hex("a5"),
        "supply": "18446744073709551615",
        "transactions": [
            {
                "from": "df1qxvenxvenxvenxvenxvenxvenxvenxvenzqfu8c",
                "to": "0x0101010101010101010101010101010101010101",
                "amount": "9223372036854775807",
                "txid": hex("07"),
            },
            {
                "from": "0x0101010101010101010101010101010101010101",
                "to": "8Ge6f2eohG3EJu42qr5thGPHEnFmyox4Wy",
                "amount": "2",
            },
        ],
    });
    assert_eq!(json, expected);
    let neutral = DRIVER.decode_input_fn("payload", &payload).unwrap();
    assert_eq!(
        neutral["transactions"][0]["from"],
        json!({"witness": {"version": 0, "program": "33".repeat(20)}})
    );
    assert_eq!(
        neutral["transactions"][1]["to"],
        json!({"pubkeyHash": "11".repeat(20)})
    );
    let withdrawals = DRIVER
        .decode_event("withdrawals@defichain-mainnet", &payload)
        .unwrap();
    assert_eq!(
        withdrawals,
        json!([{
            "index": 0,
            "from": "0x0101010101010101010101010101010101010101",
            "to": "8Ge6f2eohG3EJu42qr5thGPHEnFmyox4Wy",
            "amount": "2",
        }])
    );
}

#[test]
fn what_follows_from_the_rest_may_be_left_out_and_must_be_right() {
    let payload = encode_payload(&sample()).unwrap();
    let whole = DRIVER.decode_input_fn("payload", &payload).unwrap();
    let mut short = whole.clone();
    for field in ["hash", "txCount"] {
        short.as_object_mut().unwrap().remove(field);
    }
    assert_eq!(
        DRIVER
            .encode_input_fn("payload", &short.to_string())
            .unwrap(),
        payload
    );
    let mut lie = whole.clone();
    lie["hash"] = json!("00".repeat(32));
    let error = DRIVER
        .encode_input_fn("payload", &lie.to_string())
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains(&sample().header.hash().to_string())
    );
    let mut claim = whole;
    claim["txCount"] = json!(99);
    claim.as_object_mut().unwrap().remove("hash");
    let claimed = DRIVER
        .encode_input_fn("payload", &claim.to_string())
        .unwrap();
    let block = decode_payload(&claimed, u32::MAX, u32::MAX).unwrap();
    assert_eq!(
        block.header.tx_count, 99,
        "a claim is kept, for the chain to judge"
    );
}

#[test]
fn wrong_json_is_refused_with_its_place() {
    let good = json!({"from": "df1qxvenxvenxvenxvenxvenxvenxvenxvenzqfu8c", "to": "0x0101010101010101010101010101010101010101", "amount": "1"});
    let encode = |name: &str, json: &JsonValue| DRIVER.encode_input_fn(name, &json.to_string());
    assert!(encode("transaction@defichain-mainnet", &good).is_ok());
    for (field, wrong, expected) in [
        (
            "amount",
            json!("0"),
            "INVALID_AMOUNT: no transaction moves 0 base units",
        ),
        ("amount", json!("9223372036854775808"), "INVALID_AMOUNT"),
        ("amount", json!("-1"), "is not an integer here"),
        ("amount", json!(1.5), "an integer as a decimal string"),
        ("from", json!("df1qnonsense"), "INVALID_ADDRESS"),
        (
            "from",
            json!("0X0101010101010101010101010101010101010101"),
            "INVALID_ADDRESS",
        ),
        ("from", json!(7), "an address is a text or an object"),
        (
            "from",
            json!({"pubkeyHash": "11"}),
            "an address is a text or an object",
        ),
        (
            "from",
            json!({"opaque": "anyone"}),
            "no native address of defichain-mainnet",
        ),
        (
            "to",
            json!("8Ge6f2eohG3EJu42qr5thGPHEnFmyox4Wy"),
            "INVALID_KIND",
        ),
        ("txid", json!("07"), "as many as there must be"),
        ("memo", json!("hello"), "unknown field `memo`"),
    ] {
        let mut broken = good.clone();
        broken[field] = wrong;
        let error = encode("transaction@defichain-mainnet", &broken).unwrap_err();
        assert!(error.to_string().contains(expected), "{field}: {error}");
        let error = encode("transactions@defichain-mainnet", &json!([good, broken])).unwrap_err();
        assert!(error.to_string().contains(expected), "{field}: {error}");
    }
    let error = encode("transaction", &good).unwrap_err();
    assert!(
        error.to_string().contains("payload@defichain-mainnet"),
        "{error}"
    );
    let two = json!([good, {"from": "0x01", "to": "0x02", "amount": "1"}]);
    let error = encode("transactions@defichain-mainnet", &two).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("transaction 1: INVALID_ADDRESS"),
        "{error}"
    );
}

#[test]
fn archives_of_what_nobody_could_write_are_refused() {
    let nonsense = [
        NativeAddress::Witness {
            version: 17,
            program: vec![0; 20],
        },
        NativeAddress::Witness {
            version: 0,
            program: vec![0; 20],
        },
        NativeAddress::Opaque(vec![]),
        NativeAddress::Opaque(vec![0xff]),
    ];
    for to in nonsense {
        let transaction = Transaction::Withdraw {
            from: MetaAddress::ZERO,
            to,
            amount: Amount::new(1).unwrap(),
            txid: None,
        };
        let rkyv = to_rkyv(&transaction).unwrap();
        for name in [
            "transaction",
            "transaction@defichain-mainnet",
            "transaction@opaque",
        ] {
            let error = DRIVER.decode_input_fn(name, &rkyv).unwrap_err();
            assert!(error.to_string().starts_with("INVALID_ADDRESS"), "{error}");
        }
    }
    let transfer = Transaction::Transfer {
        from: MetaAddress::ZERO,
        to: MetaAddress::ZERO,
        amount: Amount::new(0x0123_4567).unwrap(),
        txid: None,
    };
    let mut rkyv = to_rkyv(&transfer).unwrap();
    let at = rkyv
        .windows(4)
        .position(|bytes| bytes == [0x67, 0x45, 0x23, 0x01])
        .unwrap();
    rkyv[at..at + 4].fill(0);
    assert!(from_rkyv::<Transaction>(&rkyv).is_ok());
    let error = DRIVER.decode_input_fn("transaction", &rkyv).unwrap_err();
    assert!(error.to_string().starts_with("INVALID_AMOUNT"), "{error}");
}

#[test]
fn other_names_are_not_supported() {
    for name in [
        "",
        "mint",
        "payload ",
        "payloads",
        "@defichain-mainnet",
        "connected",
    ] {
        let expected = Err(Error::unknown_function(name));
        assert_eq!(DRIVER.encode_input_fn(name, "null"), expected);
        assert_eq!(DRIVER.decode_input_fn(name, b"").map(|_| vec![]), expected);
    }
    assert_eq!(
        DRIVER.decode_event("payload", b""),
        Err(Error::unknown_event("payload"))
    );
    for name in [
        "payload@",
        "payload@dogecoin",
        "payload@defichain-mainnet@opaque",
    ] {
        let error = DRIVER.encode_input_fn(name, "null").unwrap_err();
        let network = name.split_once('@').unwrap().1;
        assert_eq!(error, Error::Unsupported(format!("network {network}")));
    }
}

#[test]
fn the_schema_names_what_is_there() {
    let schema: JsonValue = serde_json::from_str(&DRIVER.get_schema()).unwrap();
    for function in schema["functions"].as_array().unwrap() {
        let name = function["name"].as_str().unwrap();
        assert!(!matches!(
            DRIVER.decode_input_fn(name, b"").unwrap_err(),
            Error::Unsupported(_)
        ));
    }
    for event in schema["events"].as_array().unwrap() {
        let topic = event["topic"].as_str().unwrap();
        assert!(!matches!(
            DRIVER.decode_event(topic, b"").unwrap_err(),
            Error::Unsupported(_)
        ));
    }
}
