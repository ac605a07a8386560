//! The helpers on the metachain's own wire: what they give, and that they refuse what is damaged.

use libmetachain_data_driver::json::{hex, integer_string};
use libmetachain_data_driver::rkyv08::{
    from_rkyv, json_to_rkyv, json_to_rkyv_pair_u64, json_to_rkyv_u64, rkyv_to_json,
    rkyv_to_json_pair_u64, rkyv_to_json_u64,
};
use libmetachain_data_driver::{Error, JsonValue};
use proptest::prelude::*;
use serde_json::json;

type Mixed = (String, Vec<(u16, Option<i64>)>, [u8; 4]);

proptest! {
    #[test]
    fn a_value_survives_both_ways(value: Mixed) {
        let json = serde_json::to_string(&value).unwrap();
        let rkyv = json_to_rkyv::<Mixed>(&json).unwrap();
        prop_assert_eq!(from_rkyv::<Mixed>(&rkyv).unwrap(), value);
        prop_assert_eq!(rkyv_to_json::<Mixed>(&rkyv).unwrap().to_string(), json);
    }

    #[test]
    fn a_u64_is_little_endian_and_a_string(value: u64) {
        for json in [format!("{value}"), format!("\"{value}\""), format!(" \"{value}\"\n")] {
            prop_assert_eq!(json_to_rkyv_u64(&json).unwrap(), value.to_le_bytes());
        }
        let json = rkyv_to_json_u64(&value.to_le_bytes()).unwrap();
        prop_assert_eq!(json, JsonValue::String(value.to_string()));
    }

    #[test]
    fn a_pair_is_an_array_of_strings(first: u64, second: u64) {
        let bytes = [first.to_le_bytes(), second.to_le_bytes()].concat();
        for json in [format!("[{first},{second}]"), format!("[\"{first}\", \"{second}\"]")] {
            prop_assert_eq!(json_to_rkyv_pair_u64(&json).unwrap(), &bytes[..]);
        }
        let json = rkyv_to_json_pair_u64(&bytes).unwrap();
        prop_assert_eq!(json, json!([first.to_string(), second.to_string()]));
    }

    #[test]
    fn an_archive_may_start_anywhere(value: Mixed, offset in 0usize..16) {
        let rkyv = json_to_rkyv::<Mixed>(&serde_json::to_string(&value).unwrap()).unwrap();
        let moved = [&vec![0; offset][..], &rkyv].concat();
        prop_assert_eq!(from_rkyv::<Mixed>(&moved[offset..]).unwrap(), value);
    }

    #[test]
    fn damaged_bytes_give_a_value_or_an_error(value: Mixed, cut: usize, flips: Vec<(usize, u8)>) {
        let mut rkyv = json_to_rkyv::<Mixed>(&serde_json::to_string(&value).unwrap()).unwrap();
        for (at, flip) in flips {
            let at = at % rkyv.len();
            rkyv[at] ^= flip;
        }
        rkyv.truncate(cut % (rkyv.len() + 1));
        if let Err(error) = rkyv_to_json::<Mixed>(&rkyv) {
            prop_assert!(matches!(error, Error::Rkyv(_)));
        }
    }

    #[test]
    fn hexadecimal_digits_survive_both_ways(bytes: Vec<u8>) {
        let digits = hex::encode(&bytes);
        prop_assert_eq!(hex::decode(&digits), Some(bytes.clone()));
        prop_assert_eq!(hex::decode(&digits.to_uppercase()), Some(bytes));
    }
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Conventions {
    #[serde(with = "integer_string")]
    unsigned: u64,
    #[serde(with = "integer_string")]
    signed: i64,
    #[serde(with = "integer_string")]
    wide: u128,
    #[serde(with = "hex")]
    fixed: [u8; 2],
    #[serde(with = "hex")]
    free: Vec<u8>,
}

#[test]
fn the_conventions_are_written_one_way_and_read_leniently() {
    let value = Conventions {
        unsigned: u64::MAX,
        signed: i64::MIN,
        wide: u128::MAX,
        fixed: [0, 255],
        free: vec![],
    };
    let json = json!({
        "unsigned": "18446744073709551615",
        "signed": "-9223372036854775808",
        "wide": "340282366920938463463374607431768211455",
        "fixed": "00ff",
        "free": ""
    });
    assert_eq!(serde_json::to_value(&value).unwrap(), json);
    assert_eq!(serde_json::from_value::<Conventions>(json).unwrap(), value);
    let numbers =
        r#"{"unsigned":18446744073709551615,"signed":-1,"wide":7,"fixed":"00FF","free":"aB"}"#;
    let read: Conventions = serde_json::from_str(numbers).unwrap();
    assert_eq!((read.unsigned, read.signed, read.wide), (u64::MAX, -1, 7));
    assert_eq!((read.fixed, read.free), ([0, 255], vec![0xab]));
}

#[test]
fn what_breaks_the_conventions_is_refused() {
    let whole = json!({"unsigned": "1", "signed": "1", "wide": "1", "fixed": "0000", "free": ""});
    assert!(serde_json::from_value::<Conventions>(whole.clone()).is_ok());
    for (field, wrong) in [
        ("unsigned", json!("-1")),
        ("unsigned", json!(-1)),
        ("unsigned", json!("18446744073709551616")),
        ("unsigned", json!("1.0")),
        ("unsigned", json!(1.5)),
        ("unsigned", json!("")),
        ("unsigned", json!(null)),
        ("signed", json!(9_223_372_036_854_775_808_u64)),
        ("fixed", json!("00")),
        ("fixed", json!("000000")),
        ("fixed", json!("0x00")),
        ("fixed", json!("000g")),
        ("free", json!("0")),
        ("free", json!("é")),
        ("free", json!([1, 2])),
    ] {
        let mut broken = whole.clone();
        broken[field] = wrong.clone();
        let refused = serde_json::from_value::<Conventions>(broken);
        assert!(refused.is_err(), "{field}: {wrong}");
    }
}

#[test]
fn a_wrong_archive_says_why() {
    let error = from_rkyv::<Mixed>(&[0; 3]).unwrap_err();
    let Error::Rkyv(why) = error else {
        panic!("{error:?}")
    };
    assert!(why.contains("pointer overran range"), "{why}");
}

#[test]
fn wrong_json_says_where() {
    let error = json_to_rkyv::<Mixed>(r#"["a",7]"#).unwrap_err();
    let Error::Json(why) = error else {
        panic!("{error:?}")
    };
    assert!(why.ends_with("at line 1 column 6"), "{why}");
    assert!(matches!(json_to_rkyv_u64("-1"), Err(Error::Json(_))));
    assert!(matches!(json_to_rkyv_pair_u64("[1]"), Err(Error::Json(_))));
    assert!(matches!(
        json_to_rkyv_pair_u64("[1,2,3]"),
        Err(Error::Json(_))
    ));
}
