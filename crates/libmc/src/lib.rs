//! The C++ edge: the metachain as a static library, its functions as C++ sees them.
//!
//! Converts and delegates. What stands on the other side is built on exceptions and raw pointers, so
//! two rules hold here: every function is behind [`guard`], which turns errors into C++ exceptions and
//! lets no panic pass; and nothing is ever borrowed from C++ beyond a call.

mod args;
mod bridge;
mod chain;
mod client;
mod convert;
mod guard;
mod offline;
mod process;
mod settings;
mod source;
mod transactions;
