//! The client against servers that fail it in every way, and which calls it dares to repeat.

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use libmetachain_primitives::Code;
use libmetachain_rpc::wire::{MetaEmpty, MetaNativeRef, MetachainClient};
use libmetachain_rpc::{CallError, Client, ClientOptions};
use support::client_with;

/// A server that reads one request a connection and does with it what it is told.
fn fake(behave: impl Fn(&mut TcpStream) + Send + 'static) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            read_request(&mut stream);
            counter.fetch_add(1, Ordering::SeqCst);
            behave(&mut stream);
        }
    });
    (address, count)
}

fn read_request(stream: &mut TcpStream) {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = stream.read(&mut chunk).unwrap_or(0);
        request.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&request);
        let complete = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            length.is_some_and(|length| body.len() >= length.parse().unwrap_or(0))
        });
        if complete || count == 0 {
            return;
        }
    }
}

/// A server that answers every request with this.
fn answering(status: &str, content_type: &str, body: &str) -> SocketAddr {
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    fake(move |stream| drop(stream.write_all(answer.as_bytes()))).0
}

fn tip_error(client: &Client) -> CallError {
    client
        .meta_get_tip(&MetaEmpty {})
        .expect_err("it must fail")
}

fn eager(address: SocketAddr) -> Client {
    client_with(address, |options| {
        options.retry_pause = Duration::from_millis(1)
    })
}

#[test]
fn a_server_killed_mid_call_is_asked_again_only_where_that_does_no_harm() {
    let (address, count) = fake(|_| ());
    let client = eager(address);
    assert_eq!(tip_error(&client).known(), Some(Code::RpcUnavailable));
    assert_eq!(count.swap(0, Ordering::SeqCst), 3, "once and two retries");
    let native = MetaNativeRef {
        native_hash: vec![0; 32],
    };
    let error = client
        .meta_disconnect_block(&native)
        .expect_err("no answer");
    assert_eq!(error.known(), Some(Code::RpcUnavailable));
    assert_eq!(
        count.load(Ordering::SeqCst),
        1,
        "it may have been carried out"
    );

    let (address, count) = fake(|stream| drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-le")));
    assert_eq!(
        tip_error(&eager(address)).known(),
        Some(Code::RpcUnavailable)
    );
    assert_eq!(count.load(Ordering::SeqCst), 3);
}

#[test]
fn a_repeated_call_succeeds_once_the_server_is_back() {
    let tries = AtomicUsize::new(0);
    let body = r#"{"jsonrpc":"2.0","id":2,"result":{"supply":"5","locked":5,"later":"field"}}"#;
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let (address, _) = fake(move |stream| {
        if tries.fetch_add(1, Ordering::SeqCst) == 2 {
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let supply = eager(address)
        .meta_get_supply(&MetaEmpty {})
        .expect("the third try");
    assert_eq!(
        (supply.supply, supply.locked),
        (5, 5),
        "fields of a newer server are passed over"
    );
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for() {
    let (address, _) = fake(|stream| drop(stream.read(&mut [0])));
    let client = client_with(address, |options| {
        options.deadline = Duration::from_millis(100)
    });
    let error = tip_error(&client);
    assert_eq!(error.known(), Some(Code::RpcTimeout));
    assert!(error.is_retryable() && !error.is_verdict());
}

#[test]
fn nobody_at_the_address_is_a_code() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    assert_eq!(
        tip_error(&eager(address)).known(),
        Some(Code::RpcUnavailable)
    );
}

#[test]
fn answers_that_are_none_are_codes() {
    let json = "application/json";
    for (status, content_type, body, code) in [
        ("200 OK", json, "nonsense", "RPC_PROTOCOL"),
        ("200 OK", json, "", "RPC_PROTOCOL"),
        (
            "200 OK",
            json,
            r#"{"jsonrpc":"2.0","id":0,"result":{"height":"x"}}"#,
            "RPC_PROTOCOL",
        ),
        (
            "200 OK",
            json,
            r#"{"jsonrpc":"2.0","id":0,"result":{}}"#,
            "RPC_PROTOCOL",
        ),
        (
            "200 OK",
            json,
            r#"{"jsonrpc":"2.0","id":99,"result":{"supply":"5","locked":"5"}}"#,
            "RPC_PROTOCOL",
        ),
        (
            "200 OK",
            json,
            r#"{"jsonrpc":"2.0","id":0,"error":{"code":-5,"message":"other"}}"#,
            "RPC_PROTOCOL",
        ),
        (
            "200 OK",
            json,
            r#"{"jsonrpc":"2.0","id":0,"error":{"code":-5,"message":"m","data":5}}"#,
            "RPC_PROTOCOL",
        ),
        (
            "200 OK",
            json,
            r#"{"jsonrpc":"2.0","id":0,"error":{"code":-5,"message":"m","data":{"code":"NEWER_CODE","verdict":true,"retryable":false}}}"#,
            "NEWER_CODE",
        ),
        ("502 Bad Gateway", "text/html", "<html>", "RPC_UNAVAILABLE"),
        (
            "401 Unauthorized",
            "text/html",
            "<html>",
            "RPC_UNAUTHORIZED",
        ),
        ("413 Too Large", "text/html", "<html>", "RPC_TOO_LARGE"),
        ("504 Timeout", "text/html", "<html>", "RPC_TIMEOUT"),
        ("404 Not Found", "text/html", "<html>", "RPC_PROTOCOL"),
    ] {
        let client = eager(answering(status, content_type, body));
        let error = client
            .meta_get_supply(&MetaEmpty {})
            .expect_err("no answer");
        assert_eq!(error.code(), code, "{status} {body}: {error}");
        assert_eq!(error.is_verdict(), code == "NEWER_CODE");
    }
    let (address, _) = fake(|stream| drop(stream.write_all(b"SSH-2.0-OpenSSH_9.7\r\n\r\n")));
    let error = tip_error(&eager(address));
    assert_eq!(error.known(), Some(Code::RpcProtocol), "{error}");
}

#[test]
fn sizes_are_limited_on_this_side_too() {
    let big = format!(
        r#"{{"jsonrpc":"2.0","id":0,"result":"{}"}}"#,
        "x".repeat(2000)
    );
    let address = answering("200 OK", "application/json", &big);
    let client = client_with(address, |options| options.bytes_max = 1000);
    assert_eq!(tip_error(&client).known(), Some(Code::RpcTooLarge));
    let native = MetaNativeRef {
        native_hash: vec![0; 1000],
    };
    let error = client
        .meta_disconnect_block(&native)
        .expect_err("too large");
    assert_eq!(error.known(), Some(Code::RpcTooLarge));
}

#[test]
fn addresses_that_are_none_are_refused_before_any_call() {
    for url in [
        "",
        "127.0.0.1:80",
        "https://127.0.0.1",
        "ftp://127.0.0.1",
        "http://",
    ] {
        let made = Client::new(url, ClientOptions::default());
        assert_eq!(
            made.map(|_| ()).expect_err(url).known(),
            Some(Code::BadArgument),
            "{url}"
        );
    }
    let options = ClientOptions {
        chain_id: Some("a\nb".into()),
        ..ClientOptions::default()
    };
    assert!(Client::new("http://127.0.0.1:1", options).is_err());
}

#[test]
fn one_client_serves_many_threads() {
    let server = support::serve(&support::chain(), |_| ());
    let client = support::client(&server);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    client.meta_get_tip(&MetaEmpty {}).expect("an answer");
                }
            });
        }
    });
}
