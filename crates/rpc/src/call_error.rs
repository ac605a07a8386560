//! Why a call failed, as its caller sees it: the server's error, or that no answer came.

use core::fmt;

use libmetachain_primitives::{Code, Error};
use serde_json::{Map, Value};

use crate::refusal::ErrorData;

/// Why a call failed.
///
/// A newer server may know codes that this build does not, so that the code is text;
/// [`CallError::known`] gives the enumeration where it has it.
#[derive(Clone, PartialEq, Eq)]
pub struct CallError(Box<Body>);

#[derive(Clone, PartialEq, Eq)]
struct Body {
    code: String,
    message: String,
    verdict: bool,
    retryable: bool,
    details: Map<String, Value>,
}

impl CallError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Error::new(code, message).into()
    }

    pub(crate) fn remote(message: &str, data: ErrorData) -> Self {
        CallError(Box::new(Body {
            code: data.code,
            message: message.to_owned(),
            verdict: data.verdict,
            retryable: data.retryable,
            details: data.details,
        }))
    }

    /// The stable code, for example `RPC_TIMEOUT`.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The code, if this build knows it.
    #[must_use]
    pub fn known(&self) -> Option<Code> {
        Code::parse(&self.0.code)
    }

    /// The message for people, without the code.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether the data is bad. A host bans a peer for a verdict and for nothing else.
    #[must_use]
    pub fn is_verdict(&self) -> bool {
        self.0.verdict
    }

    /// Whether the same call may succeed later. After `RPC_TIMEOUT` and `RPC_UNAVAILABLE` the call may
    /// have been carried out although no answer came: ask for the tip before repeating a disconnect.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Facts about the error by name: integers as decimal strings, bytes as hex.
    #[must_use]
    pub fn details(&self) -> &Map<String, Value> {
        &self.0.details
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        CallError(Box::new(Body {
            code: error.code().as_str().to_owned(),
            message: error.message().to_owned(),
            verdict: error.is_verdict(),
            retryable: error.is_retryable(),
            details: Map::new(),
        }))
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.message)
    }
}

impl fmt::Debug for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        if !self.0.details.is_empty() {
            write!(f, " {:?}", self.0.details)?;
        }
        Ok(())
    }
}

impl std::error::Error for CallError {}
