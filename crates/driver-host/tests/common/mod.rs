//! Drivers written as text: a well-behaved one, of which each test replaces the parts it is about.

#![allow(dead_code, unreachable_pub)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use libmetachain_driver_host::{Driver, DriverError, Options};

/// A directory that may hold compiled code: nobody else may write into it, whatever the umask is.
pub fn private_directory() -> tempfile::TempDir {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir().expect("a directory")
}

/// A driver in the making. Functions of the default one, for replacements to call:
///
/// - `$reply (from, length, out, out_size) -> code` writes an output;
/// - `$fail (text, length) -> code` remembers an error text and answers 2;
/// - `$bad (name) -> i32` is 1 where the name begins with `b`;
/// - `$bump (size) -> pointer` allocates, growing the memory.
#[derive(Clone)]
pub struct Wat {
    memory: String,
    parts: BTreeMap<&'static str, String>,
    extra: String,
    big_endian: bool,
}

/// Where the default driver keeps its version text.
pub const VERSION_AT: u32 = 64;

impl Default for Wat {
    fn default() -> Self {
        Self::new()
    }
}

impl Wat {
    /// The well-behaved driver: conversions echo their input, `get_version` is `1.2.3`.
    pub fn new() -> Self {
        let mut parts = BTreeMap::new();
        let mut part = |name, text: &str| parts.insert(name, text.to_owned());
        part("init", r#"(func (export "init"))"#);
        part(
            "alloc",
            r#"(func (export "alloc") (param i32) (result i32) local.get 0 call $bump)"#,
        );
        part("dealloc", r#"(func (export "dealloc") (param i32 i32))"#);
        part(
            "get_last_error",
            r#"(func (export "get_last_error") (param $out i32) (param $size i32) (result i32)
              (local $length i32)
              (local.set $length (global.get $error_length))
              (global.set $error_length (i32.const 0))
              (call $reply (global.get $error_at) (local.get $length) (local.get $out) (local.get $size)))"#,
        );
        part(
            "get_schema",
            r#"(func (export "get_schema") (param i32 i32) (result i32)
              (call $reply (i32.const 80) (i32.const 2) (local.get 0) (local.get 1)))"#,
        );
        part(
            "get_version",
            r#"(func (export "get_version") (param i32 i32) (result i32)
              (call $reply (i32.const 64) (i32.const 5) (local.get 0) (local.get 1)))"#,
        );
        let mut wat = Self {
            memory: r#"(memory (export "memory") 2)"#.to_owned(),
            parts,
            extra: String::new(),
            big_endian: false,
        };
        for name in [
            "encode_input_fn",
            "decode_input_fn",
            "decode_output_fn",
            "decode_event",
        ] {
            wat = wat.convert(name, ECHO);
        }
        wat
    }

    /// Replaces a whole export.
    pub fn with(mut self, name: &'static str, text: &str) -> Self {
        self.parts.insert(name, text.to_owned());
        self
    }

    /// Replaces the body of a conversion. Parameters: `$name $name_size $in $in_size $out $out_size`.
    pub fn convert(self, name: &'static str, body: &str) -> Self {
        let text = format!(
            r#"(func (export "{name}") (param $name i32) (param $name_size i32) (param $in i32)
               (param $in_size i32) (param $out i32) (param $out_size i32) (result i32) {body})"#
        );
        let mut wat = self;
        wat.parts.insert(name, text);
        wat
    }

    /// `decode_event` misbehaves for names that begin with `b`, and echoes for all others.
    pub fn bad_event(self, body: &str) -> Self {
        let body = format!("(if (call $bad (local.get $name)) (then {body})) {ECHO}");
        self.convert("decode_event", &body)
    }

    /// Leaves an export out.
    pub fn without(mut self, name: &str) -> Self {
        self.parts.remove(name);
        self
    }

    /// Replaces the memory (with its export).
    pub fn memory(mut self, text: &str) -> Self {
        self.memory = text.to_owned();
        self
    }

    /// Adds fields to the module.
    pub fn extra(mut self, text: &str) -> Self {
        self.extra.push_str(text);
        self
    }

    /// Lengths are written most significant byte first.
    pub fn big_endian(mut self) -> Self {
        self.big_endian = true;
        self
    }

    /// The module's text.
    pub fn text(&self) -> String {
        let parts: String = self
            .parts
            .values()
            .map(|part| format!("  {part}\n"))
            .collect();
        let swap = if self.big_endian { SWAP } else { "" };
        format!(
            "(module\n{imports}{memory}\n{HELPERS}{parts}\n{extra}\n  (func $order (param i32) (result i32) local.get 0 {swap}))",
            imports = "",
            memory = self.memory,
            extra = self.extra,
        )
    }

    /// The module.
    pub fn build(&self) -> Vec<u8> {
        let text = self.text();
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    /// The module with an empty section more, so that it shares no code with any other.
    pub fn build_apart(&self) -> Vec<u8> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let [a, b, c, d] = NUMBER.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        [&self.build()[..], &[0, 5, 0, a, b, c, d]].concat()
    }

    /// The loaded driver, with the default limits.
    pub fn load(&self) -> Driver {
        self.load_with(&Options::default())
            .expect("a driver that loads")
    }

    pub fn load_with(&self, options: &Options) -> Result<Driver, DriverError> {
        Driver::load(&self.build(), options)
    }
}

/// The body of a conversion that answers with its input.
pub const ECHO: &str =
    "(call $reply (local.get $in) (local.get $in_size) (local.get $out) (local.get $out_size))";

const SWAP: &str = "i32.const 24 i32.shl
  local.get 0 i32.const 8 i32.shl i32.const 0xff0000 i32.and i32.or
  local.get 0 i32.const 8 i32.shr_u i32.const 0xff00 i32.and i32.or
  local.get 0 i32.const 24 i32.shr_u i32.or";

const HELPERS: &str = r#"
  (global $heap (mut i32) (i32.const 4096))
  (global $error_at (mut i32) (i32.const 0))
  (global $error_length (mut i32) (i32.const 0))
  (data (i32.const 64) "1.2.3")
  (data (i32.const 80) "{}")
  (data (i32.const 96) "planted")
  (func $bad (param i32) (result i32)
    (i32.eq (i32.load8_u (local.get 0)) (i32.const 98)))
  (func $bump (param $size i32) (result i32)
    (local $at i32) (local $pages i32)
    (local.set $at (global.get $heap))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (local.set $pages (i32.sub
      (i32.shr_u (i32.add (global.get $heap) (i32.const 65535)) (i32.const 16))
      (memory.size)))
    (if (i32.gt_s (local.get $pages) (i32.const 0))
      (then (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1))
        (then (return (i32.const 0))))))
    (local.get $at))
  (func $fail (param $text i32) (param $length i32) (result i32)
    (global.set $error_at (local.get $text))
    (global.set $error_length (local.get $length))
    (i32.const 2))
  (func $reply (param $from i32) (param $length i32) (param $out i32) (param $size i32) (result i32)
    (if (i32.gt_u (i32.add (local.get $length) (i32.const 4)) (local.get $size))
      (then (return (i32.const 4))))
    (i32.store (local.get $out) (call $order (local.get $length)))
    (memory.copy (i32.add (local.get $out) (i32.const 4)) (local.get $from) (local.get $length))
    (i32.const 0))
"#;
