//! Records and stores that the tests share.
#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod crash;
pub(crate) mod model;

use std::sync::Arc;

use libmetachain_ledger::Record;
use libmetachain_primitives::NativeHash;
use libmetachain_store::StoreOptions;

/// A native hash that is different for each number.
pub(crate) fn native(number: u64) -> NativeHash {
    NativeHash(*blake3::hash(&number.to_le_bytes()).as_bytes())
}

/// Bytes that look random and depend on the seed.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new()
        .update(&seed.to_le_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

pub(crate) fn genesis() -> Record {
    Record::Genesis {
        bytes: noise(7, 200),
    }
}

pub(crate) fn connect(height: u64, payload: usize, undo: usize) -> Record {
    Record::Connect {
        height,
        native: native(height),
        payload: Arc::from(noise(height, payload)),
        undo: noise(height + 1_000_000, undo),
    }
}

pub(crate) fn disconnect(height: u64) -> Record {
    Record::Disconnect {
        height,
        native: native(height),
    }
}

/// Options with segments so small that tests go through many.
pub(crate) fn small(segment_bytes: u64) -> StoreOptions {
    StoreOptions {
        segment_bytes,
        fill_bytes: 8192,
        ..StoreOptions::default()
    }
}
