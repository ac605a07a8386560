//! Every limit of the server at what it allows and one beyond, and what is left of it afterwards.

mod support;

use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use support::{Answer, CONTROL, READ, Raw, call, chain, client, post, serve, tip};

use libmetachain_rpc::wire::{MetaEmpty, MetachainClient};

/// A deadline that a test waits out, and one that none does.
const SHORT: Duration = Duration::from_millis(150);

/// A request for the tip of exactly so many bytes.
fn padded(body: &str, bytes: usize) -> String {
    format!("{body}{}", " ".repeat(bytes - body.len()))
}

#[track_caller]
fn assert_too_large(answer: &Answer, status: u16, limit: usize) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.code(), "RPC_TOO_LARGE");
    assert_eq!(
        answer.body["error"]["data"]["details"]["limit"],
        json!(limit.to_string())
    );
}

#[test]
fn a_body_of_the_limit_is_read_and_one_byte_more_is_not() {
    let server = serve(&chain(), |limits| limits.body_bytes_max = 1000);
    let body = call("tip", &json!({}));
    assert_eq!(post(&server, READ, &padded(&body, 1000)).status, 200);
    assert_too_large(&post(&server, READ, &padded(&body, 1001)), 413, 1000);

    // The same without announcing the length, in chunks of one byte.
    for (bytes, status) in [(1000, 200), (1001, 413)] {
        let mut raw = Raw::connect(server.address());
        raw.send(format!(
            "POST / HTTP/1.1\r\nauthorization: Bearer {READ}\r\ncontent-type: application/json\r\n\
             transfer-encoding: chunked\r\n\r\n"
        ));
        for byte in padded(&body, bytes).bytes() {
            raw.send(format!("1\r\n{}\r\n", char::from(byte)));
        }
        raw.send("0\r\n\r\n");
        assert_eq!(
            raw.answer().expect("an answer").status,
            status,
            "{bytes} bytes"
        );
    }
    tip(&server);
}

#[test]
fn only_methods_that_take_blocks_may_send_much_and_only_if_they_say_so_first() {
    let server = serve(&chain(), |limits| {
        limits.body_bytes_max = 1000;
        limits.block_body_bytes_max = 5000;
    });
    let mint = call("mintBlock", &json!({ "txs": [] }));
    let method_first =
        r#"{"jsonrpc":"2.0","id":1,"method":"metaConsensusRpc_mintBlock","params":{"txs":[]}}"#;
    assert_eq!(
        post(&server, CONTROL, &padded(method_first, 5000)).status,
        200
    );
    assert_too_large(
        &post(&server, CONTROL, &padded(method_first, 5001)),
        413,
        5000,
    );
    assert_too_large(
        &post(&server, CONTROL, &padded(&call("tip", &json!({})), 5000)),
        413,
        1000,
    );
    assert_too_large(
        &post(&server, CONTROL, &padded(&format!("[{mint}]"), 1001)),
        413,
        1000,
    );

    let method_late = format!(
        r#"{{"jsonrpc":"2.0","id":1,"params":{{"txs":[]{}}},"method":"metaConsensusRpc_mintBlock"}}"#,
        " ".repeat(1000)
    );
    assert_too_large(&post(&server, CONTROL, &method_late), 413, 1000);
    tip(&server);
}

#[test]
fn as_many_large_bodies_as_allowed_are_read_and_one_more_waits_its_turn() {
    let body = padded(
        r#"{"jsonrpc":"2.0","id":1,"method":"metaConsensusRpc_mintBlock","params":{"txs":[]}}"#,
        5000,
    );
    for (most, waits) in [(2, false), (1, true)] {
        let server = serve(&chain(), |limits| {
            limits.body_bytes_max = 1000;
            limits.block_body_bytes_max = 5000;
            limits.block_bodies_max = most;
        });
        let (first, rest) = body.split_at(4000);
        let mut half = Raw::connect(server.address());
        assert_eq!(half.post(&call("tip", &json!({}))).status, 200);
        half.send(Raw::head(CONTROL, body.len()) + first);
        // What came first on one connection is read by the time that later ones are answered.
        for _ in 0..20 {
            tip(&server);
        }
        let mut whole = Raw::connect(server.address());
        whole.send(Raw::head(CONTROL, body.len()) + &body);
        if waits {
            for _ in 0..20 {
                tip(&server);
                assert!(whole.is_silent(), "it must wait for the other one");
            }
            half.send(rest);
            assert_eq!(half.answer().expect("an answer").status, 200);
        }
        assert_eq!(whole.answer().expect("an answer").status, 200, "{most}");
    }
}

#[test]
fn a_batch_of_the_limit_is_answered_and_one_call_more_is_not() {
    let server = serve(&chain(), |limits| limits.batch_max = 3);
    let batch = |count| format!("[{}]", vec![call("tip", &json!({})); count].join(","));
    let answer = post(&server, READ, &batch(3));
    assert_eq!(answer.body.as_array().map(Vec::len), Some(3));
    assert!(answer.body[2]["result"]["hash"].is_string());
    assert_too_large(&post(&server, READ, &batch(4)), 200, 3);
}

#[test]
fn a_batch_answers_each_call_by_its_id() {
    let server = serve(&chain(), |_| ());
    let batch = r#"[
        {"jsonrpc":"2.0","id":"a","method":"metaConsensusRpc_supply"},
        {"jsonrpc":"2.0","id":7,"method":"metaConsensusRpc_disconnectBlock","params":[{"nativeHash":"00"}]},
        {"jsonrpc":"2.0","method":"metaConsensusRpc_tip"},
        5]"#;
    let answer = post(&server, READ, batch).body;
    assert_eq!(
        (&answer[0]["id"], &answer[0]["result"]["supply"]),
        (&json!("a"), &json!("1000000"))
    );
    assert_eq!(answer[1]["id"], json!(7));
    assert_eq!(
        answer[1]["error"]["data"]["code"],
        json!("RPC_UNAUTHORIZED")
    );
    assert_eq!(answer[2]["error"]["code"], json!(-32600));
    assert_eq!(
        (&answer[3]["id"], &answer[3]["error"]["code"]),
        (&Value::Null, &json!(-32600))
    );
}

#[test]
fn a_request_of_the_depth_is_read_and_one_level_more_is_not() {
    let server = serve(&chain(), |limits| limits.depth_max = 10);
    // The call itself and its parameters are two levels.
    let nested = |levels: usize| {
        let list = "[".repeat(levels - 2) + &"]".repeat(levels - 2);
        let params: Value = serde_json::from_str(&format!(r#"{{"x":{list}}}"#)).expect("JSON");
        call("tip", &params)
    };
    let answer = post(&server, READ, &nested(10));
    assert_eq!((answer.status, answer.code()), (200, "BAD_ARGUMENT"));
    assert_too_large(&post(&server, READ, &nested(11)), 413, 10);
    // What would overflow the parser's stack does not reach it.
    assert_too_large(&post(&server, READ, &"[".repeat(500_000)), 413, 10);
    tip(&server);
}

#[test]
fn an_answer_of_the_limit_is_sent_and_one_byte_more_is_not() {
    let chain = chain();
    let body = call("version", &json!({}));
    let bytes = post(&serve(&chain, |_| ()), READ, &body).bytes;
    let fits = serve(&chain, |limits| limits.response_bytes_max = bytes);
    assert!(post(&fits, READ, &body).body["result"].is_object());
    assert_too_large(&post(&fits, READ, &format!("[{body},{body}]")), 200, bytes);
    let short = serve(&chain, |limits| limits.response_bytes_max = bytes - 1);
    let answer = post(&short, READ, &body);
    assert_too_large(&answer, 200, bytes - 1);
    assert_eq!(
        answer.body["id"],
        json!(1),
        "the refusal is addressed to its call"
    );
}

#[test]
fn as_many_connections_as_allowed_are_served_and_one_more_is_not() {
    let server = serve(&chain(), |limits| limits.connections_max = 3);
    let body = call("tip", &json!({}));
    let mut raws: Vec<Raw> = (0..3).map(|_| Raw::connect(server.address())).collect();
    for raw in &mut raws {
        assert_eq!(raw.post(&body).status, 200);
    }
    Raw::connect(server.address()).closed();
    for raw in &mut raws {
        assert_eq!(raw.post(&body).status, 200, "those that are served stay");
    }
    raws.pop();
    // The server hears of the end of a connection in its own time.
    while {
        let mut raw = Raw::connect(server.address());
        raw.send(Raw::head(CONTROL, body.len()) + &body);
        raw.answer().is_none()
    } {}
}

#[test]
fn strangers_hold_no_place_that_somebody_needs() {
    let server = serve(&chain(), |limits| limits.connections_max = 2);
    let mut first = Raw::connect(server.address());
    first.send("POST / HTTP/1.1\r\n");
    let mut second = Raw::connect(server.address());
    second.send("POST / HTTP/1.1\r\n");
    let mut caller = Raw::connect(server.address());
    assert_eq!(caller.post(&call("tip", &json!({}))).status, 200);
    first.closed();
}

#[test]
fn five_hundred_slow_sockets_do_not_stop_an_honest_client() {
    let server = serve(&chain(), |_| ());
    let client = client(&server);
    let mut slow = Vec::new();
    for count in 0..500 {
        let mut raw = Raw::connect(server.address());
        raw.send(format!(
            "POST / HTTP/1.1\r\nauthorization: Bearer wrong{count}\r\nx: "
        ));
        slow.push(raw);
        if count % 25 == 0 {
            client.meta_get_tip(&MetaEmpty {}).expect("an honest call");
        }
    }
    for raw in &mut slow {
        raw.send("y");
    }
    for _ in 0..20 {
        client.meta_get_tip(&MetaEmpty {}).expect("an honest call");
    }
}

#[test]
fn silence_before_the_first_header_ends_the_connection() {
    let server = serve(&chain(), |limits| limits.header_deadline = SHORT);
    let mut silent = Raw::connect(server.address());
    let mut halting = Raw::connect(server.address());
    halting.send("POST / HTTP/1.1\r\nhost:");
    silent.closed();
    halting.closed();
    tip(&server);
}

#[test]
fn silence_between_requests_ends_the_connection() {
    let server = serve(&chain(), |limits| limits.header_deadline = SHORT);
    for begin in ["", "POST / HTTP/1.1\r\nhost:"] {
        let mut raw = Raw::connect(server.address());
        assert_eq!(raw.post(&call("tip", &json!({}))).status, 200);
        raw.send(begin);
        raw.closed();
    }
}

#[test]
fn a_header_of_the_limit_is_read_and_one_byte_more_is_not() {
    let server = serve(&chain(), |_| ());
    let body = call("tip", &json!({}));
    let head = Raw::head(READ, body.len());
    for (bytes, status) in [(16 << 10, 200), ((16 << 10) + 1, 431)] {
        let mut raw = Raw::connect(server.address());
        let filler = "y".repeat(bytes - head.len());
        raw.send(head.replace("host: test", &format!("host: test{filler}")) + &body);
        assert_eq!(
            raw.answer().expect("an answer").status,
            status,
            "{bytes} bytes"
        );
    }
    tip(&server);
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let server = serve(&chain(), |limits| limits.body_deadline = SHORT);
    let mut stalled = Raw::connect(server.address());
    stalled.send(Raw::head(CONTROL, 100));
    stalled.send("{");
    let answer = stalled.answer().expect("an answer");
    assert_eq!((answer.status, answer.code()), (408, "RPC_TIMEOUT"));
    stalled.closed();

    // One byte now and then does not buy more time.
    let mut slow = Raw::connect(server.address());
    slow.send(Raw::head(CONTROL, 1 << 20));
    while slow.0.set_nonblocking(true).is_ok() && slow.0.peek(&mut [0]).is_err() {
        slow.send(" ");
        std::thread::yield_now();
    }
    slow.0.set_nonblocking(false).expect("it can be set");
    assert_eq!(slow.answer().expect("an answer").code(), "RPC_TIMEOUT");
    tip(&server);
}

#[test]
fn half_a_connection_is_no_request() {
    let server = serve(&chain(), |_| ());
    let mut raw = Raw::connect(server.address());
    raw.send(Raw::head(CONTROL, 100) + "{");
    raw.0
        .shutdown(std::net::Shutdown::Write)
        .expect("it is open");
    raw.closed();
    // One that is gone without a word.
    let mut gone = Raw::connect(server.address());
    gone.send(Raw::head(CONTROL, 100));
    drop(gone);
    tip(&server);
}

#[test]
fn a_caller_that_does_not_read_gives_its_place_back() {
    let server = serve(&chain(), |limits| {
        limits.connections_max = 1;
        limits.write_deadline = SHORT;
        limits.response_bytes_max = 64 << 20;
        limits.body_bytes_max = 32 << 20;
    });
    // An id comes back in the answer: far more than the system keeps for a reader that does not read.
    let call =
        json!({ "jsonrpc": "2.0", "id": "x".repeat(24 << 20), "method": "metaConsensusRpc_tip" });
    let body = call.to_string();
    let mut raw = Raw::connect(server.address());
    raw.send(Raw::head(CONTROL, body.len()));
    raw.send(&body);
    while {
        let mut next = Raw::connect(server.address());
        next.send(Raw::head(READ, 2) + "{}");
        next.answer().is_none()
    } {}
    drop(raw);
}

#[test]
fn a_server_listens_where_nobody_else_can_reach_it_unless_told_otherwise() {
    let server = serve(&chain(), |_| ());
    assert!(server.address().ip().is_loopback());
    assert!(TcpStream::connect(server.address()).is_ok());
}
