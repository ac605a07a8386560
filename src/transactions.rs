//! Packed transactions: many cross at once, as columns.

use std::sync::OnceLock;

use libmetachain_engine::Carried;
use libmetachain_primitives::{Code, Error, Network, Receipt, Transaction, TxId};
use napi::Env;
use napi::bindgen_prelude::{
    BigInt64ArraySlice, BigUint64Array, ObjectFinalize, Uint8Array, Uint8ArraySlice, Uint32Array,
    Uint32ArraySlice,
};
use napi_derive::napi;

use crate::guard::{Outcome, guard};
use crate::values::{self, Weight};

/// What the engine takes: each transaction, or why it is malformed.
pub(crate) type Parsed = Vec<Result<Transaction, Receipt>>;

const HASH_BYTES: usize = 32;

/// Transactions as columns, in order.
#[napi(object, object_to_js = false)]
pub struct PackedTransactions<'env> {
    /// The addresses as UTF-8, one after the other: from, to, from, to, …
    pub text: Uint8ArraySlice<'env>,
    /// Bytes of each address.
    pub lengths: Uint32ArraySlice<'env>,
    /// Base units; 0 where the amount does not fit, which the ledger refuses as it refuses 0.
    pub amounts: BigInt64ArraySlice<'env>,
    /// 32 bytes a transaction, where any has an id.
    pub txids: Option<Uint8ArraySlice<'env>>,
    /// 1 where the transaction has an id.
    pub with_txid: Option<Uint8ArraySlice<'env>>,
}

impl PackedTransactions<'_> {
    /// Reads the transactions as texts of `network`.
    pub(crate) fn parse(&self, network: Network) -> Outcome<Parsed> {
        let mut parsed = Vec::with_capacity(self.amounts.len());
        let text: &[u8] = &self.text;
        // Checked once for all. The packer writes UTF-8; what is none is no address either.
        let checked = std::str::from_utf8(text).ok();
        let mut lengths = self.lengths.iter();
        let mut at = 0;
        let mut address = || {
            let range = at..at + *lengths.next()? as usize;
            at = range.end;
            let address = match checked {
                Some(text) => text.get(range.clone()),
                None => text
                    .get(range.clone())
                    .and_then(|bytes| std::str::from_utf8(bytes).ok()),
            };
            (range.end <= text.len()).then(|| address.unwrap_or("\u{fffd}"))
        };
        for (index, amount) in self.amounts.iter().enumerate() {
            let (Some(from), Some(to)) = (address(), address()) else {
                return Err(values::bad(
                    "txs",
                    "the packed transactions are cut short".into(),
                ));
            };
            parsed.push(Transaction::parse(
                from,
                to,
                *amount,
                self.txid(index)?,
                network,
            ));
        }
        Ok(parsed)
    }

    fn txid(&self, index: usize) -> Outcome<Option<TxId>> {
        let (Some(flags), Some(txids)) = (&self.with_txid, &self.txids) else {
            return Ok(None);
        };
        if flags.get(index).is_none_or(|flag| *flag == 0) {
            return Ok(None);
        }
        let start = index * HASH_BYTES;
        let bytes = txids.get(start..start + HASH_BYTES).unwrap_or_default();
        values::hash(bytes, "txid").map(Some)
    }
}

/// Transactions that were read once under a network and can be used any number of times.
#[napi(custom_finalize)]
pub struct NativeBatch {
    pub(crate) parsed: Parsed,
    carried: OnceLock<Carried>,
    weight: Weight,
}

impl ObjectFinalize for NativeBatch {
    fn finalize(self, env: Env) -> napi::Result<()> {
        self.weight.lift(&env)
    }
}

#[napi]
impl NativeBatch {
    /// Reads packed transactions as texts of a network.
    #[napi(constructor)]
    pub fn new(env: Env, packed: PackedTransactions, network: String) -> napi::Result<Self> {
        guard("NativeBatch", || {
            let batch = NativeBatch {
                parsed: packed.parse(parse_network(&network)?)?,
                carried: OnceLock::new(),
                weight: Weight::default(),
            };
            let item = size_of::<Result<Transaction, Receipt>>();
            batch.weight.put(&env, batch.parsed.len() * item)?;
            Ok(batch)
        })
    }

    /// The transaction root.
    #[napi]
    pub fn root(&self) -> napi::Result<Uint8Array> {
        guard("NativeBatch.root", || match self.carried() {
            Carried::Root(root) => Ok(Uint8Array::from(root.0)),
            Carried::Malformed { index, receipt } => {
                let message = format!("transaction {index} is malformed: {}", receipt.message);
                let error = Error::new(Code::BadArgument, message)
                    .with("index", *index)
                    .with("receipt", receipt.code.as_str());
                Err(error.into())
            }
            Carried::Unchecked => Err(values::bad("txs", "the batch has no root".into())),
        })
    }
}

impl NativeBatch {
    /// What connect compares a payload with, worked out once.
    pub(crate) fn carried(&self) -> &Carried {
        self.carried.get_or_init(|| Carried::of(&self.parsed))
    }
}

/// The network of this name.
pub(crate) fn parse_network(name: &str) -> Outcome<Network> {
    Network::parse(name)
        .ok_or_else(|| values::bad("network", format!("there is no network '{name}'")))
}

/// Transactions, or withdrawals, on their way out.
#[napi(object, object_from_js = false)]
pub struct TransactionColumns {
    /// The canonical addresses, one after the other: from, to, from, to, …; ASCII.
    pub text: String,
    /// Characters of each address.
    pub lengths: Uint32Array,
    /// Base units.
    pub amounts: BigUint64Array,
    /// 32 bytes a transaction, where any has an id.
    pub txids: Option<Uint8Array>,
    /// 1 where the transaction has an id.
    pub with_txid: Option<Uint8Array>,
}

/// Builds [`TransactionColumns`].
#[derive(Default)]
pub(crate) struct Columns {
    text: String,
    lengths: Vec<u32>,
    amounts: Vec<u64>,
    txids: Vec<u8>,
    with_txid: Vec<u8>,
}

impl Columns {
    pub(crate) fn push(&mut self, from: &str, to: &str, amount: u64, txid: Option<&TxId>) {
        for address in [from, to] {
            self.text.push_str(address);
            // Addresses have at most 128 bytes.
            self.lengths.push(address.len() as u32);
        }
        self.amounts.push(amount);
        self.txids
            .extend_from_slice(&txid.map_or([0; HASH_BYTES], |txid| txid.0));
        self.with_txid.push(u8::from(txid.is_some()));
    }

    pub(crate) fn finish(self) -> TransactionColumns {
        let any = self.with_txid.contains(&1);
        TransactionColumns {
            text: self.text,
            lengths: self.lengths.into(),
            amounts: self.amounts.into(),
            txids: any.then(|| self.txids.into()),
            with_txid: any.then(|| self.with_txid.into()),
        }
    }
}
