//! How integers of 64 bits and bytes are written in JSON.
//!
//! JSON numbers are exact up to 2^53 only, so that integers of 64 bits are decimal strings; plain
//! numbers are accepted where they are exact. Bytes are hex digits without a prefix. One value has one
//! spelling: signs, leading zeros and white space are refused, so that no two readers can disagree.

use core::fmt;
use core::marker::PhantomData;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

pub use crate::object::{Members, Object, object};

/// The largest integer of which a JSON number is exact in every implementation.
pub const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// An integer of 64 bits.
pub trait Integer: Copy + fmt::Display + sealed::Sealed {
    /// Reads a decimal string that [`is_canonical`] accepted.
    fn from_digits(text: &str) -> Option<Self>;
    /// Converts what a JSON number held.
    fn from_number(number: i128) -> Option<Self>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u64 {}
    impl Sealed for i64 {}
}

impl Integer for u64 {
    fn from_digits(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    fn from_number(number: i128) -> Option<Self> {
        number.try_into().ok()
    }
}

impl Integer for i64 {
    fn from_digits(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    fn from_number(number: i128) -> Option<Self> {
        number.try_into().ok()
    }
}

/// Whether the text is the one decimal spelling of an integer.
#[must_use]
pub fn is_canonical(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    plain && (!digits.starts_with('0') || text == "0")
}

struct Decimal<T>(T);

impl<T: Integer> Serialize for Decimal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: Integer> Deserialize<'de> for Decimal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(PhantomData<T>);

        impl<T: Integer> Reader<T> {
            fn number<E: de::Error>(number: i128) -> Result<Decimal<T>, E> {
                if number.unsigned_abs() > u128::from(SAFE_INTEGER_MAX) {
                    return Err(E::custom(
                        "an integer beyond 2^53-1 must be a decimal string: a number may have been rounded",
                    ));
                }
                T::from_number(number)
                    .map(Decimal)
                    .ok_or_else(|| E::custom(format_args!("the integer {number} is out of range")))
            }
        }

        impl<T: Integer> Visitor<'_> for Reader<T> {
            type Value = Decimal<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer, as a decimal string or as a number up to 2^53-1")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                if !is_canonical(text) {
                    return Err(E::custom("the text is not a plain decimal integer"));
                }
                T::from_digits(text)
                    .map(Decimal)
                    .ok_or_else(|| E::custom("the integer is out of range"))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
                Self::number(i128::from(number))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
                Self::number(i128::from(number))
            }
        }

        deserializer.deserialize_any(Reader(PhantomData))
    }
}

/// The bytes of hex digits of either case; `None` if there is an odd number of them, or anything else.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    // The library reads past a prefix that this encoding does not have.
    if matches!(text.as_bytes(), [b'0', b'x' | b'X', ..]) {
        return None;
    }
    const_hex::decode(text).ok()
}

struct Hex(Vec<u8>);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = Hex;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes as hex digits")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                from_hex(text).map(Hex).ok_or_else(|| {
                    E::custom("the text is not an even number of hex digits without a prefix")
                })
            }
        }

        deserializer.deserialize_str(Reader)
    }
}

/// For `#[serde(with)]` on one integer.
pub mod integer {
    use super::{Decimal, Deserialize, Deserializer, Integer, Serialize, Serializer};

    /// Writes a decimal string.
    pub fn serialize<T: Integer, S: Serializer>(value: &T, s: S) -> Result<S::Ok, S::Error> {
        Decimal(*value).serialize(s)
    }

    /// Reads a decimal string, or a number where it is exact.
    pub fn deserialize<'de, T: Integer, D: Deserializer<'de>>(d: D) -> Result<T, D::Error> {
        Decimal::deserialize(d).map(|decimal| decimal.0)
    }
}

/// For `#[serde(with)]` on an integer that may be absent or null.
pub mod optional_integer {
    use super::{Decimal, Deserialize, Deserializer, Integer, Serialize, Serializer};

    /// Writes a decimal string or null.
    pub fn serialize<T: Integer, S: Serializer>(
        value: &Option<T>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(Decimal).serialize(s)
    }

    /// Reads a decimal string, a number where it is exact, or null.
    pub fn deserialize<'de, T: Integer, D: Deserializer<'de>>(d: D) -> Result<Option<T>, D::Error> {
        Ok(Option::<Decimal<T>>::deserialize(d)?.map(|decimal| decimal.0))
    }
}

/// For `#[serde(with)]` on a list of integers.
pub mod integers {
    use super::{Decimal, Deserialize, Deserializer, Integer, Serializer};

    /// Writes decimal strings.
    pub fn serialize<T: Integer, S: Serializer>(values: &[T], s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(values.iter().copied().map(Decimal))
    }

    /// Reads decimal strings, or numbers where they are exact.
    pub fn deserialize<'de, T: Integer, D: Deserializer<'de>>(d: D) -> Result<Vec<T>, D::Error> {
        let decimals = Vec::<Decimal<T>>::deserialize(d)?;
        Ok(decimals.into_iter().map(|decimal| decimal.0).collect())
    }
}

/// For `#[serde(with)]` on bytes.
pub mod bytes {
    use super::{Deserialize, Deserializer, Hex, Serializer};

    /// Writes hex digits, lower case.
    pub fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&const_hex::encode(bytes))
    }

    /// Reads hex digits of either case.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        Hex::deserialize(d).map(|hex| hex.0)
    }
}

/// For `#[serde(with)]` on bytes that may be absent or null.
pub mod optional_bytes {
    use super::{Deserialize, Deserializer, Hex, Serialize, Serializer};

    /// Writes hex digits, lower case, or null.
    pub fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, s: S) -> Result<S::Ok, S::Error> {
        bytes.as_deref().map(const_hex::encode).serialize(s)
    }

    /// Reads hex digits of either case, or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Vec<u8>>, D::Error> {
        Ok(Option::<Hex>::deserialize(d)?.map(|hex| hex.0))
    }
}

#[cfg(test)]
mod tests {
    use super::from_hex;

    #[test]
    fn hex_has_no_prefix_and_is_otherwise_that_of_another_library() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(from_hex(&hex::encode(&all)).as_ref(), Some(&all));
        assert_eq!(from_hex(&hex::encode_upper(&all)), Some(all));
        for first in (0..=127u8).map(char::from) {
            for second in (0..=127u8).map(char::from) {
                let text = format!("{first}{second}");
                assert_eq!(from_hex(&text), hex::decode(&text).ok(), "{text:?}");
            }
        }
        assert_eq!((from_hex("abc"), from_hex("\u{e9}")), (None, None));
        assert_eq!((from_hex("0x00"), from_hex("0X00")), (None, None));
    }
}
