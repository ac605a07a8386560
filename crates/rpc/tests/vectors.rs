//! The vectors that every binding is held to, through the client, the wire and the server.

mod support;

use libmetachain_primitives::{Amount, Genesis, MetaAddress, Network};
use libmetachain_rpc::wire::{
    MetaAddressRef, MetaBlockInput, MetaBlockRef, MetaCandidateBlock, MetaCarried, MetaContext,
    MetaEmpty, MetaNativeBlock, MetaNativeRef, MetaProof, MetaTip, MetaTransaction,
    MetaTransactionRef, MetaWithdrawalRef, MetachainClient,
};
use libmetachain_rpc::{CallError, Client};
use serde_json::{Value, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/vectors/chain.json");

#[test]
fn a_chain_behind_the_wire_answers_as_the_vectors_say() {
    let vectors: Value =
        serde_json::from_slice(&std::fs::read(FILE).expect("it is committed")).expect("JSON");
    let mut steps = 0;
    for scenario in vectors["scenarios"].as_array().expect("a list") {
        let undo_depth = scenario["undoDepth"].as_u64().expect("a number");
        assert_eq!(undo_depth, 3, "the chain of the tests keeps as many");
        let chain = support::chain_of(genesis(&scenario["genesis"]));
        let server = support::serve(&chain, |_| ());
        let client = support::client(&server);
        for step in scenario["steps"].as_array().expect("a list") {
            let said = match answer(&client, step) {
                Ok(answer) => json!({ "answer": answer }),
                Err(error) => json!({ "error": {
                    "code": error.code(),
                    "verdict": error.is_verdict(),
                    "retryable": error.is_retryable(),
                } }),
            };
            let mut expected = step.clone();
            if let Some(call) = expected.as_object_mut() {
                call.retain(|key, _| key == "answer" || key == "error");
            }
            assert_eq!(said, expected, "step {steps}: {}", step["call"]);
            steps += 1;
        }
    }
    assert!(steps > 100, "only {steps} steps were found");
}

fn genesis(given: &Value) -> Genesis {
    let text = |key: &str| given[key].as_str().expect("a text");
    let number = |key: &str| given[key].as_u64().expect("a number");
    let mut genesis = Genesis::new(
        text("chainId"),
        Network::parse(text("network")).expect("a name"),
    );
    genesis.native_start = given["nativeStart"].as_u64();
    genesis.transactions_max = number("transactionsMax") as u32;
    genesis.payload_bytes_max = number("payloadBytesMax") as u32;
    genesis.replay_window = number("replayWindow") as u32;
    genesis.time = number("time");
    for (address, amount) in given["balances"].as_object().expect("an object") {
        let amount = amount
            .as_str()
            .and_then(|text| text.parse().ok())
            .and_then(Amount::new);
        genesis.balances.insert(
            MetaAddress::parse(address).expect("an address"),
            amount.expect("an amount"),
        );
    }
    genesis
}

fn answer(client: &Client, step: &Value) -> Result<Value, CallError> {
    let transactions = || -> Vec<MetaTransaction> {
        serde_json::from_value(step["transactions"].clone()).expect("transactions of the wire")
    };
    let context = || -> MetaContext {
        serde_json::from_value(step["context"].clone()).expect("a context of the wire")
    };
    let bytes = |key: &str| hex::decode(step[key].as_str().expect("hex")).expect("hex");
    let carried = || match step["transactions"].as_str() {
        Some("unchecked") => MetaCarried {
            unchecked: true,
            ..MetaCarried::default()
        },
        _ => MetaCarried {
            txs: transactions(),
            ..MetaCarried::default()
        },
    };
    match step["call"].as_str().expect("a name") {
        "mintBlock" => {
            let input = MetaBlockInput {
                txs: transactions(),
                context: Some(context()),
            };
            client.meta_mint_block(&input).map(|minted| {
                let rejected: Vec<Value> = minted
                    .rejected
                    .iter()
                    .map(|r| json!({ "index": r.index, "code": r.code, "balance": r.balance.map(|b| b.to_string()) }))
                    .collect();
                json!({
                    "payload": hex::encode(&minted.payload),
                    "hash": hex::encode(&minted.hash),
                    "height": minted.height,
                    "stateRoot": hex::encode(&minted.state_root),
                    "supply": minted.supply.to_string(),
                    "accepted": minted.accepted,
                    "rejected": rejected,
                })
            })
        }
        "checkBlock" => {
            let MetaContext {
                native_height,
                native_parent_hash,
                time,
            } = context();
            let payload = bytes("payload");
            let carried = carried();
            let block = MetaCandidateBlock {
                native_height,
                native_parent_hash,
                time,
                payload,
                carried,
            };
            client
                .meta_check_block(&block)
                .map(|block| json!({ "hash": hex::encode(block.hash), "height": block.height }))
        }
        "connectBlock" => {
            let MetaContext {
                native_height,
                native_parent_hash,
                time,
            } = context();
            let block = MetaNativeBlock {
                native_hash: bytes("nativeHash"),
                native_height,
                native_parent_hash,
                time,
                payload: bytes("payload"),
                carried: carried(),
            };
            client.meta_connect_block(&block).map(|connected| {
                json!({ "status": connected.status, "hash": hex::encode(connected.hash), "height": connected.height })
            })
        }
        "disconnectBlock" => {
            let native = MetaNativeRef {
                native_hash: bytes("nativeHash"),
            };
            client
                .meta_disconnect_block(&native)
                .map(|tip| tip_json(&tip))
        }
        "tip" => client.meta_get_tip(&MetaEmpty {}).map(|tip| tip_json(&tip)),
        "account" => {
            let address = step["address"].as_str().expect("a text").to_owned();
            client
                .meta_get_account(&MetaAddressRef { address })
                .map(|found| match found.account {
                    Some(account) => json!({
                        "balance": account.balance.to_string(),
                        "sequence": account.sequence.to_string(),
                    }),
                    None => Value::Null,
                })
        }
        "withdrawals" => client.meta_get_withdrawals(&block_ref(step)).map(|found| {
            let list = found.withdrawals.iter().map(|w| {
                json!({
                    "index": w.index, "from": w.from, "to": w.to,
                    "amount": w.amount.to_string(), "txid": w.txid.as_ref().map(hex::encode),
                })
            });
            list.collect()
        }),
        "finalize" => {
            let native = MetaNativeRef {
                native_hash: bytes("nativeHash"),
            };
            client.meta_finalize(&native).map(|tip| tip_json(&tip))
        }
        "transaction" => {
            let txid = bytes("txid");
            client
                .meta_get_transaction(&MetaTransactionRef { txid })
                .map(|result| match result.found {
                    Some(found) => json!({
                        "height": found.height,
                        "index": found.index,
                        "transaction": found.transaction,
                    }),
                    None => Value::Null,
                })
        }
        "payload" => client
            .meta_get_payload(&block_ref(step))
            .map(|found| json!(found.payload.map(hex::encode))),
        "proveAccount" => {
            let address = step["address"].as_str().expect("a text").to_owned();
            client
                .meta_prove_account(&MetaAddressRef { address })
                .map(|proof| proof_json(&proof))
        }
        "proveWithdrawal" => {
            let withdrawal = MetaWithdrawalRef {
                block: block_ref(step),
                index: step["index"].as_u64().expect("a number") as u32,
            };
            client
                .meta_prove_withdrawal(&withdrawal)
                .map(|proof| proof_json(&proof))
        }
        other => panic!("the vectors have a new call: {other}"),
    }
}

fn block_ref(step: &Value) -> MetaBlockRef {
    MetaBlockRef {
        height: step["height"].as_u64(),
        ..MetaBlockRef::default()
    }
}

fn proof_json(proof: &MetaProof) -> Value {
    json!({
        "height": proof.height,
        "root": hex::encode(&proof.root),
        "proof": hex::encode(&proof.proof),
    })
}

fn tip_json(tip: &MetaTip) -> Value {
    json!({
        "height": tip.height,
        "hash": hex::encode(&tip.hash),
        "nativeHeight": tip.native_height,
        "nativeHash": tip.native_hash.as_ref().map(hex::encode),
        "stateRoot": hex::encode(&tip.state_root),
        "time": tip.time,
        "supply": tip.supply.to_string(),
    })
}
