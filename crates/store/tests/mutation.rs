//! Random records survive the log byte for byte, and random changes of its bytes are never taken
//! for records.

mod common;

use std::path::Path;
use std::sync::Arc;

use common::crash::{DIR, open, recovered};
use common::{genesis, native};
use libmetachain_ledger::{Record, Store};
use libmetachain_store::Durability;
use libmetachain_store::sim::SimDisk;
use proptest::prelude::*;

fn record() -> impl Strategy<Value = Record> {
    let bytes = |max| prop::collection::vec(any::<u8>(), 0..max);
    let named = (any::<u64>(), any::<u64>());
    prop_oneof![
        (named, bytes(3_000), bytes(500)).prop_map(|((height, number), payload, undo)| {
            Record::Connect {
                height,
                native: native(number),
                payload: Arc::from(payload),
                undo,
            }
        }),
        named.prop_map(|(height, number)| Record::Disconnect {
            height,
            native: native(number),
        }),
        named.prop_map(|(height, number)| Record::Finalize {
            height,
            native: native(number),
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn records_survive(records in prop::collection::vec(record(), 1..20)) {
        let disk = SimDisk::new();
        let opened = open(&disk, Durability::Block).unwrap();
        let mut all = vec![genesis()];
        all.extend(records);
        for record in &all {
            let at = opened.store.append(record.clone()).unwrap();
            prop_assert_eq!(&opened.store.read(at.place).unwrap(), record);
        }
        opened.store.close().unwrap();
        prop_assert_eq!(recovered(&mut open(&disk, Durability::Block).unwrap()).unwrap(), all);
    }

    /// Any overwriting of any stretch: the records are a prefix of what they were, or an error.
    #[test]
    fn overwritten_stretches_are_never_records(
        records in prop::collection::vec(record(), 1..12),
        at in 0_u64..12_000,
        bytes in prop::collection::vec(any::<u8>(), 1..700),
    ) {
        let disk = SimDisk::new();
        let opened = open(&disk, Durability::Block).unwrap();
        let mut all = vec![genesis()];
        all.extend(records);
        for record in &all {
            opened.store.append(record.clone()).unwrap();
        }
        opened.store.close().unwrap();
        drop(opened);
        let path = Path::new(DIR).join("blk00000.dat");
        for (byte, offset) in bytes.iter().zip(at..) {
            disk.damage(&path, offset, *byte);
        }
        if let Ok(mut opened) = open(&disk, Durability::Block)
            && let Ok(records) = recovered(&mut opened)
        {
            prop_assert_eq!(&all[..records.len().min(all.len())], &records[..]);
        }
    }
}
