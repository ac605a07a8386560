//! The JSON-RPC client as C++ holds it. Its calls are generated from the specification.

use std::time::Duration;

use libmetachain_primitives::{Code, Error, Result};
use libmetachain_rpc::{CallError, ClientOptions, Secret};

use crate::bridge::ffi::ClientSettings;
use crate::convert;
use crate::guard::guard;

/// A connection to a server.
pub(crate) struct Client(libmetachain_rpc::Client);

impl Client {
    pub(crate) fn caller(&self) -> &libmetachain_rpc::Client {
        &self.0
    }
}

/// A client of a server that asks for no token.
pub(crate) fn new_client(url: &str) -> Result<Box<Client>, CallError> {
    guard("NewClient", || connect(url, ClientOptions::default()))
}

/// A client that shows what its settings say.
pub(crate) fn new_client_with(
    url: &str,
    settings: &ClientSettings,
) -> Result<Box<Client>, CallError> {
    guard("NewClient", || connect(url, options(settings)?))
}

fn connect(url: &str, options: ClientOptions) -> Result<Box<Client>, CallError> {
    Ok(Box::new(Client(libmetachain_rpc::Client::new(
        url, options,
    )?)))
}

fn options(settings: &ClientSettings) -> Result<ClientOptions> {
    let secret = match (settings.token.as_str(), settings.jwt_key.as_slice()) {
        ("", []) => None,
        (token, []) => Some(Secret::bearer(token)?),
        ("", key) => Some(Secret::jwt(key)?),
        _ => {
            let message = "a client shows a token or signs with a key, not both";
            return Err(Error::new(Code::BadArgument, message).with("field", "token"));
        }
    };
    let genesis = match settings.genesis_hash.as_slice() {
        [] => None,
        bytes => Some(convert::hash(bytes, "genesis_hash")?),
    };
    let defaults = ClientOptions::default();
    Ok(ClientOptions {
        secret,
        deadline: match settings.deadline_ms {
            0 => defaults.deadline,
            milliseconds => Duration::from_millis(milliseconds),
        },
        chain_id: Some(settings.chain_id.clone()).filter(|name| !name.is_empty()),
        genesis,
        ..defaults
    })
}

/// The guard around each generated call.
pub(crate) fn guarded<T>(body: impl FnOnce() -> Result<T, CallError>) -> Result<T, CallError> {
    guard("Call", body)
}
