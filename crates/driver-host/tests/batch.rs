//! Batches and threads: order, errors per item, cancellation, panics, and no growth.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use common::Wat;
use libmetachain_driver_host::{
    Cancel, Driver, DriverCode, Isolation, Item, Items, Operation, Options, Output, engine_status,
    pool_threads, set_pool_threads,
};

/// Item `n` says `n`; every seventh fails in one way, every eleventh in another.
fn items(count: usize) -> Vec<Item> {
    let name = |n: usize| match n {
        n if n % 7 == 3 => "bad",
        n if n % 11 == 5 => "bomb",
        _ => "ok",
    };
    let item = |n: usize| Item {
        name: name(n).into(),
        data: n.to_string().into_bytes(),
    };
    (0..count).map(item).collect()
}

fn driver() -> Driver {
    Wat::new()
        .bad_event(
            "(if (i32.eq (i32.load8_u (i32.add (local.get $name) (i32.const 1))) (i32.const 111))
               (then unreachable))
             (return (call $fail (i32.const 96) (i32.const 7)))",
        )
        .load()
}

fn check(results: &[Result<Output, libmetachain_driver_host::DriverError>]) {
    for (n, result) in results.iter().enumerate() {
        match result {
            Ok(Output::Text(text)) => assert_eq!(*text, n.to_string()),
            Ok(Output::Bytes(_)) => panic!("bytes for a decoding"),
            Err(error) if n % 7 == 3 => assert_eq!(error.code, DriverCode::Operation),
            Err(error) => assert!(
                error.code == DriverCode::Trap && n % 11 == 5,
                "{n}: {error}"
            ),
        }
    }
}

#[test]
fn results_are_in_order_with_an_error_for_each_that_failed() {
    let driver = driver();
    for count in [0, 1, 2, 7, 255, 256, 257, 10_000] {
        let items = items(count);
        let results = driver.run(Operation::DecodeEvent, &items, &Cancel::new());
        assert_eq!(results.len(), count);
        check(&results);
        let failed = results.iter().filter(|result| result.is_err()).count();
        let expected = (0..count).filter(|n| n % 7 == 3 || n % 11 == 5).count();
        assert_eq!(failed, expected);
        let packed = driver
            .run_packed(Operation::DecodeEvent, &items, usize::MAX, &Cancel::new())
            .unwrap();
        assert_eq!((packed.ends.len(), packed.errors.len()), (count, failed));
        let mut start = 0;
        for (n, (result, end)) in results.iter().zip(&packed.ends).enumerate() {
            let piece = &packed.bytes[start..*end];
            match result {
                Ok(output) => assert_eq!(piece, output.as_bytes()),
                Err(error) => {
                    assert!(piece.is_empty());
                    let found = packed.errors.iter().find(|(index, _)| *index == n);
                    assert_eq!(found.map(|(_, error)| error), Some(error));
                }
            }
            start = *end;
        }
    }
}

#[test]
fn what_there_is_no_room_for_is_left_and_can_be_run_again() {
    let driver = driver();
    for bytes_max in [0, 1, 100, 3_000] {
        let mut items: Vec<(usize, Item)> = items(1_000).into_iter().enumerate().collect();
        let (mut answered, mut failed) = (Vec::new(), 0);
        while !items.is_empty() {
            let run: Vec<Item> = items.iter().map(|(_, item)| item.clone()).collect();
            let packed = driver
                .run_packed(Operation::DecodeEvent, &run, bytes_max, &Cancel::new())
                .unwrap();
            // Each thread finishes the item that it has begun: an answer of three digits, or an error.
            let text: usize = packed
                .errors
                .iter()
                .map(|(_, error)| error.message.len())
                .sum();
            let longest = packed
                .errors
                .iter()
                .map(|(_, error)| error.message.len())
                .max();
            let most = bytes_max.max(1) + pool_threads() * longest.unwrap_or(0).max(3);
            assert!(
                packed.bytes.len() + text <= most,
                "{} + {text}",
                packed.bytes.len()
            );
            assert!(packed.left.len() < run.len(), "nothing was run");
            assert_eq!(packed.ends.len(), run.len());
            failed += packed.errors.len();
            let mut start = 0;
            for (index, end) in packed.ends.iter().enumerate() {
                if *end > start {
                    answered.push((items[index].0, packed.bytes[start..*end].to_vec()));
                }
                start = *end;
            }
            let left = packed.left.into_iter();
            items = left.map(|index| items[index].clone()).collect();
        }
        answered.sort_unstable();
        let fails = |n: &usize| n % 7 == 3 || n % 11 == 5;
        assert_eq!(failed, (0..1_000).filter(fails).count());
        let expected = (0..1_000).filter(|n| !fails(n));
        let expected = expected.map(|n| (n, n.to_string().into_bytes()));
        assert!(answered.into_iter().eq(expected), "room for {bytes_max}");
    }
}

#[test]
fn encodings_give_bytes() {
    let driver = driver();
    let results = driver.run(Operation::EncodeInputFn, &items(3), &Cancel::new());
    assert_eq!(results[2], Ok(Output::Bytes(b"2".to_vec())));
}

#[test]
fn a_batch_need_not_be_waited_for() {
    let driver = driver();
    let (sender, receiver) = mpsc::channel();
    let other = sender.clone();
    driver
        .spawn(
            Operation::DecodeEvent,
            items(1000),
            Cancel::new(),
            move |results| {
                check(&results);
                sender.send(results.len()).unwrap();
            },
        )
        .unwrap();
    driver
        .spawn_packed(
            Operation::DecodeEvent,
            items(500),
            usize::MAX,
            Cancel::new(),
            move |packed| {
                other.send(packed.unwrap().ends.len()).unwrap();
            },
        )
        .unwrap();
    // The batch keeps the driver alive.
    drop(driver);
    let mut counts = [receiver.recv().unwrap(), receiver.recv().unwrap()];
    counts.sort_unstable();
    assert_eq!(counts, [500, 1000]);
}

/// Raises the flag while the batch reads its items.
struct CancelsItself {
    cancel: Cancel,
    after: usize,
    read: AtomicUsize,
}

impl Items for CancelsItself {
    fn len(&self) -> usize {
        10_000
    }

    fn item(&self, _index: usize) -> (&str, &[u8]) {
        if self.read.fetch_add(1, Ordering::SeqCst) == self.after {
            self.cancel.cancel();
        }
        ("ok", b"1")
    }
}

#[test]
fn a_cancelled_batch_stops_early_and_says_which_items_were_not_run() {
    let items = CancelsItself {
        cancel: Cancel::new(),
        after: 100,
        read: AtomicUsize::new(0),
    };
    let results = driver().run(Operation::DecodeEvent, &items, &items.cancel);
    assert_eq!(results.len(), 10_000);
    let aborted = results.iter().filter(|result| {
        result
            .as_ref()
            .is_err_and(|error| error.code == DriverCode::Aborted)
    });
    let (aborted, run) = (
        aborted.count(),
        results.iter().filter(|result| result.is_ok()).count(),
    );
    assert_eq!(aborted + run, 10_000);
    // Each thread may be in the midst of one item.
    assert!((101..=101 + pool_threads() * 2).contains(&run), "{run}");
    assert_eq!(items.read.load(Ordering::SeqCst), run);
}

/// Panics for some items.
struct Panics;

impl Items for Panics {
    fn len(&self) -> usize {
        1000
    }

    fn item(&self, index: usize) -> (&str, &[u8]) {
        assert!(!index.is_multiple_of(10), "planted {index}");
        ("ok", b"1")
    }
}

#[test]
fn a_panic_becomes_the_error_of_its_item() {
    let driver = driver();
    let results = driver.run(Operation::DecodeEvent, &Panics, &Cancel::new());
    for (n, result) in results.iter().enumerate() {
        match result {
            Ok(output) => assert_eq!((output.as_bytes(), n % 10 != 0), (&b"1"[..], true)),
            Err(error) => {
                assert_eq!(error.code, DriverCode::Panic);
                assert!(error.message.contains(&format!("planted {n}")), "{error}");
            }
        }
    }
    assert!(results.iter().filter(|result| result.is_err()).count() == 100);
    let packed = driver
        .run_packed(Operation::DecodeEvent, &Panics, usize::MAX, &Cancel::new())
        .unwrap();
    assert_eq!(packed.errors.len(), 100);
}

#[test]
fn a_panic_of_a_reader_leaves_no_half_used_instance() {
    let driver = Wat::new().load();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        driver.call(Operation::DecodeEvent, "e", b"1", |_| panic!("planted"))
    }));
    assert!(outcome.is_err());
    assert_eq!(driver.metrics().instances_idle, 0);
    assert_eq!(driver.decode_event("e", b"2").unwrap(), "2");
    assert_eq!(driver.metrics().instances_idle, 1);
}

#[test]
fn the_size_of_the_pool_can_be_set() {
    for bad in [0, 1025] {
        assert_eq!(
            set_pool_threads(bad).unwrap_err().code,
            DriverCode::BadArgument
        );
    }
    let before = pool_threads();
    set_pool_threads(5).unwrap();
    assert_eq!(pool_threads(), 5);
    check(&driver().run(Operation::DecodeEvent, &items(2000), &Cancel::new()));
    set_pool_threads(before).unwrap();
}

#[test]
fn closing_stops_a_batch_between_items() {
    let driver = driver();
    driver.close();
    let results = driver.run(Operation::DecodeEvent, &items(10), &Cancel::new());
    assert!(
        results
            .iter()
            .all(|r| r.as_ref().is_err_and(|e| e.code == DriverCode::Closed))
    );
}

#[test]
fn many_threads_share_a_driver_and_many_drivers_a_thread() {
    let shared = driver();
    let drivers: Vec<Driver> = (0..8).map(|_| driver()).collect();
    std::thread::scope(|scope| {
        for thread in 0..16usize {
            let (shared, drivers) = (&shared, &drivers);
            scope.spawn(move || {
                for n in 0..500usize {
                    let text = format!("{thread}.{n}");
                    assert_eq!(shared.decode_event("ok", text.as_bytes()).unwrap(), text);
                    let own = &drivers[n % drivers.len()];
                    assert_eq!(own.decode_event("ok", text.as_bytes()).unwrap(), text);
                    if n % 50 == 0 {
                        assert_eq!(
                            own.decode_event("bomb", b"").unwrap_err().code,
                            DriverCode::Trap
                        );
                    }
                }
            });
        }
    });
    assert_eq!(shared.metrics().calls, 16 * 500);
    assert_eq!(shared.metrics().failures, 0);
    for driver in [&shared].into_iter().chain(&drivers) {
        let metrics = driver.metrics();
        let alive = metrics.instances_created - metrics.instances_discarded;
        assert!(metrics.instances_idle <= alive, "{metrics:?}");
    }
}

#[test]
fn failing_calls_leave_nothing_behind() {
    let reused = driver();
    let fresh = Wat::new()
        .bad_event("unreachable")
        .load_with(&Options {
            isolation: Isolation::Fresh,
            ..Options::default()
        })
        .unwrap();
    let mut memory = 0;
    for round in 0..20_000 {
        let code = if round % 2 == 0 { "bad" } else { "bomb" };
        assert!(reused.decode_event(code, b"1").is_err());
        if round % 4 == 0 {
            assert!(fresh.decode_event("bad", b"1").is_err());
        }
        if round == 1000 {
            memory = reused.metrics().memory_bytes;
        }
    }
    let metrics = reused.metrics();
    assert_eq!((metrics.calls, metrics.failures), (20_000, 20_000));
    assert_eq!((metrics.refusals, metrics.traps), (10_000, 10_000));
    assert!(
        metrics.instances_idle <= 1 && metrics.memory_bytes <= memory.max(1 << 20),
        "{metrics:?}"
    );
    let metrics = fresh.metrics();
    assert_eq!(
        (metrics.calls, metrics.failures, metrics.instances_idle),
        (5000, 5000, 0)
    );
}

#[test]
fn loading_and_dropping_leaves_nothing_behind() {
    let wasm = Wat::new().build();
    let load = || Driver::load(&wasm, &Options::default()).unwrap();
    let kept = load();
    for _ in 0..3000 {
        let driver = load();
        driver.decode_event("e", b"1").unwrap();
    }
    // More live drivers than the engine has slots for: idle instances make room for one another.
    let many: Vec<Driver> = (0..1500).map(|_| load()).collect();
    for driver in many.iter().chain([&kept]) {
        assert_eq!(driver.decode_event("e", b"3").unwrap(), "3");
    }
    drop(many);
    assert_eq!(kept.decode_event("e", b"4").unwrap(), "4");
    let status = engine_status().unwrap();
    assert!(status.instances < 1000, "{status:?}");
}

#[test]
fn the_clock_parks_when_nothing_runs_and_wakes_for_a_call() {
    let slow = Wat::new()
        .bad_event("(loop $l (br $l))")
        .load_with(&Options {
            deadline: Duration::from_millis(20),
            ..Options::default()
        })
        .unwrap();
    // Other tests run calls at the same time, so parking cannot be waited for without end; what
    // matters is that a call after any state of the clock still meets its deadline.
    for _ in 0..5 {
        assert_eq!(
            slow.decode_event("bad", b"").unwrap_err().code,
            DriverCode::Timeout
        );
        let mut spins = 0u64;
        while !engine_status().unwrap().clock_parked && spins < 2_000_000 {
            std::thread::yield_now();
            spins += 1;
        }
    }
}

/// Where processors are short, whoever hands the pool its work goes first.
#[cfg(target_os = "linux")]
#[test]
fn pool_threads_let_others_go_first() {
    let driver = driver();
    let results = driver.run(Operation::DecodeEvent, &items(100), &Cancel::new());
    check(&results);
    let mut found = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let path = task.unwrap().path();
        // Threads of other tests may end meanwhile.
        let Ok(stat) = std::fs::read_to_string(path.join("stat")) else {
            continue;
        };
        // `id (name) state …`: the niceness is the sixteenth after the state.
        let (head, rest) = stat.rsplit_once(") ").unwrap();
        let (_, name) = head.split_once('(').unwrap();
        let pooled = name
            .strip_prefix("driver-")
            .is_some_and(|index| index.parse::<usize>().is_ok());
        if pooled {
            let nice: i64 = rest.split(' ').nth(16).unwrap().parse().unwrap();
            assert!(nice > 0, "{stat}");
            found += 1;
        }
    }
    assert!(found > 0);
}
