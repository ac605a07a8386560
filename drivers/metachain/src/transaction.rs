//! The JSON form of transactions and of their addresses.

use libmetachain_data_driver::Error;
use libmetachain_data_driver::json::{hex, integer_string};
use libmetachain_primitives::address::is_metachain_text;
use libmetachain_primitives::{Amount, MetaAddress, NativeAddress, Network, Transaction, TxId};
use serde::{Deserialize, Serialize};

use crate::refused;

/// A transaction as JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransactionJson {
    /// The position among the listed ones, written in lists of one kind; of no meaning when read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    from: AddressJson,
    to: AddressJson,
    #[serde(with = "integer_string")]
    amount: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    txid: Option<Hash>,
}

/// 32 bytes as hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Hash(#[serde(with = "hex")] pub(crate) [u8; 32]);

#[derive(Debug, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "an address is a text or an object that names the form of a native address"
)]
enum AddressJson {
    Text(String),
    Native(NativeJson),
}

/// A native address without its network.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum NativeJson {
    PubkeyHash(#[serde(with = "hex")] [u8; 20]),
    ScriptHash(#[serde(with = "hex")] [u8; 20]),
    Witness(WitnessJson),
    Opaque(String),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WitnessJson {
    version: u8,
    #[serde(with = "hex")]
    program: Vec<u8>,
}

/// One side of a transaction.
enum Side {
    Meta(MetaAddress),
    Native(NativeAddress),
}

impl TransactionJson {
    /// The JSON form; native addresses are texts where the network is given.
    pub(crate) fn write(
        transaction: &Transaction,
        network: Option<Network>,
    ) -> Result<Self, Error> {
        check(transaction, network)?;
        let meta = |address: &MetaAddress| AddressJson::Text(address.to_string());
        let native = |address: &NativeAddress| AddressJson::write(address, network);
        let (from, to) = match transaction {
            Transaction::Deposit { from, to, .. } => (native(from)?, meta(to)),
            Transaction::Withdraw { from, to, .. } => (meta(from), native(to)?),
            Transaction::Transfer { from, to, .. } => (meta(from), meta(to)),
        };
        Ok(TransactionJson {
            index: None,
            from,
            to,
            amount: transaction.amount().get(),
            txid: transaction.txid().map(|id| Hash(id.0)),
        })
    }

    /// The JSON forms of all; an error names the first that has none.
    pub(crate) fn write_all(
        transactions: &[Transaction],
        network: Option<Network>,
    ) -> Result<Vec<Self>, Error> {
        let write = |(index, transaction)| {
            Self::write(transaction, network).map_err(|error| located(index, error))
        };
        transactions.iter().enumerate().map(write).collect()
    }

    /// The JSON forms with their positions.
    pub(crate) fn write_indexed<'a>(
        transactions: impl Iterator<Item = &'a Transaction>,
        network: Option<Network>,
    ) -> Result<Vec<Self>, Error> {
        let write = |(index, transaction)| {
            let mut json =
                Self::write(transaction, network).map_err(|error| located(index, error))?;
            json.index = Some(index);
            Ok(json)
        };
        transactions.enumerate().map(write).collect()
    }

    /// The transaction, which is well-formed on the network where it is given.
    pub(crate) fn read(self, network: Option<Network>) -> Result<Transaction, Error> {
        let amount = Amount::new(self.amount).ok_or_else(|| impossible_amount(self.amount))?;
        let txid = self.txid.map(|hash| TxId(hash.0));
        let (from, to) = (self.from.read(network)?, self.to.read(network)?);
        let transaction = match (from, to) {
            (Side::Native(from), Side::Meta(to)) => Transaction::Deposit {
                from,
                to,
                amount,
                txid,
            },
            (Side::Meta(from), Side::Native(to)) => Transaction::Withdraw {
                from,
                to,
                amount,
                txid,
            },
            (Side::Meta(from), Side::Meta(to)) => Transaction::Transfer {
                from,
                to,
                amount,
                txid,
            },
            (Side::Native(_), Side::Native(_)) => {
                return Err(Error::Other(
                    "INVALID_KIND: both addresses are native".into(),
                ));
            }
        };
        check(&transaction, network)?;
        Ok(transaction)
    }

    /// The transactions; an error names the first that is none.
    pub(crate) fn read_all(
        list: Vec<Self>,
        network: Option<Network>,
    ) -> Result<Vec<Transaction>, Error> {
        let read = |(index, json): (usize, Self)| {
            json.read(network).map_err(|error| located(index, error))
        };
        list.into_iter().enumerate().map(read).collect()
    }
}

impl AddressJson {
    fn write(address: &NativeAddress, network: Option<Network>) -> Result<Self, Error> {
        match network {
            Some(network) => address
                .to_text(network)
                .map(AddressJson::Text)
                .map_err(refused),
            None => Ok(AddressJson::Native(NativeJson::write(address))),
        }
    }

    fn read(self, network: Option<Network>) -> Result<Side, Error> {
        match (self, network) {
            (AddressJson::Text(text), _) if is_metachain_text(&text) => {
                MetaAddress::parse(&text).map(Side::Meta).map_err(refused)
            }
            (AddressJson::Text(text), Some(network)) => NativeAddress::parse(&text, network)
                .map(Side::Native)
                .map_err(refused),
            (AddressJson::Text(_), None) => Err(Error::Other(
                "a native address as text needs its network behind the name, for example \
                 payload@defichain-mainnet"
                    .into(),
            )),
            (AddressJson::Native(native), _) => Ok(Side::Native(native.read())),
        }
    }
}

impl NativeJson {
    fn write(address: &NativeAddress) -> Self {
        match address {
            NativeAddress::PubkeyHash(hash) => NativeJson::PubkeyHash(*hash),
            NativeAddress::ScriptHash(hash) => NativeJson::ScriptHash(*hash),
            NativeAddress::WitnessKeyHash(hash) => NativeJson::Witness(WitnessJson {
                version: 0,
                program: hash.to_vec(),
            }),
            NativeAddress::Witness { version, program } => NativeJson::Witness(WitnessJson {
                version: *version,
                program: program.clone(),
            }),
            // ASCII, or `check` would have refused it.
            NativeAddress::Opaque(text) => {
                NativeJson::Opaque(String::from_utf8_lossy(text).into_owned())
            }
        }
    }

    fn read(self) -> NativeAddress {
        match self {
            NativeJson::PubkeyHash(hash) => NativeAddress::PubkeyHash(hash),
            NativeJson::ScriptHash(hash) => NativeAddress::ScriptHash(hash),
            NativeJson::Witness(WitnessJson { version, program }) => {
                match <[u8; 20]>::try_from(program.as_slice()) {
                    Ok(hash) if version == 0 => NativeAddress::WitnessKeyHash(hash),
                    _ => NativeAddress::Witness { version, program },
                }
            }
            NativeJson::Opaque(text) => NativeAddress::Opaque(text.into_bytes()),
        }
    }
}

/// Refuses what no transaction of the network is, or of any network where none is given: an archive
/// may hold amounts and addresses that nobody could have written.
fn check(transaction: &Transaction, network: Option<Network>) -> Result<(), Error> {
    let amount = transaction.amount().get();
    if Amount::new(amount).is_none() {
        return Err(impossible_amount(amount));
    }
    let valid = match network {
        Some(network) => transaction.is_valid_on(network),
        None => Network::ALL
            .into_iter()
            .any(|network| transaction.is_valid_on(network)),
    };
    if valid {
        Ok(())
    } else {
        let of = network.map_or("any network", Network::as_str);
        Err(Error::Other(format!(
            "INVALID_ADDRESS: no native address of {of} has this value: {:?}",
            transaction.native_address()
        )))
    }
}

fn impossible_amount(units: u64) -> Error {
    Error::Other(format!(
        "INVALID_AMOUNT: no transaction moves {units} base units"
    ))
}

fn located(index: usize, error: Error) -> Error {
    Error::Other(format!("transaction {index}: {error}"))
}
