//! The calls of a well-behaved driver: values, lengths, growth, texts, both byte orders.

mod common;

use common::Wat;
use libmetachain_driver_host::{ByteOrder, DriverCode, Isolation, Operation, Options};

#[test]
fn every_conversion_answers() {
    let driver = Wat::new().load();
    assert_eq!(driver.encode_input_fn("f", "[1]").unwrap(), b"[1]");
    assert_eq!(driver.decode_input_fn("f", b"{}").unwrap(), "{}");
    assert_eq!(driver.decode_output_fn("f", b"null").unwrap(), "null");
    assert_eq!(
        driver.decode_event("e", "\"é\"".as_bytes()).unwrap(),
        "\"é\""
    );
    assert_eq!(driver.get_version().unwrap(), "1.2.3");
    assert_eq!(driver.get_schema().unwrap().as_deref(), Some("{}"));
    assert_eq!(
        driver
            .decode(Operation::DecodeEvent, "e", b"12", str::len)
            .unwrap(),
        2
    );
    let error = driver
        .decode(Operation::EncodeInputFn, "e", b"12", str::len)
        .unwrap_err();
    assert_eq!(error.code, DriverCode::BadArgument);
}

#[test]
fn both_byte_orders_are_recognised() {
    for (wat, order) in [
        (Wat::new(), ByteOrder::Little),
        (Wat::new().big_endian(), ByteOrder::Big),
        // An empty version says nothing; the schema then does.
        (
            Wat::new().big_endian().with("get_version", EMPTY_VERSION),
            ByteOrder::Big,
        ),
        (
            Wat::new().with("get_version", EMPTY_VERSION),
            ByteOrder::Little,
        ),
    ] {
        let driver = wat.load();
        assert_eq!(driver.byte_order(), order);
        for length in [0usize, 1, 255, 256, 65_535, 65_536, 300_000] {
            let input = vec![b' '; length];
            assert_eq!(driver.decode_event("e", &input).unwrap().len(), length);
        }
    }
}

const EMPTY_VERSION: &str = r#"(func (export "get_version") (param i32 i32) (result i32)
  (call $reply (i32.const 64) (i32.const 0) (local.get 0) (local.get 1)))"#;

#[test]
fn inputs_lie_on_a_multiple_of_sixteen_whatever_alloc_returns() {
    // Answers the input's address modulo 16, from an allocator that is always off by one.
    let driver = Wat::new()
        .with(
            "alloc",
            r#"(func (export "alloc") (param i32) (result i32)
              (i32.add (i32.or (call $bump (i32.add (local.get 0) (i32.const 32))) (i32.const 15)) (i32.const 2)))"#,
        )
        .convert(
            "decode_event",
            "(i32.store8 (i32.const 16) (i32.add (i32.const 48) (i32.and (local.get $in) (i32.const 15))))
             (call $reply (i32.const 16) (i32.const 1) (local.get $out) (local.get $out_size))",
        )
        .load();
    for length in [0, 1, 15, 16, 17, 1000, 100_000] {
        assert_eq!(
            driver.decode_event("e", &vec![7; length]).unwrap(),
            "0",
            "{length} bytes"
        );
    }
}

#[test]
fn the_output_buffer_grows_and_remembers() {
    let driver = Wat::new().load();
    let before = driver.metrics().output_capacity_bytes;
    let large = vec![b'1'; 1 << 20];
    assert_eq!(driver.decode_event("e", &large).unwrap().len(), large.len());
    let after = driver.metrics().output_capacity_bytes;
    assert!(
        after > before && after >= large.len() as u64,
        "{before} -> {after}"
    );
    assert_eq!(driver.decode_event("e", b"1").unwrap(), "1");
    assert_eq!(driver.metrics().output_capacity_bytes, after);
    assert_eq!(driver.metrics().failures, 0);
}

#[test]
fn limits_of_input_and_output_are_exact() {
    let options = Options {
        input_bytes_max: 1000,
        output_bytes_max: 500,
        ..Options::default()
    };
    let driver = Wat::new().load_with(&options).unwrap();
    assert_eq!(driver.decode_event("e", &[b'1'; 500]).unwrap().len(), 500);
    let error = driver.decode_event("e", &[b'1'; 501]).unwrap_err();
    assert_eq!(
        (error.code, error.phase),
        (DriverCode::OutputTooLarge, "decode_event")
    );
    let error = driver.decode_event("e", &[b'1'; 1001]).unwrap_err();
    assert_eq!(error.code, DriverCode::InputTooLarge);
    let error = driver.decode_event(&"e".repeat(1001), b"").unwrap_err();
    assert_eq!(error.code, DriverCode::InputTooLarge);
    assert_eq!(driver.decode_event("e", &[b'1'; 500]).unwrap().len(), 500);
    // None of this was the instance's fault.
    assert_eq!(driver.metrics().instances_created, 1);
}

#[test]
fn a_fresh_instance_remembers_nothing() {
    // Counts its calls.
    let counting = Wat::new()
        .extra("(global $calls (mut i32) (i32.const 48))")
        .convert(
            "decode_event",
            "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
         (i32.store8 (i32.const 16) (global.get $calls))
         (call $reply (i32.const 16) (i32.const 1) (local.get $out) (local.get $out_size))",
        );
    let reused = counting.load();
    let fresh = counting
        .load_with(&Options {
            isolation: Isolation::Fresh,
            ..Options::default()
        })
        .unwrap();
    let three = |driver: &libmetachain_driver_host::Driver| -> Vec<String> {
        (0..3)
            .map(|_| driver.decode_event("e", b"").unwrap())
            .collect()
    };
    assert_eq!(three(&reused), ["1", "2", "3"]);
    assert_eq!(three(&fresh), ["1", "1", "1"]);
    assert_eq!(fresh.metrics().instances_idle, 0);
}

#[test]
fn a_closed_driver_says_so() {
    let driver = Wat::new().load();
    let other = driver.clone();
    driver.close();
    driver.close();
    assert!(other.is_closed());
    assert_eq!(
        other.decode_event("e", b"").unwrap_err().code,
        DriverCode::Closed
    );
    assert_eq!(other.metrics().instances_idle, 0);
}

#[test]
fn only_the_expected_module_loads() {
    let wasm = Wat::new().extra("(global i32 (i32.const 77))").build();
    let driver = libmetachain_driver_host::Driver::load(&wasm, &Options::default()).unwrap();
    let expect = |hash| Options {
        expected_hash: Some(hash),
        ..Options::default()
    };
    assert!(libmetachain_driver_host::Driver::load(&wasm, &expect(driver.hash())).is_ok());
    let error = libmetachain_driver_host::Driver::load(&wasm, &expect([7; 32])).unwrap_err();
    assert_eq!(error.code, DriverCode::HashMismatch);
    assert_eq!(error.driver_hash, Some(driver.hash()));
}

#[test]
fn empty_names_and_inputs_are_still_passed_as_allocated_pointers() {
    // Traps on a null pointer, as a driver's slices may.
    let strict = Wat::new()
        .convert(
            "decode_event",
            "(if (i32.or (i32.eqz (local.get $name)) (i32.eqz (local.get $in))) (then unreachable))
             (i32.const 0)",
        )
        .load();
    assert_eq!(strict.decode_event("", b"").unwrap(), "");
}
