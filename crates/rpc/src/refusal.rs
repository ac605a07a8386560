//! Errors as JSON-RPC writes them: the stable code stands in `data.code`, with what a host acts on.

use jsonrpsee_types::{ErrorObject, ErrorObjectOwned};
use libmetachain_primitives::{Code, Detail, Error};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// JSON-RPC's own numbers. Ours say which side is at fault; `data.code` says what it is.
pub(crate) mod number {
    pub(crate) const PARSE: i32 = -32700;
    pub(crate) const INVALID_REQUEST: i32 = -32600;
    pub(crate) const METHOD_NOT_FOUND: i32 = -32601;
    pub(crate) const INVALID_PARAMS: i32 = -32602;
    pub(crate) const INTERNAL: i32 = -32603;
    /// The chain refused or failed.
    pub(crate) const CHAIN: i32 = -32000;
    /// The server refused the request, whatever method it names.
    pub(crate) const REFUSED: i32 = -32001;
}

/// The `data` of an error.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ErrorData {
    pub(crate) code: String,
    pub(crate) verdict: bool,
    pub(crate) retryable: bool,
    #[serde(default)]
    pub(crate) fatal: bool,
    #[serde(default)]
    pub(crate) details: Map<String, Value>,
}

/// An error with the number that JSON-RPC has for it.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    number: i32,
    error: Error,
}

impl Refusal {
    pub(crate) fn new(number: i32, code: Code, message: impl Into<String>) -> Self {
        Refusal {
            number,
            error: Error::new(code, message),
        }
    }

    /// The parameters are not those of the method.
    pub(crate) fn params(message: impl Into<String>) -> Self {
        Self::new(number::INVALID_PARAMS, Code::BadArgument, message)
    }

    /// The server refuses the request as such.
    pub(crate) fn request(code: Code, message: impl Into<String>) -> Self {
        Self::new(number::REFUSED, code, message)
    }

    pub(crate) fn with_limit(mut self, limit: usize) -> Self {
        self.error = self.error.with("limit", limit as u64);
        self
    }

    pub(crate) fn code(&self) -> Code {
        self.error.code()
    }

    pub(crate) fn object(&self) -> ErrorObjectOwned {
        object(self.number, &self.error)
    }
}

/// An error of the chain as the object that a JSON-RPC response carries.
#[must_use]
pub fn error_object(error: &Error) -> ErrorObjectOwned {
    let number = if error.code() == Code::InternalPanic {
        number::INTERNAL
    } else {
        number::CHAIN
    };
    object(number, error)
}

fn object(number: i32, error: &Error) -> ErrorObjectOwned {
    let details = error
        .details()
        .iter()
        .map(|(name, value)| ((*name).to_owned(), detail(value)))
        .collect();
    let data = ErrorData {
        code: error.code().as_str().to_owned(),
        verdict: error.is_verdict(),
        retryable: error.is_retryable(),
        fatal: error.is_fatal(),
        details,
    };
    ErrorObject::owned(number, error.message(), Some(data))
}

fn detail(value: &Detail) -> Value {
    match value {
        Detail::Number(number) => Value::String(number.to_string()),
        Detail::Text(text) => Value::String(text.clone()),
        Detail::Bytes(bytes) => Value::String(const_hex::encode(bytes)),
    }
}
