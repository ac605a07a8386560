//! Hashes as types: which chain and which thing a 32-byte value identifies.

use core::fmt;

use rkyv::{Archive, Deserialize, Serialize};

use crate::error::{Code, Error};

/// Bytes in every hash, root and transaction id.
pub const HASH_BYTES: usize = 32;

macro_rules! hash_types {
    ($($(#[$doc:meta])* $name:ident, $what:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Archive, Serialize, Deserialize)]
            pub struct $name(pub [u8; HASH_BYTES]);

            impl $name {
                /// The all-zero value, which stands where there is nothing to name.
                pub const ZERO: Self = Self([0; HASH_BYTES]);

                /// The bytes, in the order in which they are hashed and sent.
                #[must_use]
                pub const fn as_bytes(&self) -> &[u8; HASH_BYTES] {
                    &self.0
                }
            }

            impl From<[u8; HASH_BYTES]> for $name {
                fn from(bytes: [u8; HASH_BYTES]) -> Self {
                    Self(bytes)
                }
            }

            impl TryFrom<&[u8]> for $name {
                type Error = Error;

                /// Fails with `BAD_ARGUMENT` unless there are exactly 32 bytes.
                fn try_from(bytes: &[u8]) -> Result<Self, Error> {
                    bytes.try_into().map(Self).map_err(|_| {
                        Error::new(
                            Code::BadArgument,
                            format!(concat!("a ", $what, " has 32 bytes, not {}"), bytes.len()),
                        )
                    })
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write_hex(&self.0, f)
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write_hex(&self.0, f)
                }
            }
        )*
    };
}

hash_types! {
    /// The hash of a metachain block's header; of genesis, the hash of its parameters.
    BlockHash, "metachain block hash";
    /// The hash of a block of the native chain, as the native node counts its bytes.
    NativeHash, "native block hash";
    /// The id of the native transaction that carries a metachain transaction.
    TxId, "transaction id";
    /// A commitment to transactions, withdrawals or accounts.
    Root, "root";
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}
