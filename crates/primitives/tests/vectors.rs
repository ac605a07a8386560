//! The encodings, held to `spec/vectors/encodings.json`, which every binding is held to as well.
//!
//! The formats are final: a difference is a defect of the code. `UPDATE_VECTORS=1` writes the file
//! anew, which only an added case justifies.

use libmetachain_primitives::{
    Amount, Block, BlockHash, Genesis, Header, MetaAddress, NativeAddress, NativeHash, Network,
    Root, Transaction, TxId, encode_payload, prove_withdrawal, tx_root, verify_withdrawal,
    withdrawals_root,
};
use serde_json::{Value, json};

const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../spec/vectors/encodings.json"
);

fn address_cases() -> Vec<Value> {
    let texts = [
        "0x52908400098527886e0f7030069857d2e4169ee7",
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
        "0X5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0x0000000000000000000000000000000000000000",
        "0x1234",
        "",
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "3P14159f73E4gFr7JterCCQh9QjiTjiZrG",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
        "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
        "any printable text",
    ];
    let mut made = Vec::new();
    for network in Network::ALL {
        for address in samples() {
            if let Ok(text) = address.to_text(network) {
                made.push((network, text));
            }
        }
        made.extend(texts.iter().map(|text| (network, (*text).to_owned())));
    }
    made.into_iter()
        .map(|(network, text)| {
            let read = if text.starts_with("0x") || text.starts_with("0X") {
                MetaAddress::parse(&text).map(|address| address.to_string())
            } else {
                NativeAddress::parse(&text, network).and_then(|address| address.to_text(network))
            };
            let (canonical, code) = match read {
                Ok(canonical) => (Some(canonical), None),
                Err(error) => (None, Some(error.code().as_str())),
            };
            json!({ "network": network.as_str(), "text": text, "canonical": canonical, "code": code })
        })
        .collect()
}

fn samples() -> Vec<NativeAddress> {
    vec![
        NativeAddress::PubkeyHash([0x11; 20]),
        NativeAddress::ScriptHash([0x22; 20]),
        NativeAddress::WitnessKeyHash([0x33; 20]),
        NativeAddress::Witness {
            version: 0,
            program: vec![0x44; 32],
        },
        NativeAddress::Witness {
            version: 1,
            program: vec![0x55; 32],
        },
        NativeAddress::Witness {
            version: 16,
            program: vec![0x66; 2],
        },
        NativeAddress::Opaque(b"host address 7".to_vec()),
    ]
}

fn genesis_cases() -> Vec<Value> {
    let mut funded = Genesis::new("vectors", Network::DefichainMainnet);
    for n in [3u8, 1, 2] {
        let amount = Amount::new(u64::from(n) * 100_000_000).unwrap();
        funded.balances.insert(MetaAddress([n; 20]), amount);
    }
    funded.native_start = Some(2_000_000);
    funded.time = 1_700_000_000;
    funded.transactions_max = 50;
    funded.payload_bytes_max = 100_000;
    funded.replay_window = 10;
    [Genesis::new("plain", Network::Opaque), funded]
        .iter()
        .map(|genesis| {
            let bytes = genesis.encode();
            assert_eq!(&Genesis::decode(&bytes).unwrap(), genesis);
            let balances: serde_json::Map<String, Value> = genesis
                .balances
                .iter()
                .map(|(address, amount)| (address.to_string(), json!(amount.to_string())))
                .collect();
            json!({
                "chainId": genesis.chain_id,
                "network": genesis.network.as_str(),
                "balances": balances,
                "nativeStart": genesis.native_start,
                "transactionsMax": genesis.transactions_max,
                "payloadBytesMax": genesis.payload_bytes_max,
                "replayWindow": genesis.replay_window,
                "time": genesis.time,
                "encoding": hex::encode(bytes),
                "hash": genesis.hash().to_string(),
            })
        })
        .collect()
}

/// Transactions of every kind, with and without an id, to every sort of address.
fn transactions(network: Network) -> Vec<Transaction> {
    let mut list = Vec::new();
    for (n, native) in (1u8..).zip(samples()) {
        if !native.is_valid_on(network) {
            continue;
        }
        let meta = MetaAddress([n; 20]);
        let amount = Amount::new(u64::from(n) << (8 * (n % 7))).unwrap();
        for txid in [None, Some(TxId([n | 0x80; 32]))] {
            list.push(Transaction::Deposit {
                from: native.clone(),
                to: meta,
                amount,
                txid,
            });
            list.push(Transaction::Withdraw {
                from: meta,
                to: native.clone(),
                amount,
                txid,
            });
            let to = MetaAddress([n + 1; 20]);
            list.push(Transaction::Transfer {
                from: meta,
                to,
                amount,
                txid,
            });
        }
    }
    list
}

fn block_case(network: Network, transactions: Vec<Transaction>) -> Value {
    let header = Header {
        version: 1,
        genesis: BlockHash([0xa0; 32]),
        height: 7,
        parent: BlockHash([0xa1; 32]),
        native_height: 2_000_006,
        native_parent: NativeHash([0xa2; 32]),
        time: 1_700_000_123,
        tx_count: transactions.len() as u32,
        tx_root: tx_root(&transactions),
        withdrawals_root: withdrawals_root(&transactions),
        state_root: Root([0xa3; 32]),
        supply: i64::MAX as u64,
    };
    let listed: Vec<Value> = transactions
        .iter()
        .map(|transaction| {
            let (from, to) = transaction.address_texts(network).unwrap();
            json!({
                "from": from,
                "to": to,
                "amount": transaction.amount().to_string(),
                "txid": transaction.txid().map(ToString::to_string),
            })
        })
        .collect();
    let proofs: Vec<String> = (0..)
        .map_while(|index| prove_withdrawal(&transactions, index).ok())
        .inspect(|proof| assert!(verify_withdrawal(&header.withdrawals_root, proof).is_ok()))
        .map(hex::encode)
        .collect();
    let block = Block {
        header,
        transactions,
    };
    json!({
        "network": network.as_str(),
        "transactions": listed,
        "txRoot": header.tx_root.to_string(),
        "withdrawalsRoot": header.withdrawals_root.to_string(),
        "withdrawalProofs": proofs,
        "header": hex::encode(header.encode()),
        "hash": header.hash().to_string(),
        "payload": hex::encode(encode_payload(&block).unwrap()),
    })
}

#[test]
fn encodings_are_those_of_the_vectors() {
    let made = json!({
        "addresses": address_cases(),
        "genesis": genesis_cases(),
        "blocks": [
            block_case(Network::DefichainMainnet, Vec::new()),
            block_case(Network::DefichainMainnet, transactions(Network::DefichainMainnet)),
            block_case(Network::Opaque, transactions(Network::Opaque)),
        ],
    });
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        let text = serde_json::to_string_pretty(&made).unwrap() + "\n";
        std::fs::write(FILE, text).unwrap();
    }
    let kept: Value = serde_json::from_slice(&std::fs::read(FILE).unwrap()).unwrap();
    assert_eq!(made, kept);
}
