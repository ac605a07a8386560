//! The calling convention of drivers: the exports, their signatures, the answer codes, the length
//! prefix.

use std::fmt;

/// The name of the exported memory.
pub(crate) const MEMORY: &str = "memory";

/// Bytes of the length in front of every output.
pub(crate) const PREFIX_BYTES: u32 = 4;

/// What the driver's functions answer.
pub(crate) mod answer {
    /// Done; the output is written.
    pub(crate) const OK: i32 = 0;
    /// The input is invalid.
    pub(crate) const INVALID_INPUT: i32 = 1;
    /// The operation failed; `get_last_error` has the text.
    pub(crate) const OPERATION_ERROR: i32 = 2;
    /// `init` was not called.
    pub(crate) const NOT_INITIALISED: i32 = 3;
    /// The output buffer is too small; by how much is not said.
    pub(crate) const BUFFER_TOO_SMALL: i32 = 4;
}

/// A function that every driver exports. All parameters and results are `i32`.
#[derive(Debug)]
pub(crate) struct Signature {
    pub(crate) name: &'static str,
    pub(crate) params: usize,
    pub(crate) results: usize,
}

const fn export(name: &'static str, params: usize, results: usize) -> Signature {
    Signature {
        name,
        params,
        results,
    }
}

/// The functions that every driver exports, beside its memory.
pub(crate) const EXPORTS: [Signature; 10] = [
    export("init", 0, 0),
    export("alloc", 1, 1),
    export("dealloc", 2, 0),
    export("get_last_error", 2, 1),
    export("encode_input_fn", 6, 1),
    export("decode_input_fn", 6, 1),
    export("decode_output_fn", 6, 1),
    export("decode_event", 6, 1),
    export("get_schema", 2, 1),
    export("get_version", 2, 1),
];

impl Signature {
    /// The signature that the function `name` must have.
    pub(crate) fn of(name: &str) -> Option<&'static Self> {
        EXPORTS.iter().find(|export| export.name == name)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |count| vec!["i32"; count].join(", ");
        write!(f, "({}) -> ({})", list(self.params), list(self.results))
    }
}

/// A conversion that a driver offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// JSON arguments of a function to rkyv bytes.
    EncodeInputFn,
    /// rkyv arguments of a function to JSON.
    DecodeInputFn,
    /// rkyv result of a function to JSON.
    DecodeOutputFn,
    /// rkyv body of an event to JSON.
    DecodeEvent,
}

impl Operation {
    /// All conversions, in the order of their discriminants.
    pub const ALL: [Self; 4] = [
        Self::EncodeInputFn,
        Self::DecodeInputFn,
        Self::DecodeOutputFn,
        Self::DecodeEvent,
    ];

    /// The name of the export.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EncodeInputFn => "encode_input_fn",
            Self::DecodeInputFn => "decode_input_fn",
            Self::DecodeOutputFn => "decode_output_fn",
            Self::DecodeEvent => "decode_event",
        }
    }

    /// Whether the driver answers with JSON text (else with rkyv bytes).
    pub const fn answers_text(self) -> bool {
        !matches!(self, Self::EncodeInputFn)
    }
}

/// How a driver writes the length in front of its outputs.
///
/// The convention's text says big-endian; every driver published so far writes little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

impl ByteOrder {
    /// Reads a length prefix.
    #[inline]
    pub(crate) const fn length(self, prefix: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(prefix),
            Self::Big => u32::from_be_bytes(prefix),
        }
    }

    /// The order in which `prefix` is a length between 1 and `longest`; `None` where neither or
    /// both are.
    pub(crate) fn detect(prefix: [u8; 4], longest: u32) -> Option<Self> {
        let fits = |order: Self| (1..=longest).contains(&order.length(prefix));
        match (fits(Self::Little), fits(Self::Big)) {
            (true, false) => Some(Self::Little),
            (false, true) => Some(Self::Big),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_short_length_tells_its_byte_order() {
        for length in 1..=4096u32 {
            let (little, big) = (length.to_le_bytes(), length.to_be_bytes());
            assert_eq!(ByteOrder::detect(little, 4096), Some(ByteOrder::Little));
            assert_eq!(ByteOrder::detect(big, 4096), Some(ByteOrder::Big));
        }
        assert_eq!(ByteOrder::detect([0; 4], 4096), None);
        assert_eq!(ByteOrder::detect([0xff; 4], 4096), None);
    }
}
