//! The two kinds of address, told apart by their first two characters.

mod meta;
mod native;

pub use meta::MetaAddress;
pub(crate) use native::ArchivedNativeAddress;
pub use native::{NATIVE_ADDRESS_BYTES_MAX, NativeAddress};

/// Whether a text can only be meant as a metachain address.
///
/// Whatever begins with `0x` or `0X` is one, well-formed or not, and never a native address on any
/// network: a mistyped metachain address must not turn a transfer into a withdrawal.
#[must_use]
pub fn is_metachain_text(text: &str) -> bool {
    matches!(text.as_bytes(), [b'0', b'x' | b'X', ..])
}

/// A text as an error message may quote it: printable, and short.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN_CHARS: usize = 64;
    let mut shown: String = text
        .chars()
        .take(SHOWN_CHARS)
        .flat_map(char::escape_default)
        .collect();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    shown
}
