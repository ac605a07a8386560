//! Amounts of money: base units, never zero, never beyond what the supply may be.

use core::fmt;

use rkyv::{Archive, Deserialize, Serialize};

/// The most that all balances together may be, and so the most that one amount can be: 2^63-1 base units.
///
/// Native chains count in signed 64-bit integers; staying within them keeps every amount exact there.
pub const SUPPLY_MAX: u64 = i64::MAX as u64;

/// A positive amount in base units (10^-8 of a coin), at most [`SUPPLY_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Archive, Serialize, Deserialize)]
pub struct Amount(u64);

impl Amount {
    /// The amount of so many base units, unless that is zero or beyond [`SUPPLY_MAX`].
    #[must_use]
    pub const fn new(units: u64) -> Option<Self> {
        if units == 0 || units > SUPPLY_MAX {
            None
        } else {
            Some(Amount(units))
        }
    }

    /// The number of base units.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whether the value is one that [`Amount::new`] gives; an archive may hold others.
    pub(crate) const fn is_valid(self) -> bool {
        Self::new(self.0).is_some()
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
