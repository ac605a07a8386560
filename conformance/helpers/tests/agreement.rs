//! Each helper of the framework gives what the published helper of the same name gives: the same
//! bytes, the same JSON, and the same words where the input is refused.
//!
//! What is compared is the `Debug` form of an error, because that is what a driver's exports hand
//! to its host. `PROPTEST_CASES` sets how many random inputs each test takes.

use std::fmt::Debug;

use dusk_data_driver as theirs;
use libmetachain_conformance_helpers::{Record, record};
use libmetachain_data_driver::rkyv07 as ours;
use proptest::collection::vec;
use proptest::prelude::*;
use rkyv::AlignedVec;

/// A result as a host sees it.
fn seen<T: Debug, E: Debug>(result: Result<T, E>) -> Result<String, String> {
    match result {
        Ok(value) => Ok(format!("{value:?}")),
        Err(error) => Err(format!("{error:?}")),
    }
}

macro_rules! assert_agree {
    ($helper:ident $(::<$type:ty>)? ($input:expr)) => {
        prop_assert_eq!(
            seen(ours::$helper$(::<$type>)?($input)),
            seen(theirs::$helper$(::<$type>)?($input))
        )
    };
}

/// Both helpers that read an archive of `$type`, on the same bytes at the same aligned address.
macro_rules! assert_readers_agree {
    ($type:ty, $rkyv:expr) => {
        let rkyv = aligned($rkyv);
        assert_agree!(rkyv_to_json::<$type>(&rkyv));
        assert_agree!(from_rkyv::<$type>(&rkyv));
    };
}

fn aligned(bytes: &[u8]) -> AlignedVec {
    let mut aligned = AlignedVec::with_capacity(bytes.len());
    aligned.extend_from_slice(bytes);
    aligned
}

/// Texts that look like JSON of integers, most of them wrong somewhere.
fn integer_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<u64>().prop_map(|value| value.to_string()),
        any::<u64>().prop_map(|value| format!("\"{value}\"")),
        any::<(u64, u64)>().prop_map(|(first, second)| format!("[{first},{second}]")),
        any::<(u64, u64)>().prop_map(|(first, second)| format!("[\"{first}\", \"{second}\"]")),
        any::<i64>().prop_map(|value| value.to_string()),
        any::<f64>().prop_map(|value| value.to_string()),
        any::<String>(),
        "[-\"0-9\\[\\], \n.eE+a-f\\\\nul]{0,30}",
    ]
}

/// Bytes that were an archive before something happened to them.
fn damaged() -> impl Strategy<Value = (Record, Vec<(usize, u8)>, Option<usize>)> {
    let flips = vec((any::<usize>(), 1u8..), 0..4);
    (record(), flips, proptest::option::of(any::<usize>()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2_000)
    ))]

    #[test]
    fn records_in_json(record in record()) {
        let json = serde_json::to_string(&record).unwrap();
        let bytes = ours::json_to_rkyv::<Record>(&json).unwrap();
        prop_assert_eq!(&bytes, &theirs::json_to_rkyv::<Record>(&json).unwrap());
        let aligned = aligned(&bytes);
        let back = ours::rkyv_to_json::<Record>(&aligned).unwrap();
        prop_assert_eq!(back.to_string(), theirs::rkyv_to_json::<Record>(&aligned).unwrap().to_string());
        prop_assert_eq!(ours::from_rkyv::<Record>(&aligned).unwrap(), record);
    }

    #[test]
    fn arguments_in_an_array(
        single: i16,
        pair: (u64, u32),
        mixed in (record(), any::<u32>(), any::<Option<bool>>()),
    ) {
        let single = serde_json::to_string(&single).unwrap();
        assert_agree!(json_to_rkyv::<i16>(&single));
        let pair = serde_json::to_string(&pair).unwrap();
        assert_agree!(json_to_rkyv::<(u64, u32)>(&pair));
        let mixed = serde_json::to_string(&mixed).unwrap();
        assert_agree!(json_to_rkyv::<(Record, u32, Option<bool>)>(&mixed));
        let bytes = ours::json_to_rkyv::<(Record, u32, Option<bool>)>(&mixed).unwrap();
        assert_readers_agree!((Record, u32, Option<bool>), &bytes);
        assert_agree!(json_to_rkyv::<()>("null"));
        assert_agree!(json_to_rkyv::<()>(&mixed));
    }

    #[test]
    fn wrong_json(text: String, record in record(), cut: usize, swapped: char) {
        assert_agree!(json_to_rkyv::<Record>(&text));
        let mut json: Vec<char> = serde_json::to_string(&record).unwrap().chars().collect();
        let at = cut % json.len();
        json[at] = swapped;
        assert_agree!(json_to_rkyv::<Record>(&json.iter().collect::<String>()));
        json.truncate(at);
        assert_agree!(json_to_rkyv::<Record>(&json.iter().collect::<String>()));
    }

    #[test]
    fn damaged_archives((record, flips, cut) in damaged()) {
        let json = serde_json::to_string(&record).unwrap();
        let mut bytes = theirs::json_to_rkyv::<Record>(&json).unwrap();
        for (at, flip) in flips {
            let at = at % bytes.len();
            bytes[at] ^= flip;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut % (bytes.len() + 1));
        }
        assert_readers_agree!(Record, &bytes);
    }

    #[test]
    fn bytes_of_nothing(bytes in vec(any::<u8>(), 0..200)) {
        assert_readers_agree!(Record, &bytes);
        assert_readers_agree!((), &bytes);
        assert_readers_agree!(Option<u64>, &bytes);
        assert_readers_agree!(String, &bytes);
        assert_readers_agree!(Vec<(u8, u64)>, &bytes);
    }

    #[test]
    fn integers_in_json(text in integer_text()) {
        assert_agree!(json_to_rkyv_u64(&text));
        assert_agree!(json_to_rkyv_pair_u64(&text));
    }

    #[test]
    fn integers_in_rkyv(bytes in vec(any::<u8>(), 0..24), pair: (u64, u64)) {
        let bytes = aligned(&bytes);
        assert_agree!(rkyv_to_json_u64(&bytes));
        assert_agree!(rkyv_to_json_pair_u64(&bytes));
        let json = serde_json::to_string(&pair).unwrap();
        let bytes = aligned(&theirs::json_to_rkyv_pair_u64(&json).unwrap());
        assert_agree!(rkyv_to_json_pair_u64(&bytes));
        assert_agree!(rkyv_to_json_u64(&bytes));
    }

    #[test]
    fn integers_beyond_json(wide: u128) {
        let json = wide.to_string();
        assert_agree!(json_to_rkyv::<u128>(&json));
        assert_readers_agree!(u128, &ours::json_to_rkyv::<u128>(&json).unwrap());
    }

    /// The one difference: bytes that do not start at an aligned address are read all the same.
    #[test]
    fn archives_anywhere(record in record(), offset in 1usize..16) {
        let json = serde_json::to_string(&record).unwrap();
        let bytes = theirs::json_to_rkyv::<Record>(&json).unwrap();
        let moved = aligned(&[&vec![0; offset][..], &bytes].concat());
        prop_assert!(theirs::from_rkyv::<Record>(&moved[offset..]).is_err());
        prop_assert_eq!(ours::from_rkyv::<Record>(&moved[offset..]).unwrap(), record);
    }
}

#[test]
fn unknown_names_are_refused_in_the_published_words() {
    use libmetachain_data_driver::Error;
    for name in ["", "mint", "a \"quoted\" name\n"] {
        assert_eq!(
            format!("{:?}", Error::unknown_function(name)),
            format!(
                "{:?}",
                theirs::Error::Unsupported(format!("fn_name {name}"))
            )
        );
        assert_eq!(
            format!("{:?}", Error::unknown_event(name)),
            format!("{:?}", theirs::Error::Unsupported(format!("event {name}")))
        );
        let other = (Error::Other(name.into()), theirs::Error::Other(name.into()));
        assert_eq!(format!("{:?}", other.0), format!("{:?}", other.1));
    }
}
