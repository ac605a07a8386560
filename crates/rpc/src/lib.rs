//! The metachain over JSON-RPC: a server for a running chain, and the client for it.
//!
//! [`RpcServer::start`] serves a [`libmetachain_engine::Metachain`] over HTTP; [`Client`] calls it. The
//! types of the wire, the server trait and the client trait are generated from `spec/metachain.proto`
//! while this crate is built, into [`wire`]. A caller is believed only after it has shown a token, and
//! before that costs no more than a socket and a header: see [`ServerOptions`] for every limit.

mod auth;
mod body;
mod call_error;
mod client;
mod connection;
mod connections;
mod convert;
mod defaults;
mod dispatch;
pub mod encoding;
mod jwt;
mod object;
mod options;
mod refusal;
mod request;
mod scan;
mod server;
mod service;
pub mod support;
mod transport;

pub use auth::{Access, Grant, Secret};
pub use call_error::CallError;
pub use client::{Client, ClientOptions};
pub use defaults::{events_after, mint_next, next_context};
pub use options::{Limits, ServerOptions};
pub use refusal::error_object;
pub use server::RpcServer;
pub use service::ChainService;

/// The version of the protocol; both sides of a connection must speak the same.
pub const PROTOCOL_VERSION: u32 = 1;

/// The types of the wire and the service on them, generated from `spec/metachain.proto`.
pub mod wire {
    include!(concat!(env!("OUT_DIR"), "/wire.rs"));
}
