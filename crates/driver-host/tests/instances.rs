//! Instances that wait for calls: they go where another needs their room, and for nothing else.
//!
//! The room is the process's own, so the tests take turns.

mod common;

use common::Wat;
use libmetachain_driver_host::{Driver, DriverCode, Options, engine_status};
use parking_lot::Mutex;

static TURN: Mutex<()> = Mutex::new(());

/// A module whose segment does not fit was taken for a process out of room, so that whoever offered one
/// made all drivers start anew.
#[test]
fn a_module_that_cannot_start_costs_others_nothing() {
    let _turn = TURN.lock();
    let driver = Wat::new().load();
    assert_eq!(driver.metrics().instances_idle, 1);
    for outside in [
        r#"(data (i32.const 131072) "x")"#,
        "(table 1 funcref) (elem (i32.const 1) $bad)",
    ] {
        let wasm = Wat::new().extra(outside).build();
        let error = Driver::load(&wasm, &Options::default()).unwrap_err();
        assert_eq!((error.code, error.phase), (DriverCode::Trap, "instantiate"));
        assert_eq!(driver.metrics().instances_idle, 1, "{outside}");
    }
    assert_eq!(driver.decode_event("e", b"1").unwrap(), "1");
    assert_eq!(driver.metrics().instances_created, 1);
}

/// More drivers than there are places for instances: the idle ones make room.
#[test]
fn a_full_pool_is_emptied_of_what_is_idle() {
    let _turn = TURN.lock();
    let wasm = Wat::new().build();
    let load = || Driver::load(&wasm, &Options::default()).expect("it loads");
    let drivers: Vec<_> = (0..1_100).map(|_| load()).collect();
    let idle = |driver: &Driver| driver.metrics().instances_idle;
    if engine_status().unwrap().pooled {
        assert!(drivers.iter().map(idle).sum::<u64>() < 1_100);
    }
    for driver in [&drivers[0], &drivers[1_099]] {
        assert_eq!(driver.decode_event("e", b"1").unwrap(), "1");
    }
}
