//! What a server is told: where it listens, whom it believes, and how much it bears.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use libmetachain_primitives::{Code, Error, Result};

use crate::auth::Grant;

/// Where a server listens and whom it believes.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The address to listen on; port 0 takes a free one. By default of the loopback interface: beyond
    /// it, tokens and blocks travel in the clear, so that a tunnel or a proxy with TLS belongs in front.
    pub address: SocketAddr,
    /// The tokens that are believed; at least one.
    pub grants: Vec<Grant>,
    /// How much the server bears.
    pub limits: Limits,
}

impl ServerOptions {
    /// A server on a free port of the loopback interface with default limits.
    #[must_use]
    pub fn new(grants: Vec<Grant>) -> Self {
        ServerOptions {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            grants,
            limits: Limits::default(),
        }
    }

    pub(crate) fn validate(&self) -> Result<()> {
        if self.grants.is_empty() {
            return Err(Error::new(
                Code::BadArgument,
                "a server needs a token: without one, whoever reaches its port moves the chain",
            ));
        }
        self.limits.validate()
    }
}

/// How much a server bears before it refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body_bytes_max: usize,
    /// Bytes of the body of a request whose method takes blocks, and which names the method before its
    /// parameters. A payload of 16 MiB has 32 MiB of hex digits, beside its transactions.
    pub block_body_bytes_max: usize,
    /// Requests beyond `body_bytes_max` that are in memory at one time; others wait for their turn.
    pub block_bodies_max: usize,
    /// Bytes of a response.
    pub response_bytes_max: usize,
    /// Calls in a batch.
    pub batch_max: usize,
    /// Levels of objects and lists in a request, those of JSON-RPC included.
    pub depth_max: usize,
    /// Connections at one time. A new one beyond them takes the place of the oldest that has not shown
    /// a valid token; where there is none, it is refused.
    pub connections_max: usize,
    /// Calls that run at one time; others wait.
    pub calls_max: usize,
    /// From accepting a connection to its first header's end, and from an answer to the end of the
    /// next header: how long a connection may say nothing.
    pub header_deadline: Duration,
    /// From the header's end to the body's.
    pub body_deadline: Duration,
    /// How long a caller may take none of the answer's bytes.
    pub write_deadline: Duration,
    /// How long what a refused caller still sends is read and dropped, so that it can read the refusal.
    pub linger_deadline: Duration,
    /// How long stopping waits for calls in flight.
    pub stop_deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            body_bytes_max: 1 << 20,
            block_body_bytes_max: 64 << 20,
            block_bodies_max: 4,
            response_bytes_max: 64 << 20,
            batch_max: 100,
            depth_max: 64,
            connections_max: 256,
            calls_max: 16,
            header_deadline: Duration::from_secs(10),
            body_deadline: Duration::from_secs(30),
            write_deadline: Duration::from_secs(30),
            linger_deadline: Duration::from_secs(2),
            stop_deadline: Duration::from_secs(10),
        }
    }
}

impl Limits {
    fn validate(&self) -> Result<()> {
        let counts = [
            ("bodyBytesMax", self.body_bytes_max),
            ("blockBodyBytesMax", self.block_body_bytes_max),
            ("blockBodiesMax", self.block_bodies_max),
            ("responseBytesMax", self.response_bytes_max),
            ("batchMax", self.batch_max),
            ("depthMax", self.depth_max),
            ("connectionsMax", self.connections_max),
            ("callsMax", self.calls_max),
        ];
        let deadlines = [
            ("headerDeadline", self.header_deadline),
            ("bodyDeadline", self.body_deadline),
            ("writeDeadline", self.write_deadline),
        ];
        let zero = counts
            .iter()
            .find(|(_, count)| *count == 0)
            .map(|(name, _)| *name);
        let none = deadlines
            .iter()
            .find(|(_, time)| time.is_zero())
            .map(|(name, _)| *name);
        if let Some(name) = zero.or(none) {
            return Err(
                Error::new(Code::BadArgument, format!("{name} must not be 0")).with("field", name),
            );
        }
        if self.block_body_bytes_max < self.body_bytes_max {
            return Err(Error::new(
                Code::BadArgument,
                "blockBodyBytesMax must not be less than bodyBytesMax",
            ));
        }
        Ok(())
    }
}
