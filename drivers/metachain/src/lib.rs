//! The metachain's own data driver: payloads, transactions and events as JSON.
//!
//! The bytes are those of the chain itself: a payload as the native node embeds it, and rkyv 0.8
//! archives of transactions. A name says what they are and, behind an `@`, on which network their
//! native addresses are to be written and read, for example `payload@defichain-mainnet`:
//!
//! | function, input and output | bytes | JSON |
//! |---|---|---|
//! | `payload` | a payload | the block, an object |
//! | `transaction` | an archived transaction | an object |
//! | `transactions` | archived transactions | an array of objects |
//!
//! | event | bytes | JSON |
//! |---|---|---|
//! | `connected`, `disconnected` | the block's payload | the block, an object |
//! | `deposits`, `withdrawals`, `transfers` | the block's payload | its transactions of this kind, an array of objects with their `index` among these |
//!
//! A block is `{version, genesisHash, height, hash, parentHash, nativeHeight, nativeParentHash,
//! time, txCount, txRoot, withdrawalsRoot, stateRoot, supply, transactions}`, a transaction is
//! `{from, to, amount, txid?}`. Hashes are hexadecimal digits. Integers of 64 bits are strings.
//! `hash` follows from the rest: it may be left out of what is encoded, and must be right where it
//! is given. `txCount` may be left out too.
//!
//! A native address does not say which network it is of, so a name without a network writes it as
//! an object: `{"pubkeyHash": HEX}`, `{"scriptHash": HEX}`, `{"witness": {"version": 0, "program":
//! HEX}}` or `{"opaque": TEXT}`. Both forms are read where the network is known.
//!
//! What a block claims about itself is not judged: that needs the state of the chain.

mod block;
mod name;
mod transaction;

use libmetachain_data_driver::rkyv08::{from_rkyv, to_rkyv};
use libmetachain_data_driver::{
    ConvertibleContract, Error, JsonValue, Schema, export_driver, from_json, to_json,
};
use libmetachain_primitives::{Block, Network, Transaction, decode_payload, encode_payload};

use crate::block::BlockJson;
use crate::name::{EventData, FunctionData, Kind, event, function};
use crate::transaction::TransactionJson;

/// The driver; it has no state.
#[derive(Clone, Copy, Debug, Default)]
pub struct MetachainDriver;

impl ConvertibleContract for MetachainDriver {
    fn encode_input_fn(&self, fn_name: &str, json: &str) -> Result<Vec<u8>, Error> {
        let (data, network) = function(fn_name)?;
        match data {
            FunctionData::Payload => {
                let block = from_json::<BlockJson>(json)?;
                encode_payload(&block.read(network)?).map_err(refused)
            }
            FunctionData::Transaction => {
                let transaction = from_json::<TransactionJson>(json)?;
                to_rkyv(&transaction.read(network)?)
            }
            FunctionData::Transactions => {
                let list = from_json::<Vec<TransactionJson>>(json)?;
                to_rkyv(&TransactionJson::read_all(list, network)?)
            }
        }
    }

    fn decode_input_fn(&self, fn_name: &str, rkyv: &[u8]) -> Result<JsonValue, Error> {
        let (data, network) = function(fn_name)?;
        match data {
            FunctionData::Payload => block_json(rkyv, network),
            FunctionData::Transaction => {
                let transaction = from_rkyv::<Transaction>(rkyv)?;
                Ok(to_json(TransactionJson::write(&transaction, network)?)?)
            }
            FunctionData::Transactions => {
                let transactions = from_rkyv::<Vec<Transaction>>(rkyv)?;
                Ok(to_json(TransactionJson::write_all(
                    &transactions,
                    network,
                )?)?)
            }
        }
    }

    fn decode_output_fn(&self, fn_name: &str, rkyv: &[u8]) -> Result<JsonValue, Error> {
        self.decode_input_fn(fn_name, rkyv)
    }

    fn decode_event(&self, event_name: &str, rkyv: &[u8]) -> Result<JsonValue, Error> {
        let (data, network) = event(event_name)?;
        match data {
            EventData::Block => block_json(rkyv, network),
            EventData::Transactions(kind) => {
                let block = read_payload(rkyv)?;
                let chosen = block
                    .transactions
                    .iter()
                    .filter(|transaction| Kind::of(transaction) == kind);
                Ok(to_json(TransactionJson::write_indexed(chosen, network)?)?)
            }
        }
    }

    fn get_schema(&self) -> String {
        let network = "@NETWORK behind the name writes native addresses as text.";
        Schema::new("Metachain")
            .documented_function("payload", network, "Block", "Block")
            .documented_function("transaction", network, "Transaction", "Transaction")
            .documented_function(
                "transactions",
                network,
                "Vec<Transaction>",
                "Vec<Transaction>",
            )
            .event("connected", "Block")
            .event("disconnected", "Block")
            .event("deposits", "Vec<Transaction>")
            .event("withdrawals", "Vec<Transaction>")
            .event("transfers", "Vec<Transaction>")
            .to_json()
    }

    fn get_version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}

/// The block of a payload of any size: the host has limited the bytes, and they limit the rest.
fn read_payload(payload: &[u8]) -> Result<Block, Error> {
    decode_payload(payload, u32::MAX, u32::MAX)
        .map_err(|error| Error::Rkyv(format!("{}: {}", error.code().as_str(), error.message())))
}

fn block_json(payload: &[u8], network: Option<Network>) -> Result<JsonValue, Error> {
    let block = read_payload(payload)?;
    Ok(to_json(BlockJson::write(&block, network)?)?)
}

/// A refusal of the chain's own code, in a driver's words.
fn refused(error: libmetachain_primitives::Error) -> Error {
    Error::Other(format!("{}: {}", error.code().as_str(), error.message()))
}

export_driver!(MetachainDriver);
