//! The contract's types, as the contract itself archives them. Use the contract's own crate instead,
//! where it has one: field order and types must be the same.
//!
//! `rkyv` and `bytecheck` derive the archive and its validation, `serde` the JSON. 64-bit integers
//! are strings in JSON, bytes are hexadecimal digits.

use bytecheck::CheckBytes;
use libmetachain_data_driver::json::{hex, integer_string};
use rkyv::{Archive, Deserialize, Serialize};

/// Whose deposit it is.
#[derive(
    Clone, Debug, PartialEq, Archive, Serialize, Deserialize, serde::Serialize, serde::Deserialize,
)]
#[archive_attr(derive(CheckBytes))]
#[serde(transparent)]
pub struct Owner(#[serde(with = "hex")] pub [u8; 8]);

/// A deposit.
#[derive(
    Clone, Debug, PartialEq, Archive, Serialize, Deserialize, serde::Serialize, serde::Deserialize,
)]
#[archive_attr(derive(CheckBytes))]
#[serde(deny_unknown_fields)]
pub struct Deposit {
    /// Whose it is.
    pub owner: Owner,
    /// How much it is.
    #[serde(with = "integer_string")]
    pub value: u64,
    /// From which height it may be withdrawn; any, if there is none.
    pub unlocks_at: Option<u32>,
}

/// What became of a withdrawal.
#[derive(
    Clone, Debug, PartialEq, Archive, Serialize, Deserialize, serde::Serialize, serde::Deserialize,
)]
#[archive_attr(derive(CheckBytes))]
pub enum Outcome {
    /// It was paid.
    Paid,
    /// It has to wait for this many blocks.
    Locked(u32),
}

/// How much was withdrawn.
#[derive(
    Clone, Debug, PartialEq, Archive, Serialize, Deserialize, serde::Serialize, serde::Deserialize,
)]
#[archive_attr(derive(CheckBytes))]
#[serde(transparent)]
pub struct Withdrawn(#[serde(with = "integer_string")] pub u64);
