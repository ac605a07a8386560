//! Scalars between JavaScript and Rust: lengths, signs and ranges are checked here and nowhere else.

use std::sync::atomic::{AtomicI64, Ordering};

use libmetachain_primitives::{Code, Error};
use napi::Env;
use napi::bindgen_prelude::BigInt;

use crate::guard::Outcome;

/// A height, count or time: JavaScript's whole numbers are exact up to 2^53.
pub(crate) fn whole(value: f64, field: &'static str) -> Outcome<u64> {
    const EXACT_MAX: f64 = 9_007_199_254_740_991.0;
    if value.fract() == 0.0 && (0.0..=EXACT_MAX).contains(&value) {
        return Ok(value as u64);
    }
    Err(bad(
        field,
        format!("{field} must be a whole number, not {value}"),
    ))
}

/// As [`whole`], for what fits 32 bits.
pub(crate) fn whole_u32(value: f64, field: &'static str) -> Outcome<u32> {
    u32::try_from(whole(value, field)?)
        .map_err(|_| bad(field, format!("{field} must be below 2^32, not {value}")))
}

/// Base units: not negative, within 64 bits.
pub(crate) fn units(value: &BigInt, field: &'static str) -> Outcome<u64> {
    match value.get_u64() {
        (false, units, true) => Ok(units),
        _ => Err(bad(
            field,
            format!("{field} must be 0 to 2^64-1 base units"),
        )),
    }
}

/// A hash of any kind: exactly 32 bytes.
pub(crate) fn hash<T: From<[u8; 32]>>(bytes: &[u8], field: &'static str) -> Outcome<T> {
    let hash: [u8; 32] = bytes.try_into().map_err(|_| {
        bad(
            field,
            format!("{field} must have 32 bytes, not {}", bytes.len()),
        )
    })?;
    Ok(hash.into())
}

/// A height on its way out. Heights stay far below 2^53.
pub(crate) fn number(value: u64) -> f64 {
    value as f64
}

/// Memory of ours that a JavaScript object holds, made known to its collector: it sees a small
/// handle only, and would let thousands of them pile up.
#[derive(Default)]
pub(crate) struct Weight(AtomicI64);

impl Weight {
    /// Tells the collector, once.
    pub(crate) fn put(&self, env: &Env, bytes: usize) -> napi::Result<()> {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        if self.0.swap(bytes, Ordering::Relaxed) == 0 {
            env.adjust_external_memory(bytes)?;
        }
        Ok(())
    }

    /// Takes it back, when the object is collected.
    pub(crate) fn lift(&self, env: &Env) -> napi::Result<()> {
        let bytes = self.0.swap(0, Ordering::Relaxed);
        env.adjust_external_memory(-bytes).map(drop)
    }
}

/// The failure for an argument that TypeScript should have refused.
pub(crate) fn bad(field: &'static str, message: String) -> crate::guard::Failure {
    Error::new(Code::BadArgument, message)
        .with("field", field)
        .into()
}
