//! While a call is being carried out: it is answered although the server stops, and no more run beside it
//! than are allowed.

mod support;

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use support::{
    CONTROL, Raw, Stalled, call, connect_params, native_block, post, serve, stalled, tip,
};

/// A call that cannot end before the chain goes on.
fn connecting(stalled: &Stalled, raw: &mut Raw) {
    let params = connect_params(&native_block(&stalled.chain, 1, &[]));
    raw.begin(&call("connectBlock", &params));
}

#[test]
fn a_call_that_is_being_carried_out_is_answered_when_the_server_stops() {
    let stalled = stalled();
    let server = Arc::new(serve(&stalled.chain, |limits| {
        limits.stop_deadline = Duration::from_secs(600);
    }));
    let mut caller = Raw::connect(server.address());
    connecting(&stalled, &mut caller);
    // Queries go on beside it, and show that the server has read what came before them.
    for _ in 0..20 {
        tip(&server);
    }
    let stopping = {
        let server = Arc::clone(&server);
        std::thread::spawn(move || server.stop())
    };
    while TcpStream::connect(server.address()).is_ok() {}
    assert!(caller.is_silent(), "the block is not connected");
    assert!(!stopping.is_finished(), "stopping waits for the call");
    let Stalled { chain, stall } = stalled;
    drop(stall);
    let answer = caller.answer().expect("an answer");
    assert_eq!(answer.body["result"]["status"], json!("connected"));
    caller.closed();
    stopping.join().expect("it stops");
    assert_eq!(chain.tip().expect("it is open").tip.height, 1);
    assert_eq!(Arc::strong_count(&chain), 1, "the server has let go of it");
}

#[test]
fn a_call_that_outlives_the_deadline_for_stopping_is_given_up_and_still_carried_out() {
    let stalled = stalled();
    let server = serve(&stalled.chain, |limits| {
        limits.stop_deadline = Duration::from_millis(50);
    });
    let mut caller = Raw::connect(server.address());
    connecting(&stalled, &mut caller);
    for _ in 0..200 {
        tip(&server);
    }
    server.stop();
    caller.closed();
    let Stalled { chain, stall } = stalled;
    drop(stall);
    while chain.tip().expect("it is open").tip.height < 1 {
        std::thread::yield_now();
    }
}

#[test]
fn as_many_calls_as_allowed_run_and_one_more_waits_its_turn() {
    for (most, waits) in [(2, false), (1, true)] {
        let stalled = stalled();
        let server = serve(&stalled.chain, |limits| limits.calls_max = most);
        let mut first = Raw::connect(server.address());
        connecting(&stalled, &mut first);
        // Refusals need no place among the calls, and show how far the server has read.
        let refusals = || {
            for _ in 0..200 {
                assert_eq!(post(&server, "wrong-wrong-wrong-wrong", "{}").status, 401);
            }
        };
        refusals();
        let body = call("tip", &json!({}));
        let mut second = Raw::connect(server.address());
        second.send(Raw::head(CONTROL, body.len()) + &body);
        if waits {
            refusals();
            assert!(second.is_silent(), "it must wait for the other one");
            drop(stalled.stall);
        }
        let answer = second.answer().expect("an answer");
        let height = if waits { "1" } else { "0" };
        assert_eq!(answer.body["result"]["height"], json!(height));
    }
}
