//! A value with every shape that contracts use, which both frameworks convert in the tests.
#![allow(
    missing_docs,
    reason = "rkyv's derive gives the fields of its resolver no documentation"
)]

use std::collections::BTreeMap;

use bytecheck::CheckBytes;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use rkyv::{Archive, Deserialize, Serialize};

/// The guide for authors, whose examples are run as this crate's.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/writing-drivers.md")]
pub struct Guide;

/// Who owns a [`Record`]: an enum with a bare, a one-part, a tuple and a struct form.
#[derive(
    Clone, Debug, PartialEq, Archive, Serialize, Deserialize, serde::Serialize, serde::Deserialize,
)]
#[archive_attr(derive(CheckBytes))]
pub enum Owner {
    /// No one.
    Nobody,
    /// A name.
    Named(String),
    /// A range of numbers.
    Range(i64, u8),
    /// A contract.
    Contract {
        /// Its id.
        id: [u8; 32],
        /// Its parts.
        parts: Vec<u32>,
    },
}

/// A struct of everything.
#[derive(
    Clone, Debug, PartialEq, Archive, Serialize, Deserialize, serde::Serialize, serde::Deserialize,
)]
#[archive_attr(derive(CheckBytes))]
pub struct Record {
    /// A number that JavaScript may not hold.
    pub value: u64,
    /// A number of the widest alignment that archives have.
    pub wide: u128,
    /// A signed number.
    pub signed: i32,
    /// A flag between numbers, so that there is padding.
    pub flag: bool,
    /// One character.
    pub letter: char,
    /// An enum.
    pub owner: Owner,
    /// What may be missing.
    pub memo: Option<String>,
    /// A list of lists.
    pub lists: Vec<Vec<u16>>,
    /// A map.
    pub balances: BTreeMap<String, u64>,
    /// A box.
    pub boxed: Box<u64>,
}

fn owner() -> impl Strategy<Value = Owner> {
    prop_oneof![
        Just(Owner::Nobody),
        any::<String>().prop_map(Owner::Named),
        any::<(i64, u8)>().prop_map(|(low, high)| Owner::Range(low, high)),
        (any::<[u8; 32]>(), vec(any::<u32>(), 0..5))
            .prop_map(|(id, parts)| Owner::Contract { id, parts }),
    ]
}

/// Any record.
pub fn record() -> impl Strategy<Value = Record> {
    // JSON values have no room for wider integers.
    let plain = any::<(u64, u64, i32, bool, char)>();
    let nested = (
        owner(),
        option::of(any::<String>()),
        vec(vec(any::<u16>(), 0..4), 0..4),
        btree_map(any::<String>(), any::<u64>(), 0..20),
        any::<u64>(),
    );
    (plain, nested).prop_map(|((value, wide, signed, flag, letter), nested)| {
        let (owner, memo, lists, balances, boxed) = nested;
        Record {
            value,
            wide: wide.into(),
            signed,
            flag,
            letter,
            owner,
            memo,
            lists,
            balances,
            boxed: Box::new(boxed),
        }
    })
}
