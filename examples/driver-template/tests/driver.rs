//! The conversions, on this machine: quick to run, and what goes wrong is easy to see.

use driver_template::VaultDriver;
use libmetachain_data_driver::rkyv07::{json_to_rkyv, json_to_rkyv_u64};
use libmetachain_data_driver::{ConvertibleContract, Error};
use serde_json::json;

const DRIVER: VaultDriver = VaultDriver;

#[test]
fn arguments_survive_both_ways() {
    let deposit =
        json!({"owner": "00112233445566ff", "value": "18446744073709551615", "unlocks_at": 7});
    for (function, arguments) in [
        ("balance_of", json!("00112233445566ff")),
        ("deposit", deposit.clone()),
        ("deposits_between", json!(["1", "18446744073709551615"])),
        ("withdraw", json!([deposit, 3, true])),
        ("total", json!(null)),
    ] {
        let rkyv = DRIVER
            .encode_input_fn(function, &arguments.to_string())
            .unwrap();
        assert_eq!(
            DRIVER.decode_input_fn(function, &rkyv).unwrap(),
            arguments,
            "{function}"
        );
    }
}

#[test]
fn results_and_events_are_read() {
    let rkyv = json_to_rkyv_u64("12").unwrap();
    assert_eq!(
        DRIVER.decode_output_fn("total", &rkyv).unwrap(),
        json!("12")
    );
    let rkyv = json_to_rkyv::<driver_template::Outcome>(r#"{"Locked":4}"#).unwrap();
    assert_eq!(
        DRIVER.decode_output_fn("withdraw", &rkyv).unwrap(),
        json!({"Locked": 4})
    );
    let rkyv = json_to_rkyv::<(driver_template::Owner, driver_template::Withdrawn)>(
        r#"["0000000000000001","5"]"#,
    )
    .unwrap();
    let event = DRIVER.decode_event("withdrawn", &rkyv).unwrap();
    assert_eq!(event, json!(["0000000000000001", "5"]));
}

#[test]
fn what_is_wrong_is_refused() {
    assert!(matches!(
        DRIVER.encode_input_fn("deposit", "{}"),
        Err(Error::Json(_))
    ));
    assert!(matches!(
        DRIVER.decode_input_fn("deposit", b"garbage"),
        Err(Error::Rkyv(_))
    ));
    assert_eq!(
        DRIVER.encode_input_fn("mint", "null"),
        Err(Error::Unsupported("fn_name mint".into()))
    );
}
