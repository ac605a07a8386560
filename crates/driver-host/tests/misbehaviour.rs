//! Drivers that misbehave in a call: each gives its typed error, and the next call works.

mod common;

use std::time::Duration;

use common::Wat;
use libmetachain_driver_host::{Driver, DriverCode, Optimization, Options};

/// Short enough for a test, long enough for a slow machine to do honest work.
fn options() -> Options {
    Options {
        deadline: Duration::from_millis(200),
        memory_bytes_max: 8 << 20,
        output_bytes_max: 1 << 20,
        ..Options::default()
    }
}

/// What a case does to the driver to make it fail.
#[derive(Clone, Copy)]
enum Provoke {
    /// `decode_event` with a name that begins with `b`.
    Name,
    /// A larger input, for which the host needs a new buffer.
    LargeInput,
}

fn provoke(driver: &Driver, how: Provoke) -> Result<String, libmetachain_driver_host::DriverError> {
    match how {
        Provoke::Name => driver.decode_event("bad", b"x"),
        Provoke::LargeInput => driver.decode_event("e", &[b'x'; 1500]),
    }
}

/// Every way of compiling contains the same, in the same words.
fn fails(wat: &Wat, how: Provoke, code: DriverCode, phase: &str) -> String {
    let text = |optimization| fails_in(wat, how, code, phase, optimization);
    let (quick, full) = (text(Optimization::Quick), text(Optimization::Full));
    assert_eq!(quick, full);
    full
}

fn fails_in(
    wat: &Wat,
    how: Provoke,
    code: DriverCode,
    phase: &str,
    optimization: Optimization,
) -> String {
    let options = Options {
        optimization,
        ..options()
    };
    let driver = Driver::load(&wat.build_apart(), &options).expect("the driver loads");
    let optimised = u64::from(optimization == Optimization::Full);
    assert_eq!(driver.metrics().optimised, optimised);
    // From here on there are buffers to replace.
    assert_eq!(
        driver.decode_event("ok", b"1").expect("it works at first"),
        "1"
    );
    let mut text = String::new();
    for round in 0..3 {
        let error = provoke(&driver, how).expect_err("the driver misbehaves");
        assert_eq!(
            (error.code, error.phase),
            (code, phase),
            "round {round}: {error}"
        );
        assert_eq!(error.driver_hash, Some(driver.hash()));
        assert_eq!(
            driver
                .decode_event("ok", b"[1]")
                .expect("the next call works"),
            "[1]"
        );
        assert_eq!(driver.get_version().expect("and another"), "1.2.3");
        text = error.message;
    }
    let metrics = driver.metrics();
    assert_eq!(metrics.failures, 3);
    // What says no is kept; what trapped, ran out of something or broke the convention is not.
    let kept = matches!(
        code,
        DriverCode::Operation | DriverCode::InvalidInput | DriverCode::OutputTooLarge
    );
    let discarded = if kept { 0 } else { 3 };
    assert_eq!(metrics.instances_discarded, discarded, "{metrics:?}");
    // Nothing is left behind by failed calls: at most the one instance that serves this thread.
    assert!(metrics.instances_idle <= 1, "{metrics:?}");
    let left = metrics.instances_created - metrics.instances_discarded - metrics.instances_recycled;
    assert_eq!(left, metrics.instances_idle, "{metrics:?}");
    text
}

macro_rules! misbehave {
    ($($name:ident: $how:ident, $wat:expr => $code:ident in $phase:literal;)*) => {
        $(#[test]
        fn $name() {
            fails(&$wat, Provoke::$how, DriverCode::$code, $phase);
        })*
        const MISBEHAVIOURS: &[&str] = &[$(stringify!($name)),*];
    };
}

fn event(body: &str) -> Wat {
    Wat::new().bad_event(body)
}

/// An allocator that does `body` for the buffer of a larger input, and its duty otherwise.
fn alloc(body: &str) -> Wat {
    Wat::new().with(
        "alloc",
        &format!(
            r#"(func $alloc (export "alloc") (param $size i32) (result i32)
              (if (i32.and (i32.gt_u (local.get $size) (i32.const 1500))
                           (i32.lt_u (local.get $size) (i32.const 3000)))
                (then {body}))
              (call $bump (local.get $size)))"#
        ),
    )
}

fn dealloc(body: &str) -> Wat {
    Wat::new().with(
        "dealloc",
        &format!(r#"(func $dealloc (export "dealloc") (param i32 i32) {body})"#),
    )
}

/// An error whose text `get_last_error` then handles as `body` says.
fn last_error(body: &str) -> Wat {
    event("(return (call $fail (i32.const 96) (i32.const 7)))").with(
        "get_last_error",
        &format!(
            r#"(func $last (export "get_last_error") (param $out i32) (param $size i32)
               (result i32) {body})"#
        ),
    )
}

const REPLY_PREFIX: &str = "(i32.store (local.get $out) (call $order (";

fn claims(length: &str) -> Wat {
    event(&format!("{REPLY_PREFIX}{length}))) (return (i32.const 0))"))
}

const RECURSE: &str = "(func $deep (param i32) (result i32)
  (i32.add (i32.const 1) (call $deep (i32.add (local.get 0) (i32.const 1)))))";

const RECURSE_INDIRECTLY: &str = "(table 1 funcref) (elem (i32.const 0) $round)
  (type $t (func (param i32) (result i32)))
  (func $round (param i32) (result i32)
    (i32.add (i32.const 1) (call_indirect (type $t) (local.get 0) (i32.const 0))))";

const BOMB: &str = "(loop $more (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1))
  (then unreachable)) (br $more))";

misbehave! {
    // Traps.
    unreachable: Name, event("unreachable") => Trap in "decode_event";
    reads_outside: Name, event("(drop (i32.load (i32.const -4)))") => Trap in "decode_event";
    reads_across_the_end: Name, event(
        "(drop (i64.load (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4))))"
    ) => Trap in "decode_event";
    reads_outside_through_an_offset: Name,
        event("(drop (i32.load offset=4294967295 (local.get $in)))") => Trap in "decode_event";
    writes_outside: Name, event("(i64.store (i32.const 0x7fffffff) (i64.const 1))")
        => Trap in "decode_event";
    fills_outside: Name, event("(memory.fill (i32.const 0) (i32.const 1) (i32.const -1))")
        => Trap in "decode_event";
    copies_outside: Name,
        event("(memory.copy (i32.const 0) (i32.const 16) (i32.const 0x7fffffff))")
        => Trap in "decode_event";
    inits_from_a_dropped_segment: Name,
        event("(data.drop $d) (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))")
            .extra("(data $d \"abc\")") => Trap in "decode_event";
    divides_by_zero: Name, event("(drop (i32.div_u (i32.const 1) (i32.const 0)))")
        => Trap in "decode_event";
    overflows_a_division: Name,
        event("(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))") => Trap in "decode_event";
    truncates_nan: Name, event("(drop (i32.trunc_f64_s (f64.const nan)))")
        => Trap in "decode_event";
    calls_nothing: Name, event("(call_indirect (type $v) (i32.const 0))")
        .extra("(type $v (func)) (table 1 funcref)") => Trap in "decode_event";
    calls_outside_the_table: Name, event("(call_indirect (type $v) (i32.const 99))")
        .extra("(type $v (func)) (table 1 funcref)") => Trap in "decode_event";
    calls_with_another_type: Name, event("(call_indirect (type $v) (i32.const 0))")
        .extra("(type $v (func)) (table 1 funcref) (elem (i32.const 0) $bad)")
        => Trap in "decode_event";
    // Time.
    loops: Name, event("(loop $l (br $l))") => Timeout in "decode_event";
    loops_over_bulk_writes: Name, event(
        "(loop $l (memory.fill (i32.const 2048) (i32.const 0) (i32.const 1024)) (br $l))"
    ) => Timeout in "decode_event";
    loops_between_functions: Name, event("(loop $l (drop (call $bad (i32.const 0))) (br $l))")
        => Timeout in "decode_event";
    // Stack.
    recurses: Name, event("(drop (call $deep (i32.const 0)))").extra(RECURSE)
        => Stack in "decode_event";
    recurses_through_a_table: Name, event("(drop (call $round (i32.const 0)))")
        .extra(RECURSE_INDIRECTLY) => Stack in "decode_event";
    recurses_with_wide_frames: Name, event("(drop (call $wide (i64.const 0)))").extra(
        "(func $wide (param i64) (result i64) (local $a i64) (local $b i64)
           (local.set $a (i64.mul (local.get 0) (i64.const 3)))
           (local.set $b (call $wide (i64.add (local.get $a) (i64.const 1))))
           (i64.add (local.get $a) (i64.mul (local.get $b) (local.get 0))))"
    ) => Stack in "decode_event";
    // Memory.
    grows_without_end: Name, event(BOMB) => Memory in "decode_event";
    grows_at_once: Name, event(
        "(if (i32.eq (memory.grow (i32.const 65000)) (i32.const -1)) (then unreachable))"
    ) => Memory in "decode_event";
    grows_its_table_without_end: Name, event(
        "(loop $more (if (i32.eq (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))
           (then unreachable)) (br $more))"
    ).extra("(table $t 1 funcref)") => Memory in "decode_event";
    // Lengths.
    claims_everything: Name, claims("i32.const -1") => Abi in "decode_event";
    claims_a_negative_length: Name, claims("i32.const 0x80000000") => Abi in "decode_event";
    claims_one_byte_too_many: Name, claims("i32.sub (local.get $out_size) (i32.const 3)")
        => Abi in "decode_event";
    claims_the_whole_buffer: Name, claims("local.get $out_size") => Abi in "decode_event";
    claims_too_much_big_endian: Name, claims("i32.const 0x01000000").big_endian()
        => Abi in "decode_event";
    scribbles_over_everything: Name, event(
        "(memory.fill (i32.const 0) (i32.const 255) (i32.mul (memory.size) (i32.const 65536)))
         (return (i32.const 0))"
    ) => Abi in "decode_event";
    // Text.
    answers_no_utf8: Name, event(
        "(i32.store8 (i32.const 16) (i32.const 0xff))
         (return (call $reply (i32.const 16) (i32.const 1) (local.get $out) (local.get $out_size)))"
    ) => Abi in "decode_event";
    answers_half_a_character: Name, event(
        "(i32.store8 (i32.const 16) (i32.const 0xc3))
         (return (call $reply (i32.const 16) (i32.const 1) (local.get $out) (local.get $out_size)))"
    ) => Abi in "decode_event";
    answers_a_surrogate: Name, event(
        "(i32.store (i32.const 16) (i32.const 0x80a0ed))
         (return (call $reply (i32.const 16) (i32.const 3) (local.get $out) (local.get $out_size)))"
    ) => Abi in "decode_event";
    // Codes.
    says_invalid_input: Name, event(
        "(drop (call $fail (i32.const 96) (i32.const 7))) (return (i32.const 1))"
    ) => InvalidInput in "decode_event";
    says_failed: Name, event("(return (call $fail (i32.const 96) (i32.const 7)))")
        => Operation in "decode_event";
    says_not_initialised: Name, event("(return (i32.const 3))") => Abi in "decode_event";
    says_too_small_for_ever: Name, event("(return (i32.const 4))")
        => OutputTooLarge in "decode_event";
    says_five: Name, event("(return (i32.const 5))") => Abi in "decode_event";
    says_minus_one: Name, event("(return (i32.const -1))") => Abi in "decode_event";
    says_the_largest_code: Name, event("(return (i32.const 0x7fffffff))") => Abi in "decode_event";
    // The error's text.
    error_text_traps: Name, last_error("unreachable") => Trap in "get_last_error";
    error_text_loops: Name, last_error("(loop $l (br $l)) (i32.const 0)")
        => Timeout in "get_last_error";
    error_text_recurses: Name,
        last_error("(call $last (local.get $out) (local.get $size)) (i32.add (i32.const 1))")
        => Stack in "get_last_error";
    error_text_lies_about_its_length: Name, last_error(
        "(i32.store (local.get $out) (i32.const 0x7fffffff)) (i32.const 0)"
    ) => Abi in "get_last_error";
    error_text_answers_another_code: Name, last_error("(i32.const 2)") => Abi in "get_last_error";
    // Allocation.
    alloc_finds_nothing: LargeInput, alloc("(return (i32.const 0))") => Abi in "alloc";
    alloc_returns_minus_one: LargeInput, alloc("(return (i32.const -1))") => Abi in "alloc";
    alloc_returns_a_negative_pointer: LargeInput, alloc("(return (i32.const 0x80000000))")
        => Abi in "alloc";
    alloc_returns_the_end: LargeInput,
        alloc("(return (i32.mul (memory.size) (i32.const 65536)))") => Abi in "alloc";
    alloc_returns_too_near_the_end: LargeInput, alloc(
        "(return (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.sub (local.get $size) (i32.const 1))))"
    ) => Abi in "alloc";
    alloc_returns_what_is_in_use: LargeInput, alloc("(return (i32.const 4096))") => Abi in "alloc";
    alloc_returns_what_is_partly_in_use: LargeInput, alloc("(return (i32.const 4300))")
        => Abi in "alloc";
    alloc_covers_what_is_in_use: LargeInput, alloc("(return (i32.const 4090))") => Abi in "alloc";
    alloc_traps: LargeInput, alloc("unreachable") => Trap in "alloc";
    alloc_loops: LargeInput, alloc("(loop $l (br $l))") => Timeout in "alloc";
    alloc_recurses: LargeInput, alloc("(drop (call $alloc (local.get $size)))") => Stack in "alloc";
    alloc_wants_too_much: LargeInput, alloc(
        "(drop (memory.grow (i32.const 60000))) (return (i32.const 0))"
    ) => Memory in "alloc";
    alloc_wants_too_much_and_traps: LargeInput, alloc(BOMB) => Memory in "alloc";
    alloc_enters_a_conversion_for_ever: LargeInput, alloc(
        "(drop (call $again (i32.const 0)))"
    ).extra("(func $again (param i32) (result i32) (call $alloc (i32.const 2000)))")
        => Stack in "alloc";
    dealloc_traps: LargeInput, dealloc("unreachable") => Trap in "dealloc";
    dealloc_loops: LargeInput, dealloc("(loop $l (br $l))") => Timeout in "dealloc";
    dealloc_recurses: LargeInput, dealloc("(call $dealloc (local.get 0) (local.get 1))")
        .extra("") => Stack in "dealloc";
}

#[test]
fn there_are_more_than_sixty_of_them() {
    assert!(MISBEHAVIOURS.len() >= 60, "{}", MISBEHAVIOURS.len());
}

/// The harness notices when a driver does what it should, and not only what it should not.
#[test]
fn a_test_of_misbehaviour_can_fail() {
    let judge = |wat: Wat, code, phase| {
        std::panic::catch_unwind(|| fails(&wat, Provoke::Name, code, phase)).is_ok()
    };
    let trap = || event("unreachable");
    assert!(judge(trap(), DriverCode::Trap, "decode_event"));
    assert!(
        !judge(Wat::new(), DriverCode::Trap, "decode_event"),
        "it obeys"
    );
    assert!(
        !judge(trap(), DriverCode::Abi, "decode_event"),
        "another code"
    );
    assert!(!judge(trap(), DriverCode::Trap, "alloc"), "another phase");
    // Loading asks for the version too; buffers for names and inputs come later.
    let worse = trap().with(
        "get_version",
        r#"(func (export "get_version") (param i32 i32) (result i32)
      (if (i32.gt_u (global.get $heap) (i32.const 70000)) (then unreachable))
      (call $reply (i32.const 64) (i32.const 5) (local.get 0) (local.get 1)))"#,
    );
    assert!(
        !judge(worse, DriverCode::Trap, "decode_event"),
        "a later call fails"
    );
}

#[test]
fn the_drivers_own_text_comes_through_untouched() {
    let text = fails(
        &event("(return (call $fail (i32.const 96) (i32.const 7)))"),
        Provoke::Name,
        DriverCode::Operation,
        "decode_event",
    );
    assert_eq!(text, "planted");
    let empty = event("(return (i32.const 2))");
    assert_eq!(
        fails(&empty, Provoke::Name, DriverCode::Operation, "decode_event"),
        ""
    );
    // Text that is no UTF-8 is shown as far as it is.
    let mangled = event(
        "(i32.store8 (i32.const 98) (i32.const 0xff))
         (return (call $fail (i32.const 96) (i32.const 7)))",
    );
    let text = fails(
        &mangled,
        Provoke::Name,
        DriverCode::Operation,
        "decode_event",
    );
    assert_eq!(text, "pl\u{fffd}nted");
}

#[test]
fn no_error_text_is_lost_because_it_is_long() {
    // `get_last_error` takes the text before it writes, so a second try with more room finds none.
    let quoting = event("(return (call $fail (local.get $in) (local.get $in_size)))");
    let driver = quoting.load();
    for length in [0, 1, 4096, 65_000, 65_536, 500_000] {
        let input = vec![b'q'; length];
        let error = driver.decode_event("bad", &input).unwrap_err();
        assert_eq!(error.code, DriverCode::Operation);
        assert_eq!(error.message.len(), length);
    }
    // What cannot be had is said, not guessed.
    let text = fails(
        &last_error("(i32.const 4)"),
        Provoke::Name,
        DriverCode::Operation,
        "decode_event",
    );
    assert!(text.contains("over 65536 bytes"), "{text}");
}

#[test]
fn an_answer_that_was_not_written_is_not_the_previous_callers() {
    let silent = event("(return (i32.const 0))");
    let driver = silent.load();
    assert_eq!(
        driver.decode_event("ok", b"\"secret\"").unwrap(),
        "\"secret\""
    );
    assert_eq!(driver.decode_event("bad", b"").unwrap(), "");
}

#[test]
fn a_refused_growth_that_the_driver_copes_with_is_no_error() {
    let driver = event(
        "(drop (memory.grow (i32.const 65000)))
         (return (call $reply (i32.const 64) (i32.const 5) (local.get $out) (local.get $out_size)))",
    )
    .load_with(&options())
    .unwrap();
    assert_eq!(driver.decode_event("bad", b"").unwrap(), "1.2.3");
    // And a later trap is not blamed on it.
    let driver = Wat::new()
        .convert(
            "decode_event",
            "(if (i32.eqz (local.get $in_size)) (then unreachable))
             (drop (memory.grow (i32.const 65000))) (i32.const 0)",
        )
        .load_with(&options())
        .unwrap();
    driver.decode_event("e", b"x").unwrap();
    assert_eq!(
        driver.decode_event("e", b"").unwrap_err().code,
        DriverCode::Trap
    );
}

#[test]
fn a_driver_may_answer_its_whole_buffer() {
    let exact = claims("i32.sub (local.get $out_size) (i32.const 4)");
    assert_eq!(
        exact.load().decode_event("bad", b"").unwrap().len(),
        (64 << 10) - 4
    );
}

#[test]
fn allocators_may_be_eccentric() {
    // Grows the memory on every call, so that the memory's place may change under our buffers.
    let restless = Wat::new().with(
        "alloc",
        r#"(func (export "alloc") (param i32) (result i32)
           (drop (memory.grow (i32.const 1))) (call $bump (local.get 0)))"#,
    );
    // Calls a conversion and the error text while it allocates.
    let reentrant = Wat::new()
        .with(
            "alloc",
            r#"(func (export "alloc") (param i32) (result i32)
               (drop (call $again (i32.const 64) (i32.const 1) (i32.const 64) (i32.const 5) (i32.const 2048) (i32.const 64)))
               (call $bump (local.get 0)))"#,
        )
        .with(
            "decode_input_fn",
            &format!(
                r#"(func $again (export "decode_input_fn") (param $name i32) (param $name_size i32)
                   (param $in i32) (param $in_size i32) (param $out i32) (param $out_size i32)
                   (result i32) {})"#,
                common::ECHO
            ),
        );
    // Overwrites what it frees.
    let scrubbing = dealloc("(memory.fill (local.get 0) (i32.const 0xee) (local.get 1))");
    for wat in [restless, reentrant, scrubbing] {
        let driver = wat.load();
        for length in [1usize, 300, 5_000, 70_000, 200_000, 3] {
            let input = vec![b'7'; length];
            assert_eq!(driver.decode_event("e", &input).unwrap().as_bytes(), input);
        }
        assert_eq!(driver.metrics().failures, 0);
    }
}

#[test]
fn an_instance_that_grew_far_is_replaced() {
    let options = Options {
        recycle_bytes: 1 << 20,
        ..options()
    };
    let driver = event(
        "(drop (memory.grow (i32.const 64)))
         (return (call $reply (i32.const 64) (i32.const 5) (local.get $out) (local.get $out_size)))",
    )
    .load_with(&options)
    .unwrap();
    driver.decode_event("ok", b"").unwrap();
    assert_eq!(driver.metrics().instances_recycled, 0);
    driver.decode_event("bad", b"").unwrap();
    let metrics = driver.metrics();
    assert_eq!((metrics.instances_recycled, metrics.instances_idle), (1, 0));
    assert_eq!(driver.decode_event("ok", b"1").unwrap(), "1");
    assert!(driver.metrics().memory_bytes <= 1 << 20);
}

#[test]
fn versions_and_schemas_may_be_missing() {
    let schema = |body: &str| {
        let text = format!(
            r#"(func (export "get_schema") (param $out i32) (param $size i32) (result i32) {body})"#
        );
        Wat::new()
            .memory(r#"(memory (export "memory") 12)"#)
            .with("get_schema", &text)
            .load_with(&options())
            .unwrap()
    };
    for body in [
        "unreachable",
        "(i32.const 0)",
        "(drop (i32.load (i32.const -1))) (i32.const 0)",
    ] {
        let driver = schema(body);
        assert_eq!(driver.get_schema().unwrap(), None, "{body}");
        assert_eq!(driver.decode_event("e", b"1").unwrap(), "1");
    }
    let driver = schema("(loop $l (br $l)) (i32.const 0)");
    assert_eq!(driver.get_schema().unwrap_err().code, DriverCode::Timeout);
    let driver = schema("(call $fail (i32.const 96) (i32.const 7))");
    let error = driver.get_schema().unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        (DriverCode::Operation, "planted")
    );
    let driver = schema(
        "(call $reply (i32.const 400000) (i32.const 100000) (local.get $out) (local.get $size))",
    );
    assert_eq!(
        driver.get_schema().unwrap().map(|text| text.len()),
        Some(100_000)
    );
}

#[test]
fn deadlines_are_each_calls_own() {
    // A slow driver with a short deadline and an honest one with a long deadline, at the same time.
    let slow = event("(loop $l (br $l))").load_with(&options()).unwrap();
    let honest = Wat::new()
        .load_with(&Options {
            deadline: Duration::from_secs(60),
            ..options()
        })
        .unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..2 {
                    assert_eq!(
                        slow.decode_event("bad", b"").unwrap_err().code,
                        DriverCode::Timeout
                    );
                    assert_eq!(slow.decode_event("ok", b"1").unwrap(), "1");
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..20_000 {
                assert_eq!(honest.decode_event("bad", b"2").unwrap(), "2");
            }
        });
    });
    assert_eq!(slow.metrics().timeouts, 6);
    assert_eq!(honest.metrics().failures, 0);
}
