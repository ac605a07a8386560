//! Code is compiled quickly at first, and well where that pays: the answers are the same, and nobody
//! waits who does not want to.
//!
//! The counters are the process's own, so the tests take turns.

mod common;

use std::fs;
use std::path::Path;

use common::{Wat, private_directory};
use libmetachain_driver_host::{
    CODE_CACHE_BYTES_DEFAULT, Driver, Isolation, Optimization, Options, code_cache_metrics,
    set_code_cache_bytes_max,
};
use parking_lot::{Mutex, MutexGuard};

static TURN: Mutex<()> = Mutex::new(());

/// Calls that are made at most until something happens.
const CALLS_MAX: usize = 100_000;

fn turn() -> MutexGuard<'static, ()> {
    let guard = TURN.lock();
    forget();
    guard
}

fn forget() {
    set_code_cache_bytes_max(0);
    set_code_cache_bytes_max(CODE_CACHE_BYTES_DEFAULT);
}

/// A driver whose events take a while: a million steps, each a call of a small function.
fn busy() -> Vec<u8> {
    Wat::new()
        .extra(
            "(func $step (param i32) (result i32)
               (i32.xor (i32.mul (local.get 0) (i32.const 0x01000193)) (i32.const 97)))",
        )
        .convert(
            "decode_event",
            "(local $left i32) (local $sum i32)
             (local.set $left (i32.const 1000000))
             (loop $more
               (local.set $sum (call $step (local.get $sum)))
               (local.set $left (i32.sub (local.get $left) (i32.const 1)))
               (br_if $more (local.get $left)))
             (i32.store8 (i32.const 16)
               (i32.add (i32.const 48) (i32.rem_u (local.get $sum) (i32.const 10))))
             (call $reply (i32.const 16) (i32.const 1) (local.get $out) (local.get $out_size))",
        )
        .build_apart()
}

fn options(optimization: Optimization) -> Options {
    Options {
        optimization,
        ..Options::default()
    }
}

fn load(wasm: &[u8], optimization: Optimization) -> Driver {
    Driver::load(wasm, &options(optimization)).expect("it loads")
}

/// Calls until the code is as good as it gets; every answer is the same.
fn use_until_optimised(driver: &Driver) -> String {
    let answer = driver.decode_event("e", b"").unwrap();
    for _ in 0..CALLS_MAX {
        assert_eq!(driver.decode_event("e", b"").unwrap(), answer);
        if driver.metrics().optimised == 1 {
            break;
        }
    }
    assert_eq!(driver.metrics().optimised, 1);
    assert_eq!(driver.decode_event("e", b"").unwrap(), answer);
    answer
}

fn optimisations() -> u64 {
    code_cache_metrics().optimisations
}

#[test]
fn a_driver_that_is_used_gets_better_code() {
    let _turn = turn();
    let before = optimisations();
    let driver = load(&busy(), Optimization::Tiered);
    assert_eq!(driver.metrics().optimised, 0);
    let quick_bytes = driver.metrics().code_bytes;
    let answer = use_until_optimised(&driver);
    assert_eq!(optimisations() - before, 1);
    // The instance of the old code was replaced by one of the new, and by one only.
    let metrics = driver.metrics();
    assert_ne!(metrics.code_bytes, quick_bytes);
    assert_eq!((metrics.instances_created, metrics.instances_idle), (2, 1));
    assert_eq!((metrics.failures, metrics.instances_discarded), (0, 0));
    let full = load(&busy(), Optimization::Full);
    assert_eq!(full.decode_event("e", b"").unwrap(), answer);
}

#[test]
fn who_wants_to_wait_has_good_code_at_once() {
    let _turn = turn();
    let (before, compilations) = (optimisations(), code_cache_metrics().compilations);
    let wasm = busy();
    let full = load(&wasm, Optimization::Full);
    assert_eq!(full.metrics().optimised, 1);
    // Compiled once, not quickly before.
    assert_eq!(code_cache_metrics().compilations - compilations, 1);
    assert_eq!(optimisations(), before);
    // Its code is everybody's.
    let quick = load(&wasm, Optimization::Quick);
    assert_eq!(quick.metrics().optimised, 1);
    // The other way round: what was compiled quickly is compiled again.
    let wasm = busy();
    let quick = load(&wasm, Optimization::Quick);
    assert_eq!(quick.metrics().optimised, 0);
    let full = load(&wasm, Optimization::Full);
    assert_eq!(full.metrics().optimised, 1);
    assert_eq!(optimisations() - before, 1);
    assert_eq!(quick.metrics().optimised, 1);
}

#[test]
fn quick_is_enough_where_it_was_asked_for() {
    let _turn = turn();
    let before = optimisations();
    let quick = load(&busy(), Optimization::Quick);
    for _ in 0..100 {
        quick.decode_event("e", b"").unwrap();
    }
    // Requests are served in their order: had there been one, it would have been before this.
    use_until_optimised(&load(&busy(), Optimization::Tiered));
    assert_eq!(quick.metrics().optimised, 0);
    assert_eq!(optimisations() - before, 1);
}

#[test]
fn nothing_is_made_better_for_nobody() {
    let _turn = turn();
    let before = optimisations();
    // Its turn comes first, and takes long enough for the next one to be closed meanwhile; should it
    // not, that one is made better, and the next round tries again.
    for _ in 0..20 {
        let many: String = (0..900)
            .map(|number| {
                format!(
                    "(func (param i32) (result i32) {} (local.get 0))",
                    "(local.set 0 (i32.mul (local.get 0) (i32.const 77))) ".repeat(50 + number % 7)
                )
            })
            .collect();
        let first = Wat::new()
            .extra(&many)
            .convert("decode_event", SPIN)
            .build_apart();
        let first = load(&first, Optimization::Tiered);
        let closed = load(&busy(), Optimization::Tiered);
        for driver in [&first, &closed] {
            for _ in 0..100 {
                driver.decode_event("e", b"").unwrap();
            }
        }
        closed.close();
        let last = load(&busy(), Optimization::Tiered);
        use_until_optimised(&last);
        assert_eq!(first.metrics().optimised, 1);
        if closed.metrics().optimised == 0 {
            assert!(optimisations() - before >= 2);
            return;
        }
    }
    panic!("a driver was made better although it was closed");
}

const SPIN: &str = "(local $left i32)
  (local.set $left (i32.const 1000000))
  (loop $more
    (local.set $left (i32.sub (local.get $left) (i32.const 1)))
    (br_if $more (local.get $left)))
  (i32.const 0)";

#[test]
fn threads_change_over_in_the_midst_of_their_calls() {
    let _turn = turn();
    for isolation in [Isolation::Reuse, Isolation::Fresh] {
        let driver = Driver::load(
            &busy(),
            &Options {
                isolation,
                ..Options::default()
            },
        )
        .unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| use_until_optimised(&driver));
            }
        });
        assert_eq!(driver.metrics().failures, 0);
    }
}

#[test]
fn the_cache_counts_the_code_that_there_is() {
    let _turn = turn();
    let before = code_cache_metrics().bytes;
    let wasm = busy();
    let driver = load(&wasm, Optimization::Tiered);
    let added = code_cache_metrics().bytes - before;
    // The module is kept too: it is found by its bytes.
    assert_eq!(added, driver.metrics().code_bytes + wasm.len() as u64);
    drop(load(&wasm, Optimization::Full));
    let added = code_cache_metrics().bytes - before;
    assert_eq!(added, driver.metrics().code_bytes + wasm.len() as u64);
}

fn code_files(directory: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(directory.join("driver-code-v1")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "code")
        })
        .map(|path| fs::read(path).unwrap())
        .collect()
}

#[test]
fn better_code_is_what_the_next_process_starts_with() {
    let _turn = turn();
    let directory = private_directory();
    let wasm = busy();
    let cached = |optimization| Options {
        cache_dir: Some(directory.path().to_owned()),
        ..options(optimization)
    };
    let driver = Driver::load(&wasm, &cached(Optimization::Tiered)).unwrap();
    let quick = code_files(directory.path());
    assert_eq!(quick.len(), 1);
    use_until_optimised(&driver);
    // Waits for whoever makes the code better, the file included.
    drop(Driver::load(&wasm, &cached(Optimization::Full)).unwrap());
    let full = code_files(directory.path());
    assert_eq!(full.len(), 1, "the quick code is gone");
    assert_ne!(quick, full);
    drop(driver);
    forget();
    let before = code_cache_metrics();
    let driver = Driver::load(&wasm, &cached(Optimization::Tiered)).unwrap();
    let after = code_cache_metrics();
    assert_eq!(driver.metrics().optimised, 1);
    assert_eq!(after.disk_hits - before.disk_hits, 1);
    assert_eq!(after.compilations, before.compilations);
    // What was written quickly can be made better after a restart too.
    let wasm = busy();
    drop(Driver::load(&wasm, &cached(Optimization::Quick)).unwrap());
    forget();
    let driver = Driver::load(&wasm, &cached(Optimization::Tiered)).unwrap();
    assert_eq!(code_cache_metrics().disk_hits - after.disk_hits, 1);
    assert_eq!(driver.metrics().optimised, 0);
    use_until_optimised(&driver);
}

#[test]
fn large_modules_are_made_better_too() {
    let _turn = turn();
    let many = "(func (param i32) (result i32) (local.get 0))".repeat(1500);
    let wasm = Wat::new().extra(&many).build_apart();
    // Kilobytes whose calls would be gigabytes, were they inlined: the test then ends for want of memory.
    let chain: String = (1..980)
        .map(|number| {
            let calls = format!("(call $f{}) ", number - 1).repeat(300);
            format!("(func $f{number} (param i32) (result i32) local.get 0 {calls})")
        })
        .collect();
    let first = "(func $f0 (param i32) (result i32) (i32.load (local.get 0)))";
    let chained = Wat::new().extra(first).extra(&chain).build_apart();
    for wasm in [wasm, chained] {
        let driver = load(&wasm, Optimization::Full);
        assert_eq!(driver.metrics().optimised, 1);
        assert_eq!(driver.decode_event("e", b"1").unwrap(), "1");
    }
}

#[test]
fn the_same_module_is_made_better_once_however_many_want_it() {
    let _turn = turn();
    let before = code_cache_metrics();
    let wasm = busy();
    std::thread::scope(|scope| {
        for number in 0..6 {
            let wanted = [Optimization::Tiered, Optimization::Full][number % 2];
            let wasm = &wasm;
            scope.spawn(move || {
                let driver = load(wasm, wanted);
                assert!(wanted == Optimization::Tiered || driver.metrics().optimised == 1);
                use_until_optimised(&driver);
            });
        }
    });
    let after = code_cache_metrics();
    assert_eq!(after.compilations - before.compilations, 1);
    assert!(after.optimisations - before.optimisations <= 1);
}
