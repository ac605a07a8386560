//! The exports' behaviour, called as a host calls them, on this machine's own memory.

use core::ptr;

use libmetachain_data_driver::abi::{Conversion, Input, Module, Output, Status, release, reserve};
use libmetachain_data_driver::{ConvertibleContract, Error, JsonValue, Schema};

#[derive(Default)]
struct Echo;

impl ConvertibleContract for Echo {
    fn encode_input_fn(&self, fn_name: &str, json: &str) -> Result<Vec<u8>, Error> {
        match fn_name {
            "echo" => Ok(json.as_bytes().to_vec()),
            name => Err(Error::unknown_function(name)),
        }
    }

    fn decode_input_fn(&self, fn_name: &str, rkyv: &[u8]) -> Result<JsonValue, Error> {
        match fn_name {
            "echo" => Ok(JsonValue::from(rkyv.len())),
            name => Err(Error::unknown_function(name)),
        }
    }

    fn decode_output_fn(&self, _: &str, _: &[u8]) -> Result<JsonValue, Error> {
        Err(Error::Rkyv("cannot deserialize: \"quoted\"".into()))
    }

    fn decode_event(&self, event_name: &str, _: &[u8]) -> Result<JsonValue, Error> {
        Err(Error::unknown_event(event_name))
    }

    fn get_schema(&self) -> String {
        Schema::new("Echo").to_json()
    }

    fn get_version(&self) -> &'static str {
        "9.8.7"
    }
}

/// Stands for the host: a module and the room for answers.
struct Host {
    module: Module<Echo>,
    out: Vec<u8>,
}

impl Host {
    fn new(out_bytes: usize) -> Self {
        let module = Module::new();
        module.init(Echo::default);
        Host {
            module,
            out: vec![0xAA; out_bytes],
        }
    }

    fn out(&mut self) -> Output {
        Output {
            start: self.out.as_mut_ptr(),
            length: self.out.len(),
        }
    }

    fn answer(&self) -> &str {
        let length = u32::from_le_bytes(self.out[..4].try_into().unwrap()) as usize;
        str::from_utf8(&self.out[4..4 + length]).unwrap()
    }

    fn convert(&mut self, conversion: Conversion, name: &[u8], data: &[u8]) -> Status {
        let out = self.out();
        // SAFETY: all regions are slices of this test.
        unsafe {
            self.module
                .convert(conversion, input(name), input(data), out)
        }
    }

    fn last_error(&mut self) -> &str {
        let out = self.out();
        // SAFETY: the region is this host's vector.
        assert_eq!(unsafe { self.module.last_error(out) }, Status::Ok);
        self.answer()
    }
}

fn input(bytes: &[u8]) -> Input {
    Input {
        start: bytes.as_ptr(),
        length: bytes.len(),
    }
}

#[test]
fn an_answer_is_its_length_in_little_endian_and_its_bytes() {
    let mut host = Host::new(300);
    let data = [b'7'; 258];
    assert_eq!(
        host.convert(Conversion::EncodeInput, b"echo", &data),
        Status::Ok
    );
    assert_eq!(host.out[..4], [2, 1, 0, 0]);
    assert_eq!(host.out[4..262], data);
    assert_eq!(host.out[262..], [0xAA; 38], "nothing behind the answer");
    assert_eq!(
        host.convert(Conversion::DecodeInput, b"echo", &data),
        Status::Ok
    );
    assert_eq!(host.answer(), "258");
}

#[test]
fn schema_and_version_are_answers_too() {
    let mut host = Host::new(100);
    let out = host.out();
    // SAFETY: the region is the host's vector.
    assert_eq!(unsafe { host.module.version(out) }, Status::Ok);
    assert_eq!(host.answer(), "9.8.7");
    // SAFETY: the region is the host's vector.
    assert_eq!(unsafe { host.module.schema(out) }, Status::Ok);
    assert_eq!(
        host.answer(),
        r#"{"name":"Echo","imports":[],"functions":[],"events":[]}"#
    );
}

#[test]
fn a_refusal_is_told_once_in_the_words_that_published_drivers_use() {
    let mut host = Host::new(100);
    for (conversion, expected) in [
        (Conversion::EncodeInput, r#"Unsupported("fn_name nope")"#),
        (Conversion::DecodeInput, r#"Unsupported("fn_name nope")"#),
        (
            Conversion::DecodeOutput,
            r#"Rkyv("cannot deserialize: \"quoted\"")"#,
        ),
        (Conversion::DecodeEvent, r#"Unsupported("event nope")"#),
    ] {
        assert_eq!(
            host.convert(conversion, b"nope", b""),
            Status::OperationError
        );
        assert_eq!(host.last_error(), expected);
        assert_eq!(host.last_error(), "");
    }
}

#[test]
fn a_success_forgets_the_failure_before() {
    let mut host = Host::new(100);
    assert_eq!(
        host.convert(Conversion::EncodeInput, b"nope", b""),
        Status::OperationError
    );
    assert_eq!(
        host.convert(Conversion::EncodeInput, b"echo", b"1"),
        Status::Ok
    );
    assert_eq!(host.last_error(), "");
}

#[test]
fn too_little_room_writes_nothing_and_says_how_much_is_needed() {
    for room in 0..=8 {
        let mut host = Host::new(room);
        assert_eq!(
            host.convert(Conversion::EncodeInput, b"echo", b"12345"),
            Status::OutputTooSmall
        );
        assert!(host.out.iter().all(|&byte| byte == 0xAA));
        host.out = vec![0; 100];
        assert_eq!(
            host.last_error(),
            format!("the output region has {room} bytes, the answer needs 9")
        );
    }
    let mut host = Host::new(9);
    assert_eq!(
        host.convert(Conversion::EncodeInput, b"echo", b"12345"),
        Status::Ok
    );
}

#[test]
fn a_reason_survives_a_region_that_is_too_small_for_it() {
    let mut host = Host::new(8);
    assert_eq!(
        host.convert(Conversion::DecodeEvent, b"nope", b""),
        Status::OperationError
    );
    let out = host.out();
    // SAFETY: the region is the host's vector.
    assert_eq!(
        unsafe { host.module.last_error(out) },
        Status::OutputTooSmall
    );
    host.out = vec![0; 100];
    assert_eq!(host.last_error(), r#"Unsupported("event nope")"#);
}

#[test]
fn texts_must_be_utf_8_and_data_need_not() {
    let mut host = Host::new(200);
    let bad = [0xff, 0xfe];
    assert_eq!(
        host.convert(Conversion::DecodeInput, &bad, b""),
        Status::InvalidInput
    );
    assert!(
        host.last_error()
            .starts_with("the name is not UTF-8: invalid utf-8 sequence")
    );
    assert_eq!(
        host.convert(Conversion::EncodeInput, b"echo", &bad),
        Status::InvalidInput
    );
    assert!(host.last_error().starts_with("the JSON is not UTF-8"));
    assert_eq!(
        host.convert(Conversion::DecodeInput, b"echo", &bad),
        Status::Ok
    );
    assert_eq!(host.answer(), "2");
}

#[test]
fn regions_outside_of_the_memory_are_refused() {
    let mut host = Host::new(200);
    let out = host.out();
    let name = input(b"echo");
    for bad in [
        Input {
            start: ptr::null(),
            length: 1,
        },
        Input {
            start: ptr::without_provenance(usize::MAX),
            length: 2,
        },
        Input {
            start: name.start,
            length: usize::MAX,
        },
    ] {
        for (name, data) in [(bad, name), (name, bad)] {
            // SAFETY: the bad region is refused, the others are this test's.
            let status = unsafe {
                host.module
                    .convert(Conversion::DecodeInput, name, data, out)
            };
            assert_eq!(status, Status::InvalidInput);
            assert_eq!(
                host.last_error(),
                "a region lies outside of the module's memory"
            );
        }
    }
    let nowhere = Output {
        start: ptr::null_mut(),
        length: 100,
    };
    // SAFETY: the bad region is refused.
    let status = unsafe { host.module.version(nowhere) };
    assert_eq!(status, Status::InvalidInput);
}

#[test]
fn empty_regions_may_lie_anywhere() {
    let mut host = Host::new(200);
    let out = host.out();
    let empty = Input {
        start: ptr::null(),
        length: 0,
    };
    // SAFETY: empty regions are not read, the others are this test's.
    let status = unsafe {
        host.module
            .convert(Conversion::DecodeInput, input(b"echo"), empty, out)
    };
    assert_eq!(status, Status::Ok);
    assert_eq!(host.answer(), "0");
}

#[test]
fn the_answer_may_be_written_over_the_question() {
    let host = Host::new(0);
    let mut memory = *b"echo[1,2,3]_____";
    let start = memory.as_mut_ptr();
    let name = Input { start, length: 4 };
    let data = Input {
        start: start.wrapping_add(4),
        length: 7,
    };
    let out = Output { start, length: 16 };
    // SAFETY: all regions lie in `memory`, which nothing else uses.
    let status = unsafe {
        host.module
            .convert(Conversion::EncodeInput, name, data, out)
    };
    assert_eq!(status, Status::Ok);
    assert_eq!(&memory, b"\x07\0\0\0[1,2,3]_____");
}

#[test]
fn nothing_works_before_init_and_init_may_be_repeated() {
    let module = Module::<Echo>::new();
    let mut out = vec![0; 100];
    let region = Output {
        start: out.as_mut_ptr(),
        length: out.len(),
    };
    // SAFETY: the region is this test's vector.
    assert_eq!(unsafe { module.version(region) }, Status::NotInitialised);
    // SAFETY: the region is this test's vector.
    assert_eq!(unsafe { module.last_error(region) }, Status::Ok);
    assert_eq!(&out[4..33], b"the driver is not initialised");
    module.init(Echo::default);
    module.init(|| unreachable!("the driver is there already"));
    // SAFETY: the region is this test's vector.
    assert_eq!(unsafe { module.version(region) }, Status::Ok);
}

#[test]
fn reserved_memory_is_aligned_for_archives() {
    for length in [1, 15, 16, 17, 100_000] {
        let start = reserve(length);
        assert!(!start.is_null());
        assert_eq!(start.addr() % 16, 0);
        // SAFETY: reserved above, for this many bytes.
        unsafe {
            start.write_bytes(1, length);
            release(start, length);
        }
    }
    let nothing = reserve(0);
    assert!(!nothing.is_null());
    // SAFETY: reserved above; releasing null or nothing is allowed.
    unsafe {
        release(nothing, 0);
        release(ptr::null_mut(), 10);
    }
    assert!(reserve(usize::MAX).is_null());
    assert!(reserve(isize::MAX as usize).is_null());
}
