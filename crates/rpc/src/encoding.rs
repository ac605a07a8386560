//! How integers of 64 bits and bytes are written in JSON.
//!
//! JSON numbers are exact up to 2^53 only, so that integers of 64 bits are decimal strings; plain
//! numbers are accepted where they are exact. Bytes are hex digits without a prefix. One value has one
//! spelling: signs, leading zeros and white space are refused, so that no two readers can disagree.

use core::fmt;
use core::marker::PhantomData;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

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

/// The two hex digits of every byte, lower case.
const PAIRS: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    pairs
};

/// Hex digits of bytes, lower case. Payloads are long, and most of what a mint costs beside minting is
/// reading and writing such texts: hence tables of our own.
fn to_hex(bytes: &[u8]) -> String {
    let mut text = vec![0; bytes.len() * 2];
    for (pair, byte) in text.as_chunks_mut().0.iter_mut().zip(bytes) {
        *pair = PAIRS[usize::from(*byte)];
    }
    // Digits are ASCII, so that this is never the empty text that stands for an impossible failure.
    String::from_utf8(text).unwrap_or_default()
}

/// The values of hex digits of either case; 255 for every other character.
const VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut value = 0;
    while value < 16 {
        values[b"0123456789abcdef"[value] as usize] = value as u8;
        values[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// The bytes of hex digits; `None` if there is an odd number of them, or anything else among them.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let mut wrong = 0;
    let bytes = pairs.iter().map(|[high, low]| {
        let (high, low) = (VALUES[usize::from(*high)], VALUES[usize::from(*low)]);
        wrong |= high | low;
        high << 4 | low
    });
    let bytes = bytes.collect();
    // Digits have values below 16, so that any higher bit came from something else.
    (wrong < 16).then_some(bytes)
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

/// A message, which is read from the members of a JSON object.
pub trait Object: Sized {
    /// Reads the members.
    ///
    /// # Errors
    /// If one is missing, given twice, or not what it should be.
    fn from_map<'de, A: de::MapAccess<'de>>(map: A) -> Result<Self, A::Error>;
}

/// Reads a message from a JSON object and from nothing else.
///
/// # Errors
/// As [`Object::from_map`], and if it is no object.
pub fn object<'de, T: Object, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Reader<T>(PhantomData<T>);

    impl<'de, T: Object> Visitor<'de> for Reader<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::from_map(map)
        }
    }

    deserializer.deserialize_map(Reader(PhantomData))
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
        s.serialize_str(&super::to_hex(bytes))
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
        bytes.as_deref().map(super::to_hex).serialize(s)
    }

    /// Reads hex digits of either case, or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Vec<u8>>, D::Error> {
        Ok(Option::<Hex>::deserialize(d)?.map(|hex| hex.0))
    }
}

#[cfg(test)]
mod tests {
    use super::{from_hex, to_hex};

    #[test]
    fn hex_is_that_of_the_published_crate() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(to_hex(&all), hex::encode(&all));
        assert_eq!(from_hex(&hex::encode_upper(&all)), Some(all));
        for first in (0..=127u8).map(char::from) {
            for second in (0..=127u8).map(char::from) {
                let text = format!("{first}{second}");
                assert_eq!(from_hex(&text), hex::decode(&text).ok(), "{text:?}");
            }
        }
        assert_eq!((from_hex("abc"), from_hex("\u{e9}")), (None, None));
    }
}
