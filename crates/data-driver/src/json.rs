//! JSON conventions for a driver's types: integers as strings, bytes as hexadecimal digits.
//!
//! JavaScript's numbers are exact up to 2^53 only, so 64-bit integers are written as strings. Name
//! these modules in `#[serde(with = "…")]`:
//!
//! ```
//! use libmetachain_data_driver::json::{hex, integer_string};
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Payment {
//!     #[serde(with = "integer_string")]
//!     amount: u64,
//!     #[serde(with = "hex")]
//!     key: [u8; 4],
//! }
//!
//! let payment: Payment = serde_json::from_str(r#"{"amount":"18446744073709551615","key":"00ff10a0"}"#)?;
//! assert_eq!(payment.amount, u64::MAX);
//! # Ok::<(), serde_json::Error>(())
//! ```

use alloc::string::String;

use crate::Error;

/// The value that a JSON text describes.
///
/// # Errors
/// [`Error::Json`] where it describes no such value.
pub fn from_json<'a, T: serde::Deserialize<'a>>(json: &'a str) -> Result<T, Error> {
    Ok(serde_json::from_str(json)?)
}

/// The JSON text of a `u64` or of several, with the quotes that callers put around integers left out.
///
/// Every quotation mark goes, wherever it stands: that is what the published helpers accept, and a
/// caller must get the same bytes from either.
#[cfg_attr(
    not(any(feature = "rkyv07", feature = "rkyv08")),
    allow(dead_code, reason = "only the wires call it")
)]
pub(crate) fn unquoted(json: &str) -> String {
    json.split('"').collect()
}

/// Integers as decimal strings; plain numbers are read too.
pub mod integer_string {
    use core::fmt::{self, Display};
    use core::marker::PhantomData;
    use core::str::FromStr;

    use serde::de::{Deserializer, Error, Visitor};
    use serde::ser::Serializer;

    /// Writes the integer as a decimal string.
    ///
    /// # Errors
    /// None of its own: only those of the serializer.
    pub fn serialize<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    /// Reads a decimal string or a plain number.
    ///
    /// # Errors
    /// Where the text is no decimal integer, or the integer does not fit.
    pub fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display> + TryFrom<u64> + TryFrom<i64>,
        D: Deserializer<'de>,
    {
        from.deserialize_any(Integer(PhantomData))
    }

    struct Integer<T>(PhantomData<T>);

    impl<T> Visitor<'_> for Integer<T>
    where
        T: FromStr<Err: Display> + TryFrom<u64> + TryFrom<i64>,
    {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an integer as a decimal string")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            text.parse()
                .map_err(|why| E::custom(format_args!("{text:?} is not an integer here: {why}")))
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
            T::try_from(value)
                .map_err(|_| E::custom(format_args!("the integer {value} is out of range")))
        }

        fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
            T::try_from(value)
                .map_err(|_| E::custom(format_args!("the integer {value} is out of range")))
        }
    }
}

/// Bytes as hexadecimal digits: written in lower case, read in either, without `0x`.
pub mod hex {
    use alloc::string::String;
    use alloc::vec::Vec;
    use core::fmt;
    use core::marker::PhantomData;

    use serde::de::{Deserializer, Error, Visitor};
    use serde::ser::Serializer;

    const DIGITS: &[u8; 16] = b"0123456789abcdef";

    /// Writes the digits.
    ///
    /// # Errors
    /// None of its own: only those of the serializer.
    pub fn serialize<T: AsRef<[u8]>, S: Serializer>(bytes: &T, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&encode(bytes.as_ref()))
    }

    /// Reads the digits of a byte vector, or of an array of exactly as many bytes.
    ///
    /// # Errors
    /// Where there are other characters, an odd number of digits, or not as many as the type has.
    pub fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: TryFrom<Vec<u8>>,
        D: Deserializer<'de>,
    {
        from.deserialize_str(Digits(PhantomData))
    }

    struct Digits<T>(PhantomData<T>);

    impl<T: TryFrom<Vec<u8>>> Visitor<'_> for Digits<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes as hexadecimal digits")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            let bytes = decode(text)
                .ok_or_else(|| E::custom("the text is not whole bytes in hexadecimal digits"))?;
            let count = bytes.len();
            T::try_from(bytes).map_err(|_| {
                E::custom(format_args!(
                    "{count} bytes are not as many as there must be"
                ))
            })
        }
    }

    /// The digits of some bytes, in lower case.
    #[must_use]
    pub fn encode(bytes: &[u8]) -> String {
        let digit = |nibble: u8| {
            DIGITS
                .get(usize::from(nibble))
                .copied()
                .map_or('0', char::from)
        };
        bytes
            .iter()
            .flat_map(|byte| [digit(byte >> 4), digit(byte & 0x0f)])
            .collect()
    }

    /// The bytes of some digits; `None` where they are not whole bytes in hexadecimal digits.
    #[must_use]
    pub fn decode(text: &str) -> Option<Vec<u8>> {
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
            return None;
        };
        let digit = |character: u8| char::from(character).to_digit(16);
        pairs
            .iter()
            .map(|&[high, low]| u8::try_from(digit(high)? << 4 | digit(low)?).ok())
            .collect()
    }
}
