//! Framework for data drivers: what a driver's author writes once, and nothing else.
//!
//! A *data driver* is a wasm module that converts the data of one contract between JSON, which
//! people and JavaScript read, and rkyv, which contracts read. Its author implements
//! [`ConvertibleContract`] with the helpers of `rkyv07` or `rkyv08` and names the type in
//! [`export_driver!`], which generates every export of the module:
//!
//! ```
//! use libmetachain_data_driver::{ConvertibleContract, Error, JsonValue, Schema, export_driver};
//! # #[cfg(feature = "rkyv08")]
//! use libmetachain_data_driver::rkyv08::{json_to_rkyv_u64, rkyv_to_json_u64};
//!
//! #[derive(Default)]
//! struct Counter;
//!
//! # #[cfg(feature = "rkyv08")]
//! impl ConvertibleContract for Counter {
//!     fn encode_input_fn(&self, fn_name: &str, json: &str) -> Result<Vec<u8>, Error> {
//!         match fn_name {
//!             "increase_by" => json_to_rkyv_u64(json),
//!             name => Err(Error::unknown_function(name)),
//!         }
//!     }
//!
//!     fn decode_input_fn(&self, fn_name: &str, rkyv: &[u8]) -> Result<JsonValue, Error> {
//!         match fn_name {
//!             "increase_by" => rkyv_to_json_u64(rkyv),
//!             name => Err(Error::unknown_function(name)),
//!         }
//!     }
//!
//!     fn decode_output_fn(&self, fn_name: &str, rkyv: &[u8]) -> Result<JsonValue, Error> {
//!         match fn_name {
//!             "increase_by" => rkyv_to_json_u64(rkyv),
//!             name => Err(Error::unknown_function(name)),
//!         }
//!     }
//!
//!     fn decode_event(&self, event_name: &str, _rkyv: &[u8]) -> Result<JsonValue, Error> {
//!         Err(Error::unknown_event(event_name))
//!     }
//!
//!     fn get_schema(&self) -> String {
//!         Schema::new("Counter").function("increase_by", "u64", "u64").to_json()
//!     }
//!
//!     fn get_version(&self) -> &'static str {
//!         env!("CARGO_PKG_VERSION")
//!     }
//! }
//!
//! # #[cfg(feature = "rkyv08")]
//! export_driver!(Counter);
//! ```
//!
//! The trait, the helpers and the exports are those of Dusk's driver framework, so that a driver
//! written for it moves over by its imports, and every host of such drivers can load this one.
//! The crate needs `alloc`, not `std`; a driver that links `std` gets the allocator and the panic
//! handler of its module from there.

#![no_std]

#[cfg(all(
    feature = "rkyv07",
    not(target_family = "wasm"),
    not(feature = "rkyv07-native")
))]
compile_error!(
    "rkyv07 is for wasm modules; a driver's own tests on trusted data may add the feature rkyv07-native"
);

extern crate alloc;

pub mod abi;
mod contract;
mod error;
mod export;
pub mod json;
#[cfg(any(
    all(feature = "rkyv07", target_family = "wasm"),
    feature = "rkyv07-native"
))]
pub mod rkyv07;
#[cfg(feature = "rkyv08")]
pub mod rkyv08;
mod schema;

pub use contract::ConvertibleContract;
pub use error::Error;
pub use json::from_json;
pub use schema::Schema;
pub use serde_json::{Value as JsonValue, to_value as to_json};
