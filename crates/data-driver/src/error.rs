//! Why a conversion failed, as the caller of a driver reads it.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

/// Why a conversion failed.
///
/// The exports hand the `Debug` form to the caller, for example
/// `Unsupported("fn_name mint")`, which is what callers of Dusk's drivers match on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no archive of the expected type, or the value cannot be archived.
    Rkyv(String),
    /// The text is not JSON of the expected type, or the value has no JSON form.
    Json(String),
    /// The driver does not know the function or the event, or does not convert it.
    Unsupported(String),
    /// Anything else that the driver found wrong.
    Other(String),
}

impl Error {
    /// What a driver answers to a function name that is not its contract's.
    #[must_use]
    pub fn unknown_function(name: &str) -> Self {
        Error::Unsupported(format!("fn_name {name}"))
    }

    /// What a driver answers to an event name that is not its contract's.
    #[must_use]
    pub fn unknown_event(name: &str) -> Self {
        Error::Unsupported(format!("event {name}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, why) = match self {
            Error::Rkyv(why) => ("rkyv", why),
            Error::Json(why) => ("JSON", why),
            Error::Unsupported(why) => ("not supported", why),
            Error::Other(why) => return f.write_str(why),
        };
        write!(f, "{what}: {why}")
    }
}

impl core::error::Error for Error {}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Error::Json(error.to_string())
    }
}
