//! How a server ends: what is under way is answered, what is not is not waited for, and the chain is
//! let go of.

mod support;

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use libmetachain_primitives::Code;
use libmetachain_rpc::{RpcServer, ServerOptions};
use serde_json::json;
use support::{CONTROL, Raw, call, chain, grants, serve, tip};

#[test]
fn a_call_in_flight_is_answered_and_silent_connections_are_not_waited_for() {
    let chain = chain();
    let server = Arc::new(serve(&chain, |limits| {
        limits.stop_deadline = Duration::from_secs(600)
    }));
    let body = call("tip", &json!({}));
    let (first, rest) = body.split_at(10);
    let mut calling = Raw::connect(server.address());
    calling.send(Raw::head(CONTROL, body.len()));
    calling.send("");
    calling.send(first);
    let mut idle = Raw::connect(server.address());
    assert_eq!(idle.post(&body).status, 200);
    let mut stranger = Raw::connect(server.address());
    stranger.send("POST / HTTP/1.1\r\n");
    // The answer on another connection shows that the server has seen what came before it.
    tip(&server);

    let stopping: Vec<_> = (0..2)
        .map(|_| {
            let server = Arc::clone(&server);
            std::thread::spawn(move || server.stop())
        })
        .collect();
    idle.closed();
    stranger.closed();
    while TcpStream::connect(server.address()).is_ok() {}
    calling.send(rest);
    let answer = calling.answer().expect("an answer");
    assert_eq!(answer.status, 200);
    assert!(answer.body["result"].is_object());
    calling.closed();
    for thread in stopping {
        thread.join().expect("both callers return");
    }
    server.stop();
    assert_eq!(
        Arc::strong_count(&chain),
        1,
        "the server has let go of the chain"
    );
    chain.tip().expect("the chain goes on");
}

#[test]
fn a_call_that_never_ends_is_given_up_after_the_deadline() {
    let server = serve(&chain(), |limits| {
        limits.stop_deadline = Duration::from_millis(100)
    });
    let mut stalled = Raw::connect(server.address());
    stalled.send(Raw::head(CONTROL, 100));
    tip(&server);
    server.stop();
    stalled.closed();
}

#[test]
fn dropping_a_server_ends_it() {
    let chain = chain();
    let server = serve(&chain, |_| ());
    let address = server.address();
    drop(server);
    while TcpStream::connect(address).is_ok() {}
}

#[test]
fn a_server_can_be_stopped_and_dropped_within_an_asynchronous_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let server = serve(&chain(), |_| ());
        let client = support::client(&server);
        use libmetachain_rpc::wire::{MetaEmpty, MetachainClient};
        client.meta_get_tip(&MetaEmpty {}).expect("it answers");
        server.stop();
        drop((server, client));
    });
}

#[test]
fn what_cannot_be_served_is_refused_at_the_start() {
    let chain = chain();
    let server = serve(&chain, |_| ());
    let refused = |options: &ServerOptions| {
        RpcServer::start(Arc::clone(&chain), options)
            .expect_err("it must be refused")
            .code()
    };
    let mut taken = ServerOptions::new(grants());
    taken.address = server.address();
    assert_eq!(refused(&taken), Code::InternalIo);
    assert_eq!(refused(&ServerOptions::new(Vec::new())), Code::BadArgument);
    let mut none = ServerOptions::new(grants());
    none.limits.connections_max = 0;
    assert_eq!(refused(&none), Code::BadArgument);
    let mut less = ServerOptions::new(grants());
    less.limits.block_body_bytes_max = less.limits.body_bytes_max - 1;
    assert_eq!(refused(&less), Code::BadArgument);
    let mut never = ServerOptions::new(grants());
    never.limits.header_deadline = Duration::ZERO;
    assert_eq!(refused(&never), Code::BadArgument);
}
