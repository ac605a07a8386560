//! Random blocks for the tests of codecs.
#![allow(dead_code, reason = "each test file uses a part of it")]

use libmetachain_primitives::{
    Amount, Block, BlockHash, Header, MetaAddress, NativeAddress, NativeHash, Root, Transaction,
    TxId,
};
use proptest::prelude::*;

pub(crate) fn native_address() -> impl Strategy<Value = NativeAddress> {
    prop_oneof![
        any::<[u8; 20]>().prop_map(NativeAddress::PubkeyHash),
        any::<[u8; 20]>().prop_map(NativeAddress::ScriptHash),
        any::<[u8; 20]>().prop_map(NativeAddress::WitnessKeyHash),
        any::<[u8; 32]>().prop_map(|program| NativeAddress::Witness {
            version: 0,
            program: program.to_vec()
        }),
        (1u8..=16, prop::collection::vec(any::<u8>(), 2..=40))
            .prop_map(|(version, program)| NativeAddress::Witness { version, program }),
    ]
}

pub(crate) fn transaction() -> impl Strategy<Value = Transaction> {
    let meta = || any::<[u8; 20]>().prop_map(MetaAddress);
    let amount = || (1u64..=i64::MAX as u64).prop_map(|units| Amount::new(units).unwrap());
    let txid = || prop::option::of(any::<[u8; 32]>().prop_map(TxId));
    prop_oneof![
        (native_address(), meta(), amount(), txid()).prop_map(|(from, to, amount, txid)| {
            Transaction::Deposit {
                from,
                to,
                amount,
                txid,
            }
        }),
        (meta(), native_address(), amount(), txid()).prop_map(|(from, to, amount, txid)| {
            Transaction::Withdraw {
                from,
                to,
                amount,
                txid,
            }
        }),
        (meta(), meta(), amount(), txid()).prop_map(|(from, to, amount, txid)| {
            Transaction::Transfer {
                from,
                to,
                amount,
                txid,
            }
        }),
    ]
}

/// A header of which nothing is true.
pub(crate) fn header() -> Header {
    Header {
        version: 1,
        genesis: BlockHash([1; 32]),
        height: 5,
        parent: BlockHash([2; 32]),
        native_height: 6,
        native_parent: NativeHash([3; 32]),
        time: 7,
        tx_count: 4,
        tx_root: Root([4; 32]),
        withdrawals_root: Root([5; 32]),
        state_root: Root([6; 32]),
        supply: 8,
    }
}

pub(crate) fn block() -> impl Strategy<Value = Block> {
    let hashes = any::<[[u8; 32]; 6]>();
    let numbers = any::<(u64, u64, u64, u32, u64)>();
    (hashes, numbers, prop::collection::vec(transaction(), 0..20)).prop_map(
        |(hashes, (height, native_height, time, tx_count, supply), transactions)| Block {
            header: Header {
                version: 1,
                genesis: BlockHash(hashes[0]),
                height,
                parent: BlockHash(hashes[1]),
                native_height,
                native_parent: NativeHash(hashes[2]),
                time,
                tx_count,
                tx_root: Root(hashes[3]),
                withdrawals_root: Root(hashes[4]),
                state_root: Root(hashes[5]),
                supply,
            },
            transactions,
        },
    )
}
