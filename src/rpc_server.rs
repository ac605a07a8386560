//! A JSON-RPC server on an open metachain, beside the event loop and without it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use libmetachain_rpc::{Access, Grant, Limits, RpcServer, Secret, ServerOptions};
use napi::bindgen_prelude::{AsyncTask, Uint8Array};
use napi_derive::napi;

use crate::background::{Job, background};
use crate::guard::{Outcome, guard};
use crate::metachain::NativeMetachain;
use crate::values;

/// A secret and what it opens; exactly one of `token` and `jwt_key` is given.
#[napi(object, object_to_js = false)]
pub struct NativeGrant {
    pub token: Option<String>,
    pub jwt_key: Option<Uint8Array>,
    /// All methods; else queries only.
    pub control: bool,
}

impl NativeGrant {
    fn read(&self) -> Outcome<Grant> {
        let secret = match (&self.token, &self.jwt_key) {
            (Some(token), None) => Secret::bearer(token)?,
            (None, Some(key)) => Secret::jwt(key)?,
            _ => {
                let message = "a secret is a token or a key".to_owned();
                return Err(values::bad("token", message));
            }
        };
        Ok(Grant {
            secret,
            access: match self.control {
                true => Access::Control,
                false => Access::Read,
            },
        })
    }
}

/// Limits that differ from the usual ones; times in milliseconds.
#[derive(Default)]
#[napi(object, object_to_js = false)]
pub struct NativeLimits {
    pub body_bytes_max: Option<u32>,
    pub block_body_bytes_max: Option<u32>,
    pub block_bodies_max: Option<u32>,
    pub response_bytes_max: Option<u32>,
    pub batch_max: Option<u32>,
    pub depth_max: Option<u32>,
    pub connections_max: Option<u32>,
    pub calls_max: Option<u32>,
    pub header_deadline_ms: Option<u32>,
    pub body_deadline_ms: Option<u32>,
    pub write_deadline_ms: Option<u32>,
    pub linger_deadline_ms: Option<u32>,
    pub stop_deadline_ms: Option<u32>,
}

impl NativeLimits {
    fn read(&self) -> Limits {
        let mut limits = Limits::default();
        for (given, place) in [
            (self.body_bytes_max, &mut limits.body_bytes_max),
            (self.block_body_bytes_max, &mut limits.block_body_bytes_max),
            (self.block_bodies_max, &mut limits.block_bodies_max),
            (self.response_bytes_max, &mut limits.response_bytes_max),
            (self.batch_max, &mut limits.batch_max),
            (self.depth_max, &mut limits.depth_max),
            (self.connections_max, &mut limits.connections_max),
            (self.calls_max, &mut limits.calls_max),
        ] {
            if let Some(count) = given {
                *place = count as usize;
            }
        }
        for (given, place) in [
            (self.header_deadline_ms, &mut limits.header_deadline),
            (self.body_deadline_ms, &mut limits.body_deadline),
            (self.write_deadline_ms, &mut limits.write_deadline),
            (self.linger_deadline_ms, &mut limits.linger_deadline),
            (self.stop_deadline_ms, &mut limits.stop_deadline),
        ] {
            if let Some(milliseconds) = given {
                *place = Duration::from_millis(milliseconds.into());
            }
        }
        limits
    }
}

/// Where to listen, whom to believe, and how much to bear.
#[napi(object, object_to_js = false)]
pub struct NativeServeOptions {
    /// An IP address.
    pub host: String,
    pub port: u16,
    pub grants: Vec<NativeGrant>,
    pub limits: NativeLimits,
}

impl NativeServeOptions {
    fn read(&self) -> Outcome<ServerOptions> {
        let host: IpAddr = self.host.parse().map_err(|_| {
            let message = format!("host must be an IP address, not {}", self.host);
            values::bad("host", message)
        })?;
        let grants: Outcome<Vec<_>> = self.grants.iter().map(NativeGrant::read).collect();
        let mut options = ServerOptions::new(grants?);
        options.address = SocketAddr::new(host, self.port);
        options.limits = self.limits.read();
        Ok(options)
    }
}

/// A running server. TypeScript's class `RpcServer` wraps it.
#[napi]
pub struct NativeRpcServer(Arc<RpcServer>);

/// Listens, and answers calls on the chain from then on. The server shares the handle: closing that
/// leaves the server answering `CLOSED`, and losing it leaves the chain open.
#[napi(ts_return_type = "Promise<NativeRpcServer>")]
pub fn start_rpc_server(
    chain: &NativeMetachain,
    options: NativeServeOptions,
) -> napi::Result<AsyncTask<Job<RpcServer, NativeRpcServer>>> {
    guard("startRpcServer", || {
        let (chain, options) = (Arc::clone(chain.inner()), options.read()?);
        let wrap = |server| NativeRpcServer(Arc::new(server));
        Ok(background("serve", wrap, move || {
            Ok(RpcServer::start(chain, &options)?)
        }))
    })
}

#[napi]
impl NativeRpcServer {
    /// Where it listens, as `host:port` with brackets around an IPv6 host.
    #[napi(getter)]
    pub fn address(&self) -> napi::Result<String> {
        guard("RpcServer.address", || Ok(self.0.address().to_string()))
    }

    /// Stops, and resolves when calls in flight are answered or given up.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn close(&self) -> napi::Result<AsyncTask<Job<(), ()>>> {
        guard("rpcServer.close", || {
            let server = Arc::clone(&self.0);
            Ok(background(
                "RpcServer.close",
                |()| (),
                move || {
                    server.stop();
                    Ok(())
                },
            ))
        })
    }
}
