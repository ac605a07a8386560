//! What a chain answers, step by step, held to `spec/vectors/chain.json`, which every binding is
//! held to as well.
//!
//! A scenario is a genesis and steps; each step is a call with its arguments as users write them and
//! the answer or error that it must give. `UPDATE_VECTORS=1` writes the file anew, which only an
//! added scenario justifies.

use std::sync::Arc;

use libmetachain_engine::{
    BlockRef, CandidateBlock, Carried, Context, Metachain, Minted, NativeBlock, OpenOptions,
};
use libmetachain_primitives::{
    Amount, Error, Genesis, MetaAddress, NativeAddress, NativeHash, Network, Receipt, Result,
    Transaction, TxId,
};
use serde_json::{Value, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/vectors/chain.json");

/// A transaction as a user writes it.
#[derive(Clone)]
struct Given(String, String, i64, Option<[u8; 32]>);

impl Given {
    fn json(&self) -> Value {
        let Given(from, to, amount, txid) = self;
        json!({ "from": from, "to": to, "amount": amount.to_string(), "txid": txid.map(hex::encode) })
    }
}

/// Runs calls on a chain and writes down what was asked and answered.
struct Scenario {
    name: &'static str,
    genesis: Genesis,
    chain: Metachain,
    steps: Vec<Value>,
}

impl Scenario {
    fn new(name: &'static str, genesis: Genesis) -> Self {
        let chain = Metachain::open(&OpenOptions {
            genesis: Some(genesis.clone()),
            undo_depth: 3,
            ..OpenOptions::default()
        })
        .expect("it opens in memory");
        Scenario {
            name,
            genesis,
            chain,
            steps: Vec::new(),
        }
    }

    fn step(&mut self, mut call: Value, answer: Result<Value>) {
        match answer {
            Ok(answer) => call["answer"] = answer,
            Err(error) => {
                call["error"] = json!({
                    "code": error.code().as_str(),
                    "verdict": error.is_verdict(),
                    "retryable": error.is_retryable(),
                });
            }
        }
        self.steps.push(call);
    }

    fn parse(&self, given: &[Given]) -> Vec<Result<Transaction, Receipt>> {
        given
            .iter()
            .map(|Given(from, to, amount, txid)| {
                Transaction::parse(from, to, *amount, txid.map(TxId), self.genesis.network)
            })
            .collect()
    }

    fn mint(&mut self, context: Context, given: &[Given]) -> Option<Minted> {
        let minted = self.chain.mint(&context, &self.parse(given));
        let call = json!({
            "call": "mintBlock",
            "context": context_json(&context),
            "transactions": given.iter().map(Given::json).collect::<Vec<_>>(),
        });
        let answer = minted.as_ref().map_err(Error::clone).map(|minted| {
            let rejected: Vec<Value> = minted
                .rejected
                .iter()
                .map(|r| {
                    json!({
                        "index": r.index,
                        "code": r.receipt.code.as_str(),
                        "balance": r.receipt.balance.map(|balance| balance.to_string()),
                    })
                })
                .collect();
            json!({
                "payload": hex::encode(&minted.payload),
                "hash": minted.hash.to_string(),
                "height": minted.header.height,
                "stateRoot": minted.header.state_root.to_string(),
                "supply": minted.header.supply.to_string(),
                "accepted": minted.header.tx_count,
                "rejected": rejected,
            })
        });
        self.step(call, answer);
        minted.ok()
    }

    fn connect(&mut self, native: u8, context: Context, payload: &[u8], carried: Option<&[Given]>) {
        let transactions = carried.map(|given| self.parse(given));
        let candidate = CandidateBlock {
            context,
            payload: Arc::from(payload),
            carried: transactions.map_or(Carried::Unchecked, |parsed| Carried::of(&parsed)),
        };
        let mut call = json!({
            "call": "checkBlock",
            "context": context_json(&context),
            "payload": hex::encode(payload),
            "transactions": carried.map_or(json!("unchecked"), |given| {
                given.iter().map(Given::json).collect()
            }),
        });
        let checked = self.chain.check(&candidate);
        self.step(
            call.clone(),
            checked.map(
                |(block, hash)| json!({ "hash": hash.to_string(), "height": block.header.height }),
            ),
        );
        call["call"] = json!("connectBlock");
        call["nativeHash"] = json!(hex::encode([native; 32]));
        let hash = NativeHash([native; 32]);
        let connected = self.chain.connect(NativeBlock { hash, candidate });
        self.step(
            call,
            connected.map(|connected| {
                json!({
                    "status": match connected.status {
                        libmetachain_engine::ConnectStatus::Connected => "connected",
                        libmetachain_engine::ConnectStatus::Known => "known",
                    },
                    "hash": connected.hash.to_string(),
                    "height": connected.height,
                })
            }),
        );
    }

    fn disconnect(&mut self, native: u8) {
        let call = json!({ "call": "disconnectBlock", "nativeHash": hex::encode([native; 32]) });
        let tip = self.chain.disconnect(NativeHash([native; 32]));
        self.step(call, tip.map(|tip| tip_json(&tip)));
    }

    fn look(&mut self, addresses: &[&str]) {
        let tip = self.chain.tip();
        self.step(json!({ "call": "tip" }), tip.map(|tip| tip_json(&tip)));
        for text in addresses {
            let account = MetaAddress::parse(text).and_then(|address| self.chain.account(&address));
            let answer = account.map(|account| match account {
                Some(account) => json!({
                    "balance": account.balance.to_string(),
                    "sequence": account.sequence.to_string(),
                }),
                None => Value::Null,
            });
            self.step(json!({ "call": "account", "address": text }), answer);
        }
    }

    fn withdrawals(&mut self, height: u64) {
        let network = self.genesis.network;
        let list = self
            .chain
            .withdrawals(BlockRef::Height(height))
            .map(|list| {
                list.iter()
                    .map(|w| {
                        json!({
                            "index": w.index,
                            "from": w.from.to_string(),
                            "to": w.to.to_text(network).expect("it is of the network"),
                            "amount": w.amount.to_string(),
                            "txid": w.txid.map(|txid| txid.to_string()),
                        })
                    })
                    .collect()
            });
        self.step(json!({ "call": "withdrawals", "height": height }), list);
    }

    fn transaction(&mut self, txid: u8) {
        let network = self.genesis.network;
        let found = self.chain.transaction(&TxId([txid; 32])).map(|found| {
            found.map_or(Value::Null, |found| {
                let (from, to) = found
                    .transaction
                    .address_texts(network)
                    .expect("it is of the network");
                json!({
                    "height": found.height,
                    "index": found.index,
                    "transaction": {
                        "from": from,
                        "to": to,
                        "amount": found.transaction.amount().to_string(),
                        "txid": found.transaction.txid().map(|txid| txid.to_string()),
                    },
                })
            })
        });
        let call = json!({ "call": "transaction", "txid": hex::encode([txid; 32]) });
        self.step(call, found);
    }

    fn payload(&mut self, height: u64) {
        let found = self.chain.payload(BlockRef::Height(height));
        let answer = found.map(|found| json!(found.map(hex::encode)));
        self.step(json!({ "call": "payload", "height": height }), answer);
    }

    fn prove_account(&mut self, address: &str) {
        let proven = MetaAddress::parse(address)
            .and_then(|address| self.chain.prove_account(&address))
            .map(|proven| {
                json!({
                    "height": proven.height,
                    "root": proven.state_root.to_string(),
                    "proof": hex::encode(&proven.proof),
                })
            });
        self.step(
            json!({ "call": "proveAccount", "address": address }),
            proven,
        );
    }

    fn prove_withdrawal(&mut self, height: u64, index: u32) {
        let proven = self
            .chain
            .prove_withdrawal(BlockRef::Height(height), index)
            .map(|proven| {
                json!({
                    "height": proven.height,
                    "root": proven.withdrawals_root.to_string(),
                    "proof": hex::encode(&proven.proof),
                })
            });
        self.step(
            json!({ "call": "proveWithdrawal", "height": height, "index": index }),
            proven,
        );
    }

    fn finalize(&mut self, native: u8) {
        let (done, finalized) = std::sync::mpsc::channel();
        self.chain.finalize_later(
            NativeHash([native; 32]),
            Box::new(move |result| done.send(result).expect("it is waited for")),
        );
        let finalized = finalized.recv().expect("it is answered");
        let tip = finalized.and_then(|()| self.chain.tip());
        let call = json!({ "call": "finalize", "nativeHash": hex::encode([native; 32]) });
        self.step(call, tip.map(|tip| tip_json(&tip)));
    }

    fn json(self) -> Value {
        let genesis = &self.genesis;
        let balances: serde_json::Map<String, Value> = genesis
            .balances
            .iter()
            .map(|(address, amount)| (address.to_string(), json!(amount.to_string())))
            .collect();
        json!({
            "name": self.name,
            "genesis": {
                "chainId": genesis.chain_id,
                "network": genesis.network.as_str(),
                "balances": balances,
                "nativeStart": genesis.native_start,
                "transactionsMax": genesis.transactions_max,
                "payloadBytesMax": genesis.payload_bytes_max,
                "replayWindow": genesis.replay_window,
                "time": genesis.time,
            },
            "undoDepth": 3,
            "steps": self.steps,
        })
    }
}

fn context_json(context: &Context) -> Value {
    json!({
        "nativeHeight": context.native_height,
        "nativeParentHash": context.native_parent.to_string(),
        "time": context.time,
    })
}

fn tip_json(tip: &libmetachain_engine::ChainTip) -> Value {
    let tip = tip.tip;
    json!({
        "height": tip.height,
        "hash": tip.hash.to_string(),
        "nativeHeight": tip.native.map(|(height, _)| height),
        "nativeHash": tip.native.map(|(_, hash)| hash.to_string()),
        "stateRoot": tip.state_root.to_string(),
        "time": tip.time,
        "supply": tip.supply.to_string(),
    })
}

fn meta(n: u8) -> String {
    MetaAddress([n; 20]).to_string()
}

fn native(n: u8, network: Network) -> String {
    let address = match network {
        Network::Opaque => NativeAddress::Opaque(format!("host {n}").into_bytes()),
        _ => NativeAddress::WitnessKeyHash([n; 20]),
    };
    address.to_text(network).expect("it is of the network")
}

fn at(native_height: u64, parent: u8, time: u64) -> Context {
    Context {
        native_height,
        native_parent: NativeHash([parent; 32]),
        time,
    }
}

fn genesis(network: Network) -> Genesis {
    let mut genesis = Genesis::new("vectors", network);
    genesis
        .balances
        .insert(MetaAddress([1; 20]), Amount::new(1_000).expect("in range"));
    genesis.native_start = Some(500);
    genesis.time = 1_700_000_000;
    genesis.transactions_max = 6;
    genesis.replay_window = 2;
    genesis
}

/// The everyday life of a chain, on a network with address rules and on one without.
fn life(name: &'static str, network: Network) -> Value {
    let mut s = Scenario::new(name, genesis(network));
    let (first, second) = (at(500, 0x50, 1_700_000_100), at(501, 0x51, 1_699_999_999));
    let all = [
        Given(native(7, network), meta(2), 5_000, Some([0xa1; 32])),
        Given(meta(1), meta(3), 400, Some([0xa2; 32])),
        Given(meta(1), meta(3), 601, None),
        Given(native(8, network), meta(2), 5, Some([0xa1; 32])),
        Given(meta(2), native(9, network), 2_000, Some([0xa3; 32])),
        Given(meta(3), meta(3), 1, None),
        Given("0x1234".into(), meta(3), 1, None),
        Given(native(7, network), native(8, network), 1, None),
        Given(meta(1), meta(2), 0, None),
        Given(native(7, network), meta(2), i64::MAX, None),
        Given(
            meta(1),
            "0x0000000000000000000000000000000000000000".into(),
            7,
            None,
        ),
        Given(meta(3), native(9, network), 100, None),
        Given(meta(1), meta(9), 1, None),
    ];
    let minted = s.mint(first, &all).expect("the context is right");
    let left_out: Vec<u32> = minted.rejected.iter().map(|r| r.index).collect();
    let kept: Vec<Given> = (0u32..)
        .zip(&all)
        .filter(|(index, _)| !left_out.contains(index))
        .map(|(_, given)| given.clone())
        .collect();
    s.connect(0x51, first, &minted.payload, Some(&kept[1..]));
    s.connect(0x51, first, &minted.payload, Some(&all));
    s.connect(0x51, first, &minted.payload, Some(&kept));
    s.connect(0x51, first, &minted.payload, Some(&kept));
    s.connect(0x51, first, &minted.payload[1..], Some(&kept));
    s.withdrawals(1);
    s.withdrawals(2);
    let zero = "0x0000000000000000000000000000000000000000";
    let (one, two, three, nine) = (meta(1), meta(2), meta(3), meta(9));
    let looked = [zero, one.as_str(), &two, &three, &nine, "0x12"];
    s.look(&looked);
    // The native block's time went backwards; an id may not return within the window.
    let again = [Given(native(7, network), meta(4), 9, Some([0xa1; 32]))];
    let empty = s.mint(second, &again).expect("the context is right");
    s.connect(0x52, second, &empty.payload, Some(&[]));
    for (height, parent) in (502..).zip(0x52..0x55) {
        let next = at(height, parent, 1_700_000_200);
        let minted = s.mint(next, &again).expect("the context is right");
        s.connect(parent + 1, next, &minted.payload, None);
    }
    s.look(&[]);
    s.disconnect(0x51);
    for native in [0x55, 0x54, 0x53, 0x52] {
        s.disconnect(native);
    }
    s.look(&looked);
    s.json()
}

/// A block for each way to be wrong.
fn lies() -> Value {
    use libmetachain_primitives::{BlockHash, Root, decode_payload, encode_payload};
    let network = Network::DefichainRegtest;
    let mut s = Scenario::new("lies", genesis(network));
    let context = at(500, 0x50, 1_700_000_100);
    s.mint(at(499, 0x50, 1), &[]);
    let given = [
        Given(native(7, network), meta(2), 5_000, None),
        Given(meta(2), native(9, network), 2_000, None),
    ];
    let minted = s.mint(context, &given).expect("the context is right");
    let good = decode_payload(&minted.payload, 1 << 20, 10).expect("it was just minted");
    let mut lie = |change: &dyn Fn(&mut libmetachain_primitives::Block)| {
        let mut block = good.clone();
        change(&mut block);
        let payload = encode_payload(&block).expect("it is small");
        s.connect(0x51, context, &payload, None);
    };
    lie(&|b| b.header.version = 2);
    lie(&|b| b.header.genesis = BlockHash([9; 32]));
    lie(&|b| b.header.parent = BlockHash([9; 32]));
    lie(&|b| b.header.native_parent = NativeHash([9; 32]));
    lie(&|b| b.header.height = 2);
    lie(&|b| b.header.native_height = 501);
    lie(&|b| b.header.time += 1);
    lie(&|b| b.header.tx_root = Root([9; 32]));
    lie(&|b| b.header.tx_count = 3);
    lie(&|b| b.header.withdrawals_root = Root([9; 32]));
    lie(&|b| b.header.state_root = Root([9; 32]));
    lie(&|b| b.header.supply += 1);
    lie(&|b| {
        b.transactions.reverse();
        b.header.tx_root = libmetachain_primitives::tx_root(&b.transactions);
    });
    lie(&|b| b.transactions = vec![b.transactions[0].clone(); 7]);
    let mut flipped = minted.payload.clone();
    flipped.push(0);
    s.connect(0x51, context, &flipped, None);
    s.connect(0x51, context, &[], None);
    s.connect(0x51, at(499, 0x50, 1_700_000_100), &minted.payload, None);
    s.connect(0x51, context, &minted.payload, None);
    s.connect(0x53, at(501, 0x99, 1_700_000_100), &minted.payload, None);
    s.disconnect(0x99);
    s.look(&[]);
    s.json()
}

/// What can be asked of a chain, and what becomes of the answers when blocks are final or taken back.
fn questions() -> Value {
    let network = Network::BitcoinRegtest;
    let mut s = Scenario::new("questions", genesis(network));
    let given = |n: u8| {
        [
            Given(
                native(7, network),
                meta(2),
                5_000 + i64::from(n),
                Some([n; 32]),
            ),
            Given(meta(2), native(9, network), 2_000, Some([0xe0 + n; 32])),
            Given(meta(1), native(8, network), 3, None),
        ]
    };
    for (height, n) in (500..).zip(1..=3u8) {
        let context = at(height, 0x4f + n, 1_700_000_100);
        let minted = s.mint(context, &given(n)).expect("the context is right");
        s.connect(0x50 + n, context, &minted.payload, Some(&given(n)));
    }
    for txid in [1, 0xe2, 3, 0x77] {
        s.transaction(txid);
    }
    for height in [0, 1, 3, 4] {
        s.payload(height);
    }
    let (two, absent) = (meta(2), meta(0x55));
    for address in [two.as_str(), &absent, "0x12"] {
        s.prove_account(address);
    }
    for (height, index) in [(1, 0), (3, 1), (3, 2), (9, 0)] {
        s.prove_withdrawal(height, index);
    }
    s.finalize(0x77);
    s.finalize(0x52);
    s.disconnect(0x53);
    s.transaction(3);
    s.payload(3);
    s.prove_account(&two);
    s.disconnect(0x52);
    s.finalize(0x51);
    s.look(&[&two]);
    s.json()
}

#[test]
fn answers_are_those_of_the_vectors() {
    let made = json!({
        "scenarios": [
            life("life on a bitcoin-like network", Network::DefichainMainnet),
            life("life on an opaque network", Network::Opaque),
            lies(),
            questions(),
        ],
    });
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        let text = serde_json::to_string_pretty(&made).expect("it is JSON") + "\n";
        std::fs::write(FILE, text).expect("the file can be written");
    }
    let kept: Value =
        serde_json::from_slice(&std::fs::read(FILE).expect("it is committed")).expect("it is JSON");
    assert_eq!(made, kept);
}
