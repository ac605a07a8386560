//! Metachain transactions: what they are follows from whose addresses they name.
#![allow(
    missing_docs,
    reason = "rkyv's derive gives the fields of its resolver no documentation"
)]

use rkyv::{Archive, Deserialize, Serialize};

use crate::address::{MetaAddress, NativeAddress, is_metachain_text};
use crate::amount::{Amount, SUPPLY_MAX};
use crate::error::{Code, Error};
use crate::hash::TxId;
use crate::network::Network;
use crate::receipt::Receipt;
use crate::tree_hash::BLOCK_BYTES;

/// A well-formed transaction. Whether it can be executed depends on the state.
///
/// There is no flag for the kind that a caller could get wrong: an address that begins with `0x` is
/// the metachain's, any other the native chain's.
#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub enum Transaction {
    /// Native funds were locked; the same amount is created here.
    Deposit {
        /// Who locked the funds.
        from: NativeAddress,
        /// Who is credited.
        to: MetaAddress,
        /// Base units.
        amount: Amount,
        /// The native transaction that carries this one.
        txid: Option<TxId>,
    },
    /// The amount is destroyed here, to be released on the native chain.
    Withdraw {
        /// Who is debited.
        from: MetaAddress,
        /// Who gets the released funds.
        to: NativeAddress,
        /// Base units.
        amount: Amount,
        /// The native transaction that carries this one.
        txid: Option<TxId>,
    },
    /// The amount moves between two accounts, which may be the same.
    Transfer {
        /// Who is debited.
        from: MetaAddress,
        /// Who is credited.
        to: MetaAddress,
        /// Base units.
        amount: Amount,
        /// The native transaction that carries this one.
        txid: Option<TxId>,
    },
}

impl Transaction {
    /// Reads the parts as users write them. The receipt of what is malformed has one of the codes
    /// `INVALID_ADDRESS`, `INVALID_KIND` and `INVALID_AMOUNT`, judged in this order.
    pub fn parse(
        from: &str,
        to: &str,
        amount: i64,
        txid: Option<TxId>,
        network: Network,
    ) -> Result<Transaction, Receipt> {
        let part = |part: &str, error: Error| {
            Receipt::new(error.code(), format!("{part}: {}", error.message()))
        };
        let meta = |name, text| MetaAddress::parse(text).map_err(|error| part(name, error));
        let native =
            |name, text| NativeAddress::parse(text, network).map_err(|error| part(name, error));
        match (is_metachain_text(from), is_metachain_text(to)) {
            (true, true) => {
                let (from, to) = (meta("from", from)?, meta("to", to)?);
                let amount = positive(amount)?;
                Ok(Transaction::Transfer {
                    from,
                    to,
                    amount,
                    txid,
                })
            }
            (true, false) => {
                let (from, to) = (meta("from", from)?, native("to", to)?);
                let amount = positive(amount)?;
                Ok(Transaction::Withdraw {
                    from,
                    to,
                    amount,
                    txid,
                })
            }
            (false, true) => {
                let (from, to) = (native("from", from)?, meta("to", to)?);
                let amount = positive(amount)?;
                Ok(Transaction::Deposit {
                    from,
                    to,
                    amount,
                    txid,
                })
            }
            (false, false) => {
                native("from", from)?;
                native("to", to)?;
                Err(Receipt::new(
                    Code::InvalidKind,
                    "both addresses are native: a metachain transaction names at least one metachain address",
                ))
            }
        }
    }

    /// Base units moved.
    #[must_use]
    pub const fn amount(&self) -> Amount {
        match self {
            Transaction::Deposit { amount, .. }
            | Transaction::Withdraw { amount, .. }
            | Transaction::Transfer { amount, .. } => *amount,
        }
    }

    /// The id of the native transaction that carries this one, where it was given.
    #[must_use]
    pub const fn txid(&self) -> Option<&TxId> {
        match self {
            Transaction::Deposit { txid, .. }
            | Transaction::Withdraw { txid, .. }
            | Transaction::Transfer { txid, .. } => txid.as_ref(),
        }
    }

    /// The native address, unless both are the metachain's.
    #[must_use]
    pub const fn native_address(&self) -> Option<&NativeAddress> {
        match self {
            Transaction::Deposit { from, .. } => Some(from),
            Transaction::Withdraw { to, .. } => Some(to),
            Transaction::Transfer { .. } => None,
        }
    }

    /// The canonical texts of the two addresses. Fails only for a value that [`Self::is_valid_on`] refuses.
    pub fn address_texts(&self, network: Network) -> Result<(String, String), Error> {
        Ok(match self {
            Transaction::Deposit { from, to, .. } => (from.to_text(network)?, to.to_string()),
            Transaction::Withdraw { from, to, .. } => (from.to_string(), to.to_text(network)?),
            Transaction::Transfer { from, to, .. } => (from.to_string(), to.to_string()),
        })
    }

    /// Whether [`Transaction::parse`] can give this value on the network; an archive may hold others.
    #[must_use]
    pub fn is_valid_on(&self, network: Network) -> bool {
        self.amount().is_valid()
            && self
                .native_address()
                .is_none_or(|address| address.is_valid_on(network))
    }

    /// Appends the bytes that the transaction root commits to, padded with zeros to whole BLAKE3 blocks.
    ///
    /// Kind (0 deposit, 1 withdraw, 2 transfer), 1 if an id follows, the amount in little-endian,
    /// both addresses (20 bytes, or a native address's tag, version, length and bytes), the id.
    /// The encoding delimits itself, so the padding cannot make two transactions one.
    pub(crate) fn encode_leaf(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let kind = match self {
            Transaction::Deposit { .. } => 0,
            Transaction::Withdraw { .. } => 1,
            Transaction::Transfer { .. } => 2,
        };
        out.extend_from_slice(&[kind, u8::from(self.txid().is_some())]);
        out.extend_from_slice(&self.amount().get().to_le_bytes());
        match self {
            Transaction::Deposit { from, to, .. } => {
                from.encode(out);
                out.extend_from_slice(&to.0);
            }
            Transaction::Withdraw { from, to, .. } => {
                out.extend_from_slice(&from.0);
                to.encode(out);
            }
            Transaction::Transfer { from, to, .. } => {
                out.extend_from_slice(&from.0);
                out.extend_from_slice(&to.0);
            }
        }
        if let Some(txid) = self.txid() {
            out.extend_from_slice(&txid.0);
        }
        let length = out.len() - start;
        out.resize(start + length.next_multiple_of(BLOCK_BYTES), 0);
    }

    /// Bytes that an archive keeps outside of the fixed-size part of the transaction.
    pub(crate) fn out_of_line_bytes(&self) -> usize {
        self.native_address()
            .map_or(0, NativeAddress::out_of_line_bytes)
    }
}

fn positive(amount: i64) -> Result<Amount, Receipt> {
    u64::try_from(amount)
        .ok()
        .and_then(Amount::new)
        .ok_or_else(|| {
            Receipt::new(
                Code::InvalidAmount,
                format!("the amount must be 1 to {SUPPLY_MAX} base units"),
            )
        })
}
