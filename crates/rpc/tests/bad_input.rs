//! What comes from bad callers: each is told what is wrong by its code, the chain is as it was, and the
//! server answers the next.

mod support;

use serde_json::{Value, json};
use support::{CONTROL, READ, Raw, call, chain, client_with, post, serve, tip};

use libmetachain_primitives::{BlockHash, Code};
use libmetachain_rpc::wire::{
    MetaBlockInput, MetaBlockRef, MetaEmpty, MetaNativeRef, MetaTransaction, MetachainClient,
};
use libmetachain_rpc::{RpcServer, Secret, ServerOptions};

const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// The account that genesis credits.
const RICH: &str = "0x0101010101010101010101010101010101010101";

fn transaction(change: impl FnOnce(&mut Value)) -> Value {
    let mut transaction = json!({
        "from": "host address", "to": "0x0202020202020202020202020202020202020202", "amount": "5",
    });
    change(&mut transaction);
    transaction
}

/// The parameters of a mint of one transaction.
fn mint(change: impl FnOnce(&mut Value)) -> Value {
    json!({ "txs": [transaction(change)] })
}

#[test]
fn parameters_are_refused_for_what_is_wrong_with_them() {
    let chain = chain();
    let server = serve(&chain, |_| ());
    let before = tip(&server);
    let connect = |change: &dyn Fn(&mut Value)| {
        let mut block = json!({
            "nativeHash": ZEROS, "nativeHeight": 5, "nativeParentHash": ZEROS, "time": 7,
            "payload": "00", "carried": { "unchecked": true },
        });
        change(&mut block);
        block
    };
    let cases: Vec<(&str, Value, &str)> = vec![
        (
            "mintBlock",
            mint(|t| t["memo"] = json!("x")),
            "txs[0].memo: there is no such field",
        ),
        (
            "mintBlock",
            json!({ "txs": [], "contxt": {} }),
            "contxt: there is no such field",
        ),
        ("mintBlock", json!({}), "missing field `txs`"),
        ("mintBlock", json!([]), "missing field `txs`"),
        (
            "mintBlock",
            mint(|t| drop(t.as_object_mut().map(|t| t.remove("to")))),
            "txs[0]: missing field `to`",
        ),
        (
            "mintBlock",
            mint(|t| t["amount"] = json!("9223372036854775808")),
            "out of range",
        ),
        (
            "mintBlock",
            mint(|t| t["amount"] = json!("99999999999999999999999999")),
            "out of range",
        ),
        (
            "mintBlock",
            mint(|t| t["amount"] = json!(9_007_199_254_740_992u64)),
            "beyond 2^53-1",
        ),
        (
            "mintBlock",
            mint(|t| t["amount"] = json!(1.5)),
            "expected an integer",
        ),
        (
            "mintBlock",
            mint(|t| t["amount"] = json!(1e300)),
            "expected an integer",
        ),
        (
            "mintBlock",
            mint(|t| t["amount"] = json!("1e3")),
            "not a plain decimal",
        ),
        (
            "mintBlock",
            mint(|t| t["amount"] = json!("+5")),
            "not a plain decimal",
        ),
        (
            "mintBlock",
            mint(|t| t["amount"] = json!("05")),
            "not a plain decimal",
        ),
        (
            "mintBlock",
            mint(|t| t["amount"] = json!(" 5")),
            "not a plain decimal",
        ),
        (
            "mintBlock",
            mint(|t| t["amount"] = json!("")),
            "not a plain decimal",
        ),
        (
            "mintBlock",
            mint(|t| t["amount"] = json!("0x5")),
            "not a plain decimal",
        ),
        (
            "mintBlock",
            mint(|t| t["amount"] = Value::Null),
            "expected an integer",
        ),
        (
            "mintBlock",
            mint(|t| t["txid"] = json!("0")),
            "txs[0].txid: the text is not an even number",
        ),
        ("mintBlock", mint(|t| t["txid"] = json!("zz")), "hex digits"),
        (
            "mintBlock",
            mint(|t| t["txid"] = json!("0x00")),
            "hex digits",
        ),
        (
            "mintBlock",
            mint(|t| t["txid"] = json!("00")),
            "txs[0].txid: a transaction id has 32 bytes, not 1",
        ),
        (
            "mintBlock",
            mint(|t| t["from"] = json!(5)),
            "txs[0].from: invalid type",
        ),
        ("mintBlock", json!({ "txs": {} }), "txs: invalid type"),
        (
            "mintBlock",
            json!({ "txs": [], "context": { "nativeHeight": "-1", "nativeParentHash": ZEROS, "time": 0 } }),
            "context.nativeHeight: the integer is out of range",
        ),
        (
            "mintBlock",
            json!({ "txs": [], "context": { "nativeHeight": -1, "nativeParentHash": ZEROS, "time": 0 } }),
            "out of range",
        ),
        (
            "mintBlock",
            json!({ "txs": [], "context": { "nativeHeight": 1, "nativeParentHash": "00", "time": 0 } }),
            "nativeParentHash: a native block hash has 32 bytes, not 1",
        ),
        ("tip", json!({ "x": 1 }), "x: there is no such field"),
        ("tip", json!([{}, {}]), "invalid length 2"),
        (
            "mintBlock",
            json!({ "txs": [["host address", RICH, "5", null]] }),
            "txs[0]: invalid type: sequence, expected an object",
        ),
        (
            "tip",
            json!([[]]),
            "[0]: invalid type: sequence, expected an object",
        ),
        ("tip", json!([5]), "[0]: invalid type"),
        ("block", json!({}), "exactly one of"),
        (
            "block",
            json!({ "height": 1, "hash": ZEROS }),
            "exactly one of",
        ),
        (
            "withdrawals",
            json!({ "height": 1 }),
            "the chain has no block at height 1",
        ),
        (
            "proveWithdrawal",
            json!({ "block": { "height": 0 }, "index": -1 }),
            "index: invalid value",
        ),
        (
            "connectBlock",
            connect(&|b| drop(b.as_object_mut().map(|b| b.remove("carried")))),
            "missing field `carried`",
        ),
        (
            "connectBlock",
            connect(&|b| b["carried"] = json!({ "unchecked": true, "txRoot": ZEROS })),
            "only one of",
        ),
        (
            "connectBlock",
            connect(&|b| b["carried"] = json!({ "txs": [transaction(|_| ())], "txRoot": ZEROS })),
            "only one of",
        ),
        (
            "connectBlock",
            connect(&|b| b["carried"] = json!({ "txRoot": "00" })),
            "carried.txRoot",
        ),
        (
            "connectBlock",
            connect(&|b| b["payload"] = json!("0")),
            "payload: the text is not",
        ),
        (
            "connectBlock",
            connect(&|b| b["nativeHash"] = json!("11".repeat(33))),
            "not 33",
        ),
        (
            "handshake",
            json!({ "nativeHeight": 1, "nativeHash": ZEROS, "ancestors": [{ "nativeHeight": 0 }] }),
            "missing field `nativeHash`",
        ),
        (
            "disconnectBlock",
            json!({ "nativeHash": null }),
            "nativeHash: invalid type",
        ),
    ];
    for (method, params, part) in cases {
        let answer = post(&server, CONTROL, &call(method, &params));
        let error = &answer.body["error"];
        assert_eq!(answer.code(), "BAD_ARGUMENT", "{method} {params}");
        let message = error["message"].as_str().expect("a message");
        assert!(
            message.contains(part),
            "\"{message}\" does not say \"{part}\""
        );
        assert_eq!(error["data"]["verdict"], json!(false));
        assert_eq!(error["data"]["retryable"], json!(false));
        assert_eq!(tip(&server), before, "{method} {params}");
    }
}

#[test]
fn a_value_out_of_the_rules_gets_a_rejection_as_in_every_binding() {
    let server = serve(&chain(), |_| ());
    for (change, code) in [
        (
            &(|t: &mut Value| t["amount"] = json!("-5")) as &dyn Fn(&mut Value),
            "INVALID_AMOUNT",
        ),
        (&|t: &mut Value| t["amount"] = json!(0), "INVALID_AMOUNT"),
        (
            &|t: &mut Value| t["amount"] = json!("-9223372036854775808"),
            "INVALID_AMOUNT",
        ),
        (&|t: &mut Value| t["to"] = json!("0x02"), "INVALID_ADDRESS"),
        (
            &|t: &mut Value| t["to"] = json!("elsewhere"),
            "INVALID_KIND",
        ),
    ] {
        let answer = post(&server, CONTROL, &call("mintBlock", &mint(|t| change(t))));
        assert_eq!(
            answer.body["result"]["rejected"][0]["code"],
            json!(code),
            "{answer:?}"
        );
    }
    let answer = post(
        &server,
        READ,
        &call("account", &json!({ "address": "0x02" })),
    );
    assert_eq!(answer.code(), "INVALID_ADDRESS");
}

#[test]
fn what_is_no_call_is_refused_by_number_and_code() {
    let server = serve(&chain(), |_| ());
    let tip_of =
        |id: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"metaConsensusRpc_tip"}}"#);
    for (body, number) in [
        ("", -32700),
        ("{", -32700),
        ("nonsense", -32700),
        ("[1", -32700),
        (r#"{"jsonrpc":"2.0","id":1,"method":"\ud800"}"#, -32600),
        ("5", -32600),
        ("{}", -32600),
        ("[]", -32600),
        (
            r#"{"jsonrpc":"1.0","id":1,"method":"metaConsensusRpc_tip"}"#,
            -32600,
        ),
        (
            r#"{"jsonrpc":"2.0","method":"metaConsensusRpc_tip"}"#,
            -32600,
        ),
        (&tip_of("1.5"), -32600),
        (&tip_of("{}"), -32600),
        (
            r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"metaConsensusRpc_tip"}"#,
            -32600,
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":5}"#, -32600),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"metaConsensusRpc_nothing"}"#,
            -32601,
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":""}"#, -32601),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"metaConsensusRpc_tip","params":5}"#,
            -32602,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"metaConsensusRpc_tip","params":"x"}"#,
            -32602,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"metaConsensusRpc_tip","params":[[]]}"#,
            -32602,
        ),
    ] {
        let answer = post(&server, CONTROL, body);
        let expected = if number == -32602 {
            "BAD_ARGUMENT"
        } else {
            "RPC_PROTOCOL"
        };
        assert_eq!(answer.code(), expected, "{body}");
        assert_eq!(answer.body["error"]["code"], json!(number), "{body}");
    }
    for id in ["null", "\"text\"", "18446744073709551615"] {
        let answer = post(&server, CONTROL, &tip_of(id));
        assert_eq!(answer.body["id"].to_string(), id, "{answer:?}");
        assert!(answer.body["result"].is_object(), "{answer:?}");
    }
    // Not even text.
    let mut raw = Raw::connect(server.address());
    raw.send(Raw::head(CONTROL, 4));
    raw.send([b'"', 0xff, 0xfe, b'"']);
    assert_eq!(raw.answer().expect("an answer").code(), "RPC_PROTOCOL");
}

#[test]
fn the_token_is_looked_at_before_anything_else() {
    let server = serve(&chain(), |_| ());
    // The body is announced and never sent, the method is wrong, and so is the content type.
    let head = |authorization: &str| {
        format!(
            "PUT /x HTTP/1.1\r\n{authorization}content-length: 1000000\r\nexpect: 100-continue\r\n\r\n"
        )
    };
    for authorization in [
        String::new(),
        "authorization: Bearer \r\n".into(),
        "authorization: Bearer wrong-wrong-wrong-wrong\r\n".into(),
        format!("authorization: Basic {CONTROL}\r\n"),
        format!("authorization: Bearer {CONTROL}x\r\n"),
        format!("authorization: Bearer {CONTROL}\r\nauthorization: Bearer {CONTROL}\r\n"),
        format!("x-token: {CONTROL}\r\n"),
    ] {
        let mut raw = Raw::connect(server.address());
        raw.send(head(&authorization));
        let answer = raw.answer().expect("an answer");
        assert_eq!(
            (answer.status, answer.code()),
            (401, "RPC_UNAUTHORIZED"),
            "{authorization}"
        );
        raw.closed();
    }
    let mut raw = Raw::connect(server.address());
    raw.send(head(&format!("authorization: Bearer {CONTROL}\r\n")));
    assert_eq!(
        raw.answer().expect("an answer").status,
        400,
        "a good token is not the end of it"
    );
}

#[test]
fn a_refusal_reaches_a_caller_that_is_still_sending() {
    let server = serve(&chain(), |_| ());
    let body = " ".repeat(900_000);
    for _ in 0..20 {
        let answer = post(&server, "wrong-wrong-wrong-wrong", &body);
        assert_eq!((answer.status, answer.code()), (401, "RPC_UNAUTHORIZED"));
    }
}

#[test]
fn readers_read_and_nothing_else() {
    let server = serve(&chain(), |_| ());
    let before = tip(&server);
    let native = json!({ "nativeHash": ZEROS });
    for (method, params) in [
        ("mintBlock", json!({ "txs": [] })),
        ("checkBlock", json!({})),
        ("connectBlock", json!({})),
        ("disconnectBlock", native.clone()),
        ("finalize", native),
        ("handshake", json!({})),
    ] {
        let answer = post(&server, READ, &call(method, &params));
        assert_eq!(
            (answer.status, answer.code()),
            (200, "RPC_UNAUTHORIZED"),
            "{method}"
        );
        assert_ne!(
            post(&server, CONTROL, &call(method, &params)).body["error"]["data"]["code"],
            json!("RPC_UNAUTHORIZED")
        );
    }
    assert_eq!(tip(&server), before);
}

#[test]
fn a_caller_that_means_another_chain_or_speaks_another_version_is_told_so() {
    let chain = chain();
    let server = serve(&chain, |_| ());
    let genesis = chain.genesis().hash();
    let right = client_with(server.address(), |options| {
        options.chain_id = Some("tests".into());
        options.genesis = Some(genesis);
    });
    let version = right
        .meta_get_version(&MetaEmpty {})
        .expect("the right chain");
    assert_eq!((version.chain_id.as_str(), version.protocol), ("tests", 1));
    assert_eq!(version.genesis_hash, genesis.0);

    let wrong_name = client_with(server.address(), |options| {
        options.chain_id = Some("test".into())
    });
    let wrong_genesis = client_with(server.address(), |options| {
        options.genesis = Some(BlockHash([9; 32]))
    });
    for client in [wrong_name, wrong_genesis] {
        let input = MetaBlockInput::default();
        let error = client.meta_mint_block(&input).expect_err("another chain");
        assert_eq!(error.known(), Some(Code::GenesisMismatch));
        assert!(!error.is_verdict() && !error.is_retryable());
    }
    for (header, status, code) in [
        ("metachain-protocol: 2", 400, "RPC_PROTOCOL"),
        ("metachain-protocol: x\u{e9}", 400, "RPC_PROTOCOL"),
        ("metachain-protocol: 1", 200, ""),
        ("metachain-chain-id: Tests", 409, "GENESIS_MISMATCH"),
        ("metachain-genesis: 00", 409, "GENESIS_MISMATCH"),
    ] {
        let mut raw = Raw::connect(server.address());
        let body = call("tip", &json!({}));
        raw.send(Raw::head(READ, body.len()).replace("host: test", header));
        raw.send(&body);
        let answer = raw.answer().expect("an answer");
        assert_eq!(answer.status, status, "{header}");
        if status != 200 {
            assert_eq!(answer.code(), code);
        }
    }
}

#[test]
fn the_form_of_the_request_matters() {
    let server = serve(&chain(), |_| ());
    let body = call("tip", &json!({}));
    let good = Raw::head(READ, body.len());
    for (from, to, status) in [
        ("POST", "GET", 400),
        ("application/json", "text/plain", 400),
        ("content-type: application/json\r\n", "", 400),
        ("application/json", "Application/JSON; charset=utf-8", 200),
        ("POST / ", "POST /any/path ", 200),
    ] {
        let mut raw = Raw::connect(server.address());
        raw.send(good.replace(from, to));
        raw.send(&body);
        let answer = raw.answer().expect("an answer");
        assert_eq!(answer.status, status, "{to}");
        if status != 200 {
            assert_eq!(answer.code(), "RPC_PROTOCOL");
        }
    }
    let mut raw = Raw::connect(server.address());
    raw.send("\0\0\0\r\n\r\n");
    raw.closed();
    tip(&server);
}

#[test]
fn a_signed_token_opens_what_a_bearer_token_does() {
    let key = [5; 32];
    let grant = libmetachain_rpc::Grant {
        secret: Secret::jwt(&key).expect("a key"),
        access: libmetachain_rpc::Access::Read,
    };
    let server = RpcServer::start(chain(), &ServerOptions::new(vec![grant])).expect("it starts");
    let with = |key: &[u8]| {
        let secret = Secret::jwt(key).expect("a key");
        client_with(server.address(), |options| options.secret = Some(secret))
    };
    with(&key)
        .meta_get_tip(&MetaEmpty {})
        .expect("signed with the key");
    let error = with(&[6; 32])
        .meta_get_tip(&MetaEmpty {})
        .expect_err("signed with another");
    assert_eq!(error.known(), Some(Code::RpcUnauthorized));
    let native = MetaNativeRef {
        native_hash: vec![0; 32],
    };
    let error = with(&key)
        .meta_disconnect_block(&native)
        .expect_err("a reader");
    assert_eq!(error.known(), Some(Code::RpcUnauthorized));
    let secret = Secret::bearer(CONTROL).expect("a token");
    let bearer = client_with(server.address(), |options| options.secret = Some(secret));
    let error = bearer
        .meta_get_tip(&MetaEmpty {})
        .expect_err("not a signed token");
    assert_eq!(error.known(), Some(Code::RpcUnauthorized));
}

#[test]
fn errors_arrive_at_the_client_as_they_left_the_chain() {
    let chain = chain();
    let server = serve(&chain, |_| ());
    let client = support::client(&server);
    let native = MetaNativeRef {
        native_hash: vec![7; 32],
    };
    let error = client
        .meta_disconnect_block(&native)
        .expect_err("not the tip");
    assert_eq!(error.code(), "NOT_TIP");
    assert!(error.to_string().starts_with("NOT_TIP: "), "{error}");

    let input = MetaBlockInput {
        txs: vec![MetaTransaction {
            from: RICH.into(),
            to: "host".into(),
            amount: 2_000_000,
            txid: Some(vec![1; 32]),
        }],
        context: None,
    };
    let minted = client
        .meta_mint_block(&input)
        .expect("rejections are no errors");
    assert_eq!(minted.rejected[0].balance, Some(1_000_000));

    let unknown = MetaBlockRef {
        hash: Some(vec![3; 32]),
        ..MetaBlockRef::default()
    };
    assert_eq!(client.meta_get_block(&unknown).expect("none").block, None);
    chain.close().expect("it closes");
    let error = client
        .meta_get_tip(&MetaEmpty {})
        .expect_err("the chain is closed");
    assert_eq!(error.code(), "CLOSED");
}
