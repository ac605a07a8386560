//! A chain in memory behind a server, and a caller that can be as rude as a test needs it to be.
#![allow(dead_code, reason = "every test binary uses its own part")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use libmetachain_engine::{CandidateBlock, Carried, Metachain, NativeBlock, OpenOptions};
use libmetachain_primitives::{
    Amount, Genesis, MetaAddress, NativeHash, Network, Receipt, Result, Transaction,
};
use libmetachain_rpc::{
    Access, Client, ClientOptions, Grant, Limits, RpcServer, Secret, ServerOptions, next_context,
};
use serde_json::{Value, json};

pub(crate) const CONTROL: &str = "control-control-control";
pub(crate) const READ: &str = "reader-reader-reader";

/// How long a test waits for what must happen before it fails; nothing is asserted about it.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn genesis() -> Genesis {
    let mut genesis = Genesis::new("tests", Network::Opaque);
    let amount = Amount::new(1_000_000).expect("in range");
    genesis.balances.insert(MetaAddress([1; 20]), amount);
    genesis
}

pub(crate) fn chain_of(genesis: Genesis) -> Arc<Metachain> {
    let options = OpenOptions {
        genesis: Some(genesis),
        undo_depth: 3,
        ..OpenOptions::default()
    };
    Arc::new(Metachain::open(&options).expect("it opens in memory"))
}

pub(crate) fn chain() -> Arc<Metachain> {
    chain_of(genesis())
}

/// The native block of this number on the tip, carrying what the chain mints of these transactions.
pub(crate) fn native_block(
    chain: &Metachain,
    number: u8,
    transactions: &[Result<Transaction, Receipt>],
) -> NativeBlock {
    let context = next_context(chain).expect("the chain is open");
    let minted = chain.mint(&context, transactions).expect("it follows");
    NativeBlock {
        hash: NativeHash([number; 32]),
        candidate: CandidateBlock {
            context,
            payload: minted.payload.into(),
            carried: Carried::Unchecked,
        },
    }
}

/// The same block as the parameters of `connectBlock`.
pub(crate) fn connect_params(block: &NativeBlock) -> Value {
    let CandidateBlock {
        context, payload, ..
    } = &block.candidate;
    json!({
        "nativeHash": block.hash.to_string(),
        "nativeHeight": context.native_height,
        "nativeParentHash": context.native_parent.to_string(),
        "time": context.time,
        "payload": hex::encode(payload),
        "carried": { "unchecked": true },
    })
}

/// A chain whose tip nobody can move until it is told to go on: the thread that moves it stands still.
pub(crate) struct Stalled {
    pub(crate) chain: Arc<Metachain>,
    /// Dropping it lets the thread go on.
    pub(crate) stall: Sender<()>,
}

pub(crate) fn stalled() -> Stalled {
    let chain = chain();
    let (stall, gate) = channel::<()>();
    let (stands, standing) = channel();
    // What fails is told on that very thread.
    let told = move |_| {
        let _ = stands.send(());
        let _ = gate.recv();
    };
    chain.disconnect_later(NativeHash([0xff; 32]), Box::new(told));
    standing.recv().expect("there is no such block");
    Stalled { chain, stall }
}

pub(crate) fn grants() -> Vec<Grant> {
    let grant = |token, access| Grant {
        secret: Secret::bearer(token).expect("a token"),
        access,
    };
    vec![grant(CONTROL, Access::Control), grant(READ, Access::Read)]
}

pub(crate) fn serve(chain: &Arc<Metachain>, change: impl FnOnce(&mut Limits)) -> RpcServer {
    let mut options = ServerOptions::new(grants());
    change(&mut options.limits);
    RpcServer::start(Arc::clone(chain), &options).expect("it starts")
}

pub(crate) fn client_with(address: SocketAddr, change: impl FnOnce(&mut ClientOptions)) -> Client {
    let mut options = ClientOptions {
        secret: Some(Secret::bearer(CONTROL).expect("a token")),
        ..ClientOptions::default()
    };
    change(&mut options);
    Client::new(&format!("http://{address}"), options).expect("an address")
}

pub(crate) fn client(server: &RpcServer) -> Client {
    client_with(server.address(), |_| ())
}

/// A JSON-RPC call as text.
pub(crate) fn call(method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "method": format!("metaConsensusRpc_{method}"), "params": params })
        .to_string()
}

/// A connection that sends what it is told.
pub(crate) struct Raw(pub(crate) TcpStream);

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) bytes: usize,
}

impl Answer {
    /// The code of ours in the answer.
    #[track_caller]
    pub(crate) fn code(&self) -> &str {
        self.body["error"]["data"]["code"]
            .as_str()
            .unwrap_or_else(|| panic!("no code in {self:?}"))
    }
}

impl Raw {
    pub(crate) fn connect(address: SocketAddr) -> Raw {
        let stream = TcpStream::connect(address).expect("somebody listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a time-out can be set");
        stream
            .set_write_timeout(Some(PATIENCE))
            .expect("a time-out can be set");
        stream.set_nodelay(true).expect("it can be set");
        Raw(stream)
    }

    /// Sends; a peer that has hung up already shows when reading.
    pub(crate) fn send(&mut self, text: impl AsRef<[u8]>) {
        let _ = self.0.write_all(text.as_ref());
    }

    pub(crate) fn head(token: &str, length: usize) -> String {
        format!(
            "POST / HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        )
    }

    /// Sends a request and reads its answer; the connection can be used again.
    #[track_caller]
    pub(crate) fn post(&mut self, body: &str) -> Answer {
        self.send(Self::head(CONTROL, body.len()));
        self.send(body);
        self.answer().expect("an answer")
    }

    /// Reads an answer; `None` if the server hangs up instead.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match self.0.read(&mut byte) {
                Ok(0) => break,
                Ok(_) => head.push(byte[0]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
                Err(error) => panic!("waited in vain for an answer: {error}"),
            }
        }
        if head.is_empty() {
            return None;
        }
        let text = String::from_utf8(head).expect("headers are ASCII");
        let status = text[9..12].parse().expect("a status");
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().expect("a length"));
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).expect("the whole body");
        let body = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body).expect("the body is JSON")
        };
        Some(Answer {
            status,
            body,
            bytes: length,
        })
    }

    /// Sends a request whose body the server asks for: it has then begun with it.
    #[track_caller]
    pub(crate) fn begin(&mut self, body: &str) {
        let head = Self::head(CONTROL, body.len());
        self.send(head.replace("host: test", "host: test\r\nexpect: 100-continue"));
        let mut asked = [0; 25];
        self.0.read_exact(&mut asked).expect("an answer");
        assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
        self.send(body);
    }

    /// Whether the server has neither answered nor hung up by now.
    pub(crate) fn is_silent(&self) -> bool {
        self.0.set_nonblocking(true).expect("it can be set");
        let peeked = self.0.peek(&mut [0]);
        self.0.set_nonblocking(false).expect("it can be set");
        peeked.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    }

    /// Waits until the server hangs up. Answers before that are dropped.
    #[track_caller]
    pub(crate) fn closed(&mut self) {
        let mut dropped = [0; 65536];
        loop {
            match self.0.read(&mut dropped) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return,
                Err(error) => panic!("waited in vain for the end: {error}"),
            }
        }
    }
}

/// Sends one request on a connection of its own.
#[track_caller]
pub(crate) fn post(server: &RpcServer, token: &str, body: &str) -> Answer {
    let mut raw = Raw::connect(server.address());
    raw.send(Raw::head(token, body.len()));
    raw.send(body);
    raw.answer().expect("an answer")
}

/// That the server answers, and what the tip is.
#[track_caller]
pub(crate) fn tip(server: &RpcServer) -> Value {
    let answer = post(server, READ, &call("tip", &json!({})));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["result"].clone()
}
