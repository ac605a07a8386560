//! The static check: what it refuses, that it names everything at once, and what must pass.

mod common;

use std::time::Duration;

use common::Wat;
use libmetachain_driver_host::{
    Driver, DriverCode, DriverError, FUNCTION_BYTES_MAX, FUNCTIONS_MAX, Fault, GLOBALS_MAX,
    LOCALS_MAX, MODULE_BYTES_MAX, Options, PARAMETERS_MAX, RESULTS_MAX, check,
};

const EXPORTS: [&str; 10] = [
    "init",
    "alloc",
    "dealloc",
    "get_last_error",
    "encode_input_fn",
    "decode_input_fn",
    "decode_output_fn",
    "decode_event",
    "get_schema",
    "get_version",
];

fn faults(wasm: &[u8]) -> Vec<Fault> {
    let report = check(wasm);
    let loaded = Driver::load(wasm, &Options::default());
    if report.faults.is_empty() {
        loaded.expect("what the check accepts compiles and starts");
    } else {
        let error = loaded.expect_err("what the check refuses is not loaded");
        assert_eq!((error.code, error.phase), (DriverCode::Rejected, "check"));
        assert_eq!(error.message, report.to_string());
        assert!(error.driver_hash.is_some());
    }
    report.faults
}

fn faults_of(wat: &Wat) -> Vec<Fault> {
    faults(&wat.build())
}

fn is_invalid(fault: &Fault) -> bool {
    matches!(fault, Fault::Invalid(..))
}

#[test]
fn each_missing_export_is_named() {
    for name in EXPORTS {
        assert_eq!(
            faults_of(&Wat::new().without(name)),
            [Fault::MissingExport(name)]
        );
    }
    let hidden = Wat::new().memory("(memory 2)");
    assert_eq!(faults_of(&hidden), [Fault::MissingExport("memory")]);
}

#[test]
fn each_mistyped_export_is_named() {
    for name in EXPORTS {
        let wrong = Wat::new().with(
            name,
            &format!(r#"(func (export "{name}") (param i64) (result f32) unreachable)"#),
        );
        let expected = Fault::MistypedExport(name, "(i64) -> (f32)".into());
        assert_eq!(faults_of(&wrong), [expected]);
        let global = Wat::new().with(
            name,
            &format!(r#"(global (export "{name}") i32 (i32.const 0))"#),
        );
        let expected = Fault::MistypedExport(name, "a global".into());
        assert_eq!(faults_of(&global), [expected]);
    }
    let not_memory =
        Wat::new().memory(r#"(memory 2) (global (export "memory") i32 (i32.const 0))"#);
    assert_eq!(
        faults_of(&not_memory),
        [Fault::MistypedExport("memory", "a global".into())]
    );
}

#[test]
fn all_faults_are_named_at_once() {
    let wat = Wat::new()
        .without("alloc")
        .without("get_version")
        .with("init", r#"(func (export "init") (result i32) i32.const 0)"#)
        .extra("(func $s) (start $s) (table 20000 funcref) (table 1 funcref)");
    let found = faults_of(&wat);
    for expected in [
        Fault::MissingExport("alloc"),
        Fault::MissingExport("get_version"),
        Fault::MistypedExport("init", "() -> (i32)".into()),
        Fault::Start,
        Fault::TableTooLarge(20_000),
        Fault::Tables(2),
    ] {
        assert!(
            found.contains(&expected),
            "{expected:?} is not in {found:?}"
        );
    }
    let text = check(&wat.build()).to_string();
    assert!(
        text.contains("does not export alloc") && text.contains("start function"),
        "{text}"
    );
}

#[test]
fn imports_are_refused_by_name() {
    for (import, name) in [
        (r#"(import "env" "log" (func (param i32)))"#, "env.log"),
        (
            r#"(import "wasi_snapshot_preview1" "fd_write" (func))"#,
            "wasi_snapshot_preview1.fd_write",
        ),
        (r#"(import "env" "g" (global i32))"#, "env.g"),
        (r#"(import "env" "t" (table 1 funcref))"#, "env.t"),
        (r#"(import "" "" (func))"#, "."),
    ] {
        let text = Wat::new()
            .text()
            .replacen("(module", &format!("(module {import}"), 1);
        let found = faults(&wat::parse_str(text).unwrap());
        assert_eq!(found, [Fault::Import(name.into())]);
    }
    // An imported function moves the indices of all others: the exports are still told apart.
    let text = Wat::new()
        .with("init", r#"(func (export "init") (param i32))"#)
        .text()
        .replacen(
            "(module",
            r#"(module (import "a" "b" (func (param i64)))"#,
            1,
        );
    let found = faults(&wat::parse_str(text).unwrap());
    let mistyped = Fault::MistypedExport("init", "(i32) -> ()".into());
    assert_eq!(found, [Fault::Import("a.b".into()), mistyped]);
}

#[test]
fn memories_are_one_and_plain() {
    let two = Wat::new().memory(r#"(memory (export "memory") 2) (memory 1)"#);
    let found = faults_of(&two);
    assert!(found.contains(&Fault::Memories(2)), "{found:?}");
    for odd in [
        r#"(memory (export "memory") i64 2)"#,
        r#"(memory (export "memory") 2 4 shared)"#,
        r#"(memory (export "memory") 2 1)"#,
    ] {
        let module = wat::parse_str(Wat::new().memory(odd).text());
        let Ok(module) = module else { continue };
        let found = faults(&module);
        assert!(found.iter().any(is_invalid), "{odd}: {found:?}");
    }
    let large = Wat::new().memory(r#"(memory (export "memory") 1025)"#);
    assert_eq!(check(&large.build()).memory_bytes_min, 1025 << 16);
    let error = large.load_with(&Options::default()).unwrap_err();
    assert_eq!((error.code, error.phase), (DriverCode::Memory, "check"));
    assert!(
        Wat::new()
            .memory(r#"(memory (export "memory") 1024)"#)
            .load_with(&Options::default())
            .is_ok()
    );
}

#[test]
fn counts_and_sizes_are_bounded() {
    let functions: String = (0..FUNCTIONS_MAX).map(|_| "(func)").collect();
    let found = faults_of(&Wat::new().extra(&functions));
    assert!(
        matches!(found[..], [Fault::Functions(n)] if n > FUNCTIONS_MAX),
        "{found:?}"
    );

    let globals: String = (0..=GLOBALS_MAX)
        .map(|_| "(global i32 (i32.const 0))")
        .collect();
    let found = faults_of(&Wat::new().extra(&globals));
    assert!(
        matches!(found[..], [Fault::Globals(n)] if n > GLOBALS_MAX),
        "{found:?}"
    );

    let body = "(drop (i32.const 1000000))".repeat(FUNCTION_BYTES_MAX / 4);
    let found = faults_of(&Wat::new().extra(&format!("(func {body})")));
    assert!(matches!(found[..], [Fault::FunctionTooLong(_, n)] if n > FUNCTION_BYTES_MAX));

    let found = faults(&vec![0; MODULE_BYTES_MAX + 1]);
    assert_eq!(found, [Fault::TooLarge(MODULE_BYTES_MAX + 1)]);

    let segments: String = (0..10_001).map(|_| r#"(data "")"#).collect();
    let found = faults_of(&Wat::new().extra(&segments));
    assert!(matches!(found[..], [Fault::Segments(_)]), "{found:?}");
}

#[test]
fn locals_are_bounded_but_not_as_tightly_as_real_drivers_are_large() {
    let with_locals = |count: u32| {
        let locals = "i32 ".repeat(count as usize);
        Wat::new().extra(&format!("(func (local {locals}))"))
    };
    assert_eq!(faults_of(&with_locals(120)), []);
    assert_eq!(faults_of(&with_locals(LOCALS_MAX)), []);
    let found = faults_of(&with_locals(LOCALS_MAX + 1));
    assert!(matches!(found[..], [Fault::Locals(_, n)] if n == u64::from(LOCALS_MAX) + 1));
}

#[test]
fn types_are_as_wide_as_compilers_make_them() {
    let with = |parameters: usize, results: usize| {
        let list = |count| "i32 ".repeat(count);
        let (parameters, results) = (list(parameters), list(results));
        Wat::new().extra(&format!(
            "(type (func (param {parameters}) (result {results})))"
        ))
    };
    assert_eq!(faults_of(&with(PARAMETERS_MAX, RESULTS_MAX)), []);
    for (parameters, results) in [
        (PARAMETERS_MAX + 1, 0),
        (0, RESULTS_MAX + 1),
        (1_000, 1_000),
    ] {
        let found = faults_of(&with(parameters, results));
        assert!(
            matches!(found[..], [Fault::Signature(_, p, r)] if (p, r) == (parameters, results)),
            "{found:?}"
        );
    }
}

/// A function that calls itself with sixteen values, so often, on the sixteen that came of it before.
fn calls(count: usize) -> String {
    let (values, calls) = ("i32 ".repeat(16), "call $calls ".repeat(count));
    let arguments: String = (0..16).map(|n| format!("local.get {n} ")).collect();
    format!("(func $calls (param {values}) (result {values}) {arguments} {calls})")
}

/// A function of loops in loops, each of which all locals go through.
fn loops(count: usize) -> String {
    let locals = "i32 ".repeat(LOCALS_MAX as usize);
    let (begin, end) = ("loop ".repeat(count), "end ".repeat(count));
    format!("(func (local {locals}) {begin} {end})")
}

#[test]
fn short_instructions_cannot_ask_a_compiler_for_gigabytes() {
    for small in [calls(1_000), loops(100)] {
        assert_eq!(faults_of(&Wat::new().extra(&small)), []);
    }
    for large in [calls(32_000), loops(501)] {
        let wasm = Wat::new().extra(&large).build();
        assert!(wasm.len() < 100_000, "it is small");
        let found = faults(&wasm);
        assert!(matches!(found[..], [Fault::FunctionWork(_)]), "{found:?}");
    }
    let many = loops(499).repeat(33);
    let found = faults_of(&Wat::new().extra(&many));
    assert!(matches!(found[..], [Fault::ModuleWork]), "{found:?}");
}

#[test]
fn features_outside_the_list_are_refused() {
    for (what, text) in [
        (
            "threads",
            "(func (result i32) (i32.atomic.load (i32.const 0)))",
        ),
        ("exceptions", "(tag $e) (func (throw $e))"),
        ("tail calls", "(func $f (return_call $f))"),
        ("garbage collection", "(type $s (struct (field i32)))"),
        (
            "function references",
            "(type $f (func)) (func (param (ref $f)) (call_ref $f (local.get 0)))",
        ),
        (
            "relaxed vectors",
            "(func (param v128) (result v128) (i32x4.relaxed_trunc_f32x4_s (local.get 0)))",
        ),
        (
            "wide arithmetic",
            "(func (param i64 i64) (result i64 i64) (i64.mul_wide_u (local.get 0) (local.get 1)))",
        ),
        ("64-bit tables", "(table i64 1 funcref)"),
        (
            "host references",
            "(global (mut externref) (ref.null extern))",
        ),
    ] {
        let found = faults_of(&Wat::new().extra(text));
        assert!(found.iter().any(is_invalid), "{what}: {found:?}");
    }
}

#[test]
fn features_that_compilers_use_pass() {
    for (what, text) in [
        (
            "vectors",
            "(func (param v128) (result v128) (i32x4.add (local.get 0) (local.get 0)))",
        ),
        (
            "bulk memory",
            "(func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))",
        ),
        (
            "sign extension",
            "(func (result i32) (i32.extend8_s (i32.const 1)))",
        ),
        (
            "saturating conversion",
            "(func (result i32) (i32.trunc_sat_f32_s (f32.const 1)))",
        ),
        (
            "several results",
            "(func (result i32 i32) (i32.const 1) (i32.const 2))",
        ),
        (
            "extended constants",
            "(global i32 (i32.add (i32.const 1) (i32.const 2)))",
        ),
        (
            "function tables",
            "(table 3 3 funcref) (elem (i32.const 0) $bad) (func (drop (ref.func $bad)))",
        ),
        (
            "mutable exported globals",
            r#"(global (export "g") (mut i32) (i32.const 0))"#,
        ),
        (
            "custom sections",
            r#"(@custom "name-of-no-meaning" "\ff\fe")"#,
        ),
        (
            "other exports",
            r#"(export "__heap_base" (global $heap)) (func (export "more"))"#,
        ),
    ] {
        assert_eq!(faults_of(&Wat::new().extra(text)), [], "{what}");
    }
    // The memory of real drivers has no maximum.
    assert_eq!(
        faults_of(&Wat::new().memory(r#"(memory (export "memory") 17)"#)),
        []
    );
    assert_eq!(
        faults_of(&Wat::new().memory(r#"(memory (export "memory") 2 100)"#)),
        []
    );
    // Rust 1.82 and later encode `call_indirect`'s table index in five bytes.
    let wasm = Wat::new()
        .extra("(type $v (func)) (table 1 funcref) (func (call_indirect (type $v) (i32.const 0)))")
        .build();
    let at = wasm
        .windows(2)
        .rposition(|pair| pair[0] == 0x11)
        .expect("a call_indirect");
    assert_eq!(wasm[at + 2], 0, "the table index");
    assert_eq!(check(&overlong(&wasm, at + 2)).faults, []);
}

/// Rewrites the one-byte zero at `at` (in the last function) as a five-byte one.
fn overlong(wasm: &[u8], at: usize) -> Vec<u8> {
    // Only the verdict matters, so the sizes around it are patched by re-encoding the code section.
    let text = wasm.to_vec();
    let mut out = Vec::new();
    let mut rest = &text[8..];
    let mut position = 8;
    out.extend(&text[..8]);
    while !rest.is_empty() {
        let id = rest[0];
        let (size, used) = leb(&rest[1..]);
        let body_at = position + 1 + used;
        let body = &text[body_at..body_at + size];
        if id == 10 {
            let (count, mut cursor) = leb(body);
            let mut code = encode(count);
            for _ in 0..count {
                let (length, used) = leb(&body[cursor..]);
                let start = cursor + used;
                let mut function = body[start..start + length].to_vec();
                let absolute = body_at + start;
                if (absolute..absolute + length).contains(&at) {
                    let inside = at - absolute;
                    function.splice(inside..=inside, [0x80, 0x80, 0x80, 0x80, 0x00]);
                }
                code.extend(encode(function.len()));
                code.extend(function);
                cursor = start + length;
            }
            out.push(id);
            out.extend(encode(code.len()));
            out.extend(code);
        } else {
            out.extend(&text[position..body_at + size]);
        }
        position = body_at + size;
        rest = &text[position..];
    }
    assert_ne!(out.len(), wasm.len());
    out
}

fn leb(bytes: &[u8]) -> (usize, usize) {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return (value, index + 1);
        }
    }
    panic!("an unfinished number")
}

fn encode(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(byte);
            return out;
        }
        out.push(byte | 0x80);
    }
}

#[test]
fn anything_that_is_no_module_is_refused() {
    let good = Wat::new().build();
    for junk in [
        &b""[..],
        b"\0asm",
        b"not wasm at all",
        &good[..good.len() - 1],
        &good[1..],
    ] {
        assert!(faults(junk).iter().any(is_invalid));
    }
    let component = wat::parse_str("(component)").unwrap();
    assert!(!faults(&component).is_empty());
    // Every cut of a good module, and every byte of its first part flipped: a verdict, never a
    // panic, and what is accepted also compiles.
    for cut in (0..good.len()).step_by(7) {
        assert!(!check(&good[..cut]).faults.is_empty(), "cut at {cut}");
    }
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x55;
        let _ = check(&bad);
    }
}

#[test]
fn faults_are_counted_beyond_those_listed() {
    let imports: String = (0..100)
        .map(|n| format!(r#"(import "env" "f{n}" (func))"#))
        .collect();
    let text = Wat::new()
        .text()
        .replacen("(module", &format!("(module {imports}"), 1);
    let report = check(&wat::parse_str(text).unwrap());
    assert_eq!((report.faults.len(), report.faults_unlisted), (64, 36));
    assert!(report.to_string().ends_with("; and 36 more"));
}

fn load(wat: &Wat) -> Result<Driver, DriverError> {
    wat.load_with(&Options {
        deadline: Duration::from_millis(100),
        memory_bytes_max: 1 << 20,
        ..Options::default()
    })
}

#[test]
fn a_driver_that_cannot_start_is_not_loaded() {
    let init = |body: &str| {
        let text = format!(r#"(func $init (export "init") {body})"#);
        let error = load(&Wat::new().with("init", &text)).unwrap_err();
        assert!(error.driver_hash.is_some());
        (error.code, error.phase)
    };
    assert_eq!(init("unreachable"), (DriverCode::Trap, "init"));
    assert_eq!(init("(loop $l (br $l))"), (DriverCode::Timeout, "init"));
    assert_eq!(init("(call $init)"), (DriverCode::Stack, "init"));
    let bomb = "(loop $l (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable)) (br $l))";
    assert_eq!(init(bomb), (DriverCode::Memory, "init"));

    let version = |body: &str| {
        let text = format!(
            r#"(func (export "get_version") (param $out i32) (param $size i32) (result i32) {body})"#
        );
        load(&Wat::new().with("get_version", &text))
    };
    let error = version("unreachable").unwrap_err();
    assert_eq!((error.code, error.phase), (DriverCode::Trap, "get_version"));
    // A version that is refused or nonsense says nothing about the byte order; the schema does.
    for body in [
        "(i32.const 2)",
        "(i32.store (local.get $out) (i32.const -1)) (i32.const 0)",
    ] {
        let driver = version(body).unwrap();
        assert_eq!(driver.decode_event("e", b"1").unwrap(), "1");
        assert!(driver.get_version().is_err());
    }
    for outside in [
        r#"(data (i32.const 131072) "x")"#,
        "(table 1 funcref) (elem (i32.const 1) $bad)",
    ] {
        let error = load(&Wat::new().extra(outside)).unwrap_err();
        assert_eq!((error.code, error.phase), (DriverCode::Trap, "instantiate"));
    }
}

#[test]
fn options_out_of_range_are_refused() {
    for options in [
        Options {
            deadline: Duration::ZERO,
            ..Options::default()
        },
        Options {
            memory_bytes_max: (4 << 30) + 1,
            ..Options::default()
        },
        Options {
            output_bytes_max: (1 << 30) + 1,
            ..Options::default()
        },
        Options {
            input_bytes_max: u64::MAX,
            ..Options::default()
        },
    ] {
        let error = Wat::new().load_with(&options).unwrap_err();
        assert_eq!(error.code, DriverCode::BadArgument);
    }
    let generous = Options {
        deadline: Duration::MAX,
        memory_bytes_max: 4 << 30,
        input_bytes_max: 1 << 30,
        output_bytes_max: 1 << 30,
        ..Options::default()
    };
    assert_eq!(
        Wat::new()
            .load_with(&generous)
            .unwrap()
            .decode_event("e", b"1")
            .unwrap(),
        "1"
    );
}
