//! Metachain addresses: twenty bytes, written as in EIP-55.

use core::fmt;

use rkyv::{Archive, Deserialize, Serialize};
use sha3::{Digest, Keccak256};

use super::quoted;
use crate::error::{Code, Error};

const ADDRESS_BYTES: usize = 20;
const HEX_DIGITS: usize = ADDRESS_BYTES * 2;

/// The address of an account on the metachain.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Archive, Serialize, Deserialize,
)]
pub struct MetaAddress(pub [u8; ADDRESS_BYTES]);

impl MetaAddress {
    /// The all-zero address, which is also the first leaf of the state tree.
    pub const ZERO: Self = Self([0; ADDRESS_BYTES]);

    /// The twenty bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; ADDRESS_BYTES] {
        &self.0
    }

    /// Reads `0x` and 40 hexadecimal digits: all in lower case, all in upper case, or with the
    /// checksum of EIP-55.
    ///
    /// Fails with `INVALID_ADDRESS`, also where the letters are of both cases and the checksum is wrong.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let digits = text
            .as_bytes()
            .strip_prefix(b"0x")
            .and_then(|digits| <&[u8; HEX_DIGITS]>::try_from(digits).ok())
            .ok_or_else(|| malformed(text))?;
        let bytes = const_hex::decode_to_array(digits).map_err(|_| malformed(text))?;
        let address = MetaAddress(bytes);
        if has_both_cases(digits) && address.checksummed_digits() != *digits {
            return Err(Error::new(
                Code::InvalidAddress,
                format!(
                    "{} has letters of both cases, but not the EIP-55 checksum that they would spell",
                    quoted(text)
                ),
            ));
        }
        Ok(address)
    }

    /// The forty digits, with letter case carrying the checksum of EIP-55.
    fn checksummed_digits(&self) -> [u8; HEX_DIGITS] {
        let mut digits = [0; HEX_DIGITS];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
            pair[0] = LOWER_DIGITS[usize::from(byte >> 4)];
            pair[1] = LOWER_DIGITS[usize::from(byte & 0x0f)];
        }
        let hash = Keccak256::digest(digits);
        for (at, digit) in digits.iter_mut().enumerate() {
            let nibble = hash[at / 2] >> (4 * (1 - at % 2));
            if nibble & 0x08 != 0 {
                digit.make_ascii_uppercase();
            }
        }
        digits
    }
}

const LOWER_DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Whether hexadecimal digits contain small and capital letters: bit 6 is set in letters alone, and bit
/// 5 tells their case.
fn has_both_cases(digits: &[u8; HEX_DIGITS]) -> bool {
    let (mut small, mut capital) = (0, 0);
    // Eight at a time; what the shift moves into the next byte's lowest bit is masked.
    for word in digits.as_chunks::<8>().0 {
        let word = u64::from_ne_bytes(*word);
        let letters = word & 0x4040_4040_4040_4040;
        let small_letters = (word << 1) & letters;
        small |= small_letters;
        capital |= letters ^ small_letters;
    }
    small != 0 && capital != 0
}

fn malformed(text: &str) -> Error {
    Error::new(
        Code::InvalidAddress,
        format!(
            "a metachain address is 0x and 40 hexadecimal digits, not {} ({} characters)",
            quoted(text),
            text.chars().count()
        ),
    )
}

impl fmt::Display for MetaAddress {
    /// The canonical form: `0x` and the checksummed digits of EIP-55.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        // ASCII by construction.
        self.checksummed_digits()
            .iter()
            .try_for_each(|digit| fmt::Write::write_char(f, char::from(*digit)))
    }
}

impl fmt::Debug for MetaAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_eip_55_read_and_print_back() {
        for text in [
            "0x52908400098527886E0F7030069857D2E4169EE7",
            "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
            "0xde709f2102306220921060314715629080e2fb77",
            "0x27b1fdb04752bbc536007a920d24acb045561c26",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
            "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
            "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        ] {
            assert_eq!(MetaAddress::parse(text).unwrap().to_string(), text);
            let lower = text.to_ascii_lowercase();
            assert_eq!(MetaAddress::parse(&lower).unwrap().to_string(), text);
            let upper = format!("0x{}", text[2..].to_ascii_uppercase());
            assert_eq!(MetaAddress::parse(&upper).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_letter_in_the_wrong_case_is_refused() {
        let right = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
        for at in 2..right.len() {
            let mut wrong = right.as_bytes().to_vec();
            if wrong[at].is_ascii_digit() {
                continue;
            }
            wrong[at] ^= 0x20;
            let wrong = String::from_utf8(wrong).unwrap();
            assert_eq!(
                MetaAddress::parse(&wrong).unwrap_err().code(),
                Code::InvalidAddress,
                "{wrong}"
            );
        }
    }

    #[test]
    fn anything_else_is_refused_in_short_words() {
        let long = format!("0x{}", "a".repeat(100_000));
        for text in [
            "",
            "0x",
            "0X52908400098527886E0F7030069857D2E4169EE7",
            "52908400098527886E0F7030069857D2E4169EE7",
            "0x52908400098527886E0F7030069857D2E4169EE",
            "0x52908400098527886E0F7030069857D2E4169EE70",
            "0x52908400098527886E0F7030069857D2E4169EEg",
            "0x52908400098527886E0F7030069857D2E4169E\u{e9}",
            " 0x52908400098527886E0F7030069857D2E4169EE",
            "0x0x52908400098527886E0F7030069857D2E4169E",
            "0x0x52908400098527886E0F7030069857D2E4169EE7",
            &long,
        ] {
            let error = MetaAddress::parse(text).unwrap_err();
            assert_eq!(error.code(), Code::InvalidAddress);
            assert!(error.message().len() < 500);
        }
    }
}
