//! Resident memory stays flat: over calls, failing calls and loads.
//!
//! A run is followed by a straight line through many readings of the process's resident memory, so the
//! tests take turns. The long forms, `cargo test --release -p libmetachain-driver-host --test memory
//! -- --ignored --nocapture`, make a million of everything that fails.

mod common;

use std::time::Duration;

use common::{Wat, private_directory};
use libmetachain_driver_host::{
    CODE_CACHE_BYTES_DEFAULT, Driver, DriverCode, Isolation, Operation, Optimization, Options,
    code_cache_metrics, set_code_cache_bytes_max,
};
use parking_lot::Mutex;

/// One at a time: the memory is the whole process's.
static TURN: Mutex<()> = Mutex::new(());

/// Readings that the line is laid through.
const READINGS: u64 = 200;
/// What a million calls may add, KiB: the noise of readings, and no more.
const GROWTH_KIB_MAX: f64 = 1024.0;

/// Resident memory, KiB; `None` where the system does not say.
fn resident_kib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Does `work` `count` times, after as many times as fill every pool once, and judges the growth by
/// the slope of the line that fits the readings best, for `per` of them.
fn stays_flat(what: &str, count: u64, per: u64, mut work: impl FnMut(u64)) {
    let warm = (count / 5).min(50_000);
    (0..warm).for_each(&mut work);
    let every = (count / READINGS).max(1);
    let mut points = Vec::new();
    for number in 0..count {
        work(number);
        if number % every == 0
            && let Some(kib) = resident_kib()
        {
            points.push((number as f64, kib));
        }
    }
    let Some((first, last)) = points.first().zip(points.last()) else {
        println!("{what}: {count} times; the system does not tell resident memory");
        return;
    };
    let mean =
        |value: fn(&(f64, f64)) -> f64| points.iter().map(value).sum::<f64>() / points.len() as f64;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let across: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    let along: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
    let slope = across / along * per as f64;
    println!(
        "{what}: {count} times, {} KiB resident at first, {} at last, {slope:+.0} KiB for {per}",
        first.1, last.1
    );
    assert!(
        slope <= GROWTH_KIB_MAX,
        "{what} grows: {slope} KiB for {per}"
    );
}

/// Event names that begin with these letters fail in these ways.
const FAILURES: [(&str, DriverCode, &str); 6] = [
    (
        "r",
        DriverCode::Operation,
        "(return (call $fail (i32.const 96) (i32.const 7)))",
    ),
    ("t", DriverCode::Trap, "unreachable"),
    (
        "l",
        DriverCode::Abi,
        "(i32.store (local.get $out) (i32.const -1)) (return (i32.const 0))",
    ),
    ("c", DriverCode::Abi, "(return (i32.const 77))"),
    (
        "m",
        DriverCode::Memory,
        "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 4)) (i32.const -1)))) unreachable",
    ),
    (
        "s",
        DriverCode::Stack,
        "(return (call $deep (i32.const 0)))",
    ),
];

/// Answers with its input, but for the names that fail, and for one that takes too long.
fn failing() -> Wat {
    let arms: String = [("w", "(loop $for_ever (br $for_ever))")]
        .into_iter()
        .chain(FAILURES.map(|(name, _, body)| (name, body)))
        .map(|(name, body)| {
            let letter = name.as_bytes()[0];
            format!(
                "(if (i32.eq (i32.load8_u (local.get $name)) (i32.const {letter})) (then {body}))"
            )
        })
        .collect();
    Wat::new()
        .extra(
            "(func $deep (param i32) (result i32)
               (i32.add (i32.const 1) (call $deep (i32.add (local.get 0) (i32.const 1)))))",
        )
        .convert("decode_event", &format!("{arms} {}", common::ECHO))
}

fn options() -> Options {
    Options {
        memory_bytes_max: 4 << 20,
        optimization: Optimization::Full,
        ..Options::default()
    }
}

fn answering(count: u64) {
    let driver = failing().load_with(&options()).unwrap();
    let input = vec![b'7'; 100_000];
    stays_flat("calls", count, 1_000_000, |number| {
        // Mostly small, now and then one for which the buffers grow.
        let length = if number % 1000 == 0 {
            100_000
        } else {
            number as usize % 300
        };
        let read = driver.decode(Operation::DecodeEvent, "e", &input[..length], str::len);
        assert_eq!(read.unwrap(), length);
    });
    let metrics = driver.metrics();
    assert_eq!((metrics.failures, metrics.instances_created), (0, 1));
}

fn failing_in(count: u64, (name, code, _): (&str, DriverCode, &str)) {
    let driver = failing().load_with(&options()).unwrap();
    stays_flat(
        &format!("calls that end in {code}"),
        count,
        1_000_000,
        |_| {
            assert_eq!(driver.decode_event(name, b"1").unwrap_err().code, code);
        },
    );
    assert_eq!(driver.decode_event("e", b"1").unwrap(), "1");
    let metrics = driver.metrics();
    assert_eq!(metrics.failures, metrics.calls - 1);
    let left = metrics.instances_created - metrics.instances_discarded;
    assert_eq!((left, metrics.instances_idle), (1, 1), "{metrics:?}");
}

fn timing_out(count: u64) {
    let short = Options {
        deadline: Duration::from_millis(1),
        ..options()
    };
    let driver = failing().load_with(&short).unwrap();
    stays_flat("calls that run out of time", count, 1_000_000, |_| {
        let error = driver.decode_event("w", b"1").unwrap_err();
        assert_eq!(error.code, DriverCode::Timeout);
    });
}

fn loading(count: u64) {
    let wasm = failing().build();
    let kept = Driver::load(&wasm, &options()).unwrap();
    for isolation in [Isolation::Reuse, Isolation::Fresh] {
        let options = Options {
            isolation,
            ..options()
        };
        stays_flat(&format!("loads, {isolation:?}"), count, 10_000, |_| {
            let driver = Driver::load(&wasm, &options).unwrap();
            assert_eq!(driver.decode_event("e", b"1").unwrap(), "1");
        });
    }
    assert_eq!(kept.decode_event("e", b"1").unwrap(), "1");
}

/// Modules that nobody loaded before, more of them than the cache keeps.
fn loading_others(count: u64) {
    let wat = failing();
    set_code_cache_bytes_max(1 << 20);
    stays_flat("loads of other modules", count, 10_000, |number| {
        let optimization = [Optimization::Quick, Optimization::Full][(number % 2) as usize];
        let options = Options {
            optimization,
            ..options()
        };
        let driver = Driver::load(&wat.build_apart(), &options).unwrap();
        assert_eq!(driver.decode_event("e", b"1").unwrap(), "1");
    });
    assert!(code_cache_metrics().bytes <= 1 << 20);
    set_code_cache_bytes_max(CODE_CACHE_BYTES_DEFAULT);
}

fn loading_from_disk(count: u64) {
    let directory = private_directory();
    let wasm = failing().build_apart();
    let options = Options {
        cache_dir: Some(directory.path().to_owned()),
        ..options()
    };
    drop(Driver::load(&wasm, &options).unwrap());
    let before = code_cache_metrics().disk_hits;
    stays_flat("loads from disk", count, 10_000, |_| {
        set_code_cache_bytes_max(0);
        let driver = Driver::load(&wasm, &options).unwrap();
        assert_eq!(driver.decode_event("e", b"1").unwrap(), "1");
    });
    set_code_cache_bytes_max(CODE_CACHE_BYTES_DEFAULT);
    assert!(code_cache_metrics().disk_hits - before >= count);
}

#[test]
fn a_million_calls_leave_nothing_behind() {
    let _turn = TURN.lock();
    answering(1_000_000);
}

#[test]
fn a_million_failing_calls_leave_nothing_behind() {
    let _turn = TURN.lock();
    let [refused, others @ ..] = FAILURES;
    failing_in(1_000_000, refused);
    for failure in others {
        failing_in(20_000, failure);
    }
    timing_out(200);
}

#[test]
fn ten_thousand_loads_leave_nothing_behind() {
    let _turn = TURN.lock();
    loading(10_000);
    loading_from_disk(3_000);
}

#[test]
#[ignore = "takes minutes"]
fn a_million_failing_calls_of_every_kind_leave_nothing_behind() {
    let _turn = TURN.lock();
    answering(10_000_000);
    let [others @ .., _stack] = FAILURES;
    for failure in others {
        failing_in(1_000_000, failure);
    }
    timing_out(5_000);
}

#[test]
#[ignore = "takes minutes"]
fn a_million_overflowing_stacks_leave_nothing_behind() {
    let _turn = TURN.lock();
    let [.., stack] = FAILURES;
    failing_in(1_000_000, stack);
}

#[test]
#[ignore = "takes minutes"]
fn ten_thousand_loads_of_every_kind_leave_nothing_behind() {
    let _turn = TURN.lock();
    loading(100_000);
    loading_others(10_000);
    loading_from_disk(10_000);
}
