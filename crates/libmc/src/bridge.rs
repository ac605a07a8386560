//! The declarations that both languages share, as the build script wrote them.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::borrowed_box,
    reason = "generated: documented where it comes from, open to nobody, and the client is handed over as C++ holds it"
)]

use crate::chain::{Chain, open, open_text};
use crate::client::{Client, new_client, new_client_with};
use crate::guard::last_error;
use crate::offline::*;
use crate::process::*;

include!(concat!(env!("OUT_DIR"), "/bridge.rs"));
include!(concat!(env!("OUT_DIR"), "/client.rs"));
