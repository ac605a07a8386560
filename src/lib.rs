//! The Node.js edge: values of JavaScript become Rust values and back, and nothing else happens here.
//!
//! One file for each class of the private binding; the names, overloads and errors that users see
//! are written in TypeScript. Every export runs inside [`guard::guard`], so that no panic of ours
//! ends the host's process.
#![allow(
    unreachable_pub,
    reason = "napi exports what is pub; no Rust crate can depend on this one"
)]
// Clippy also looks at this crate as a test, for which napi makes no exports.
#![cfg_attr(test, allow(dead_code))]

mod abort;
mod background;
mod block;
mod build_info;
mod driver;
mod driver_batch;
mod driver_calls;
mod driver_frame;
mod driver_registry;
mod driver_table;
mod events;
mod genesis;
mod guard;
mod handshake;
mod metachain;
mod promise;
mod proofs;
mod queries;
mod rpc_server;
mod snapshot;
mod transactions;
mod values;
mod verify;
