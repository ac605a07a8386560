//! Dusk's own drivers, as published: they pass the check, and their calls come out right.
//!
//! Without the modules these tests say so and pass, except on a CI machine.

#[path = "common/published.rs"]
mod published;

use libmetachain_driver_host::{
    ByteOrder, Cancel, Driver, DriverCode, DriverError, Isolation, Item, Operation, Optimization,
    Options, check,
};
use published::module;

fn driver(name: &str) -> Option<Driver> {
    module(name).map(|wasm| Driver::load(&wasm, &Options::default()).expect("it loads"))
}

#[test]
fn they_pass_the_check_with_room_to_spare() {
    for name in ["stake.wasm", "transfer.wasm"] {
        let Some(wasm) = module(name) else { return };
        let report = check(&wasm);
        assert_eq!(report.faults, [], "{name}");
        assert!(
            report.functions > 100 && report.memory_bytes_min >= 1 << 20,
            "{report:?}"
        );
    }
}

#[test]
fn they_describe_themselves() {
    for (name, contract) in [
        ("stake.wasm", "StakeContract"),
        ("transfer.wasm", "TransferContract"),
    ] {
        let Some(driver) = driver(name) else { return };
        assert_eq!(driver.byte_order(), ByteOrder::Little);
        let version = driver.get_version().unwrap();
        assert!(version.split('.').count() == 3, "{version}");
        let schema = driver.get_schema().unwrap();
        assert!(
            schema.is_none_or(|schema| schema.contains(contract)),
            "{name}"
        );
        assert_eq!(driver.metrics().failures, 0);
    }
}

#[test]
fn values_come_back_as_they_went_in() {
    let Some(driver) = driver("stake.wasm") else {
        return;
    };
    // u64 travels as a JSON string; beyond 2^53 too.
    let numbers = [0u64, 1, 1 << 53, (1 << 53) + 1, u64::MAX];
    for number in numbers {
        let json = driver
            .decode_output_fn("get_version", &number.to_le_bytes())
            .unwrap();
        assert_eq!(json, format!("\"{number}\""));
    }
    assert_eq!(driver.encode_input_fn("get_config", "null").unwrap(), b"");
    assert_eq!(driver.decode_input_fn("get_config", b"").unwrap(), "null");
    let event = [0u8; 1 << 10];
    let error = driver.decode_event("stake", &event[..10]).unwrap_err();
    assert_eq!(
        (error.code, error.phase),
        (DriverCode::Operation, "decode_event")
    );
}

#[test]
fn what_they_refuse_is_in_their_own_words() {
    let Some(driver) = driver("stake.wasm") else {
        return;
    };
    let error = driver.decode_event("no_such_event", b"").unwrap_err();
    assert_eq!(error.code, DriverCode::Operation);
    assert_eq!(error.message, "Unsupported(\"event no_such_event\")");
    let error = driver.encode_input_fn("stake", "{").unwrap_err();
    assert_eq!(error.code, DriverCode::Operation);
    assert!(error.message.starts_with("Json("), "{error}");
    // The instance is none the worse for it.
    assert_eq!(driver.metrics().instances_created, 1);
    assert_eq!(driver.metrics().refusals, 2);
}

#[test]
fn any_bytes_give_an_answer_or_an_error_and_never_harm() {
    let Some(stake) = driver("stake.wasm") else {
        return;
    };
    let Some(transfer) = driver("transfer.wasm") else {
        return;
    };
    let fresh = Options {
        isolation: Isolation::Fresh,
        ..Options::default()
    };
    let wasm = module("stake.wasm").unwrap_or_default();
    let fresh = Driver::load(&wasm, &fresh).unwrap();
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..3000 {
        let length = (random() % 600) as usize;
        let bytes: Vec<u8> = (0..length).map(|_| random() as u8).collect();
        let event = ["stake", "reward", "slash", "moonlight", "phoenix"][round % 5];
        for driver in [&stake, &transfer] {
            match driver.decode_event(event, &bytes) {
                Ok(json) => assert!(!json.is_empty()),
                // A driver of theirs may panic on bytes that are no archive: contained.
                Err(error) => assert!(
                    matches!(error.code, DriverCode::Operation | DriverCode::Trap),
                    "{error}"
                ),
            }
        }
        if round % 10 == 0 {
            // Shared or fresh, an instance answers the same.
            let shared = stake.decode_event(event, &bytes).map_err(without_addresses);
            let alone = fresh.decode_event(event, &bytes).map_err(without_addresses);
            assert_eq!(shared, alone);
        }
    }
}

/// The same calls, in both kinds of code.
#[test]
fn however_they_are_compiled_they_answer_alike() {
    for name in ["stake.wasm", "transfer.wasm", "metachain.wasm"] {
        let Some(wasm) = module(name) else { return };
        let load = |optimization: Optimization| {
            let options = Options {
                optimization,
                ..Options::default()
            };
            // Drivers of the same module share their code: an empty section more makes it another.
            let apart = [&wasm[..], &[0, 2, 1, optimization as u8]].concat();
            let driver = Driver::load(&apart, &options).unwrap();
            let full = u64::from(optimization == Optimization::Full);
            assert_eq!(driver.metrics().optimised, full);
            driver
        };
        let (quick, full) = (load(Optimization::Quick), load(Optimization::Full));
        assert_eq!(quick.get_schema().unwrap(), full.get_schema().unwrap());
        let mut state = 0x2545_f491_4f6c_dd1du64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let names = [
            "stake",
            "get_stake",
            "unstake",
            "moonlight",
            "root",
            "transaction",
            "payload",
        ];
        for round in 0..4000 {
            let operation = Operation::ALL[round % Operation::ALL.len()];
            let name = names[random() as usize % names.len()];
            let length = (random() % 300) as usize;
            let bytes: Vec<u8> = match operation {
                Operation::EncodeInputFn => format!("[\"{}\",{length}]", random()).into_bytes(),
                _ => (0..length).map(|_| (random() & random()) as u8).collect(),
            };
            let call = |driver: &Driver| {
                let answer = driver.call(operation, name, &bytes, <[u8]>::to_vec);
                answer.map_err(without_addresses)
            };
            assert_eq!(call(&quick), call(&full), "{name} of {bytes:?}");
        }
    }
}

/// A driver of this repository's framework.
#[test]
fn a_driver_of_our_framework_loads_like_theirs() {
    let Some(wasm) = module("metachain.wasm") else {
        return;
    };
    assert_eq!(check(&wasm).faults, []);
    let driver = Driver::load(&wasm, &Options::default()).unwrap();
    let schema = driver.get_schema().unwrap().expect("it has one");
    assert!(schema.contains("\"connected\""), "{schema}");
    let error = driver.decode_event("no_such_event", b"").unwrap_err();
    assert_eq!(error.code, DriverCode::Operation);
    assert_eq!(error.message, "Unsupported(\"event no_such_event\")");
    let amount = r#"{"from":"0x0101010101010101010101010101010101010101","to":"0x0202020202020202020202020202020202020202","amount":"9223372036854775807"}"#;
    let rkyv = driver.encode_input_fn("transaction", amount).unwrap();
    let back = driver.decode_input_fn("transaction", &rkyv).unwrap();
    assert!(back.contains("\"9223372036854775807\""), "{back}");
}

/// Their texts quote where in the driver's memory a value lay, which is nobody's promise.
fn without_addresses(error: DriverError) -> (DriverCode, String) {
    let mut words = error.message.split("0x");
    let mut text = words.next().unwrap_or_default().to_owned();
    for word in words {
        text.push('@');
        text.push_str(word.trim_start_matches(|digit: char| digit.is_ascii_hexdigit()));
    }
    (error.code, text)
}

#[test]
fn a_batch_answers_what_single_calls_do() {
    let Some(driver) = driver("stake.wasm") else {
        return;
    };
    let items: Vec<Item> = (0..5000u64)
        .map(|number| Item {
            name: if number % 7 == 0 {
                "nonsense".into()
            } else {
                "burnt_amount".into()
            },
            data: number.to_le_bytes().to_vec(),
        })
        .collect();
    let results = driver.run(Operation::DecodeOutputFn, &items, &Cancel::new());
    for (item, result) in items.iter().zip(&results) {
        let single = driver.decode_output_fn(&item.name, &item.data);
        match (result, single) {
            (Ok(output), Ok(text)) => assert_eq!(output.as_bytes(), text.as_bytes()),
            (Err(error), Err(single)) => assert_eq!(*error, single),
            other => panic!("{other:?}"),
        }
    }
}
