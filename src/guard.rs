//! The wall around every export: errors leave as plain data, and so does a panic.
//!
//! An error crosses as the text of a JSON object, because only text crosses threads; TypeScript
//! turns it into the error that users catch.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use libmetachain_driver_host::DriverError;
use libmetachain_primitives::{Code, Detail, Error};
use serde_json::{Map, Value, json};

/// Why an export fails.
pub(crate) enum Failure {
    /// A refusal or failure of the metachain.
    Chain(Error),
    /// A failure of a driver or of what surrounds it.
    Driver(DriverError),
    /// Node itself could not make a value.
    Node(napi::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Chain(error)
    }
}

impl From<DriverError> for Failure {
    fn from(error: DriverError) -> Self {
        Failure::Driver(error)
    }
}

impl From<napi::Error> for Failure {
    fn from(error: napi::Error) -> Self {
        Failure::Node(error)
    }
}

impl From<Failure> for napi::Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Node(error) => error,
            failure => napi::Error::from_reason(failure.report()),
        }
    }
}

impl Failure {
    /// What TypeScript makes the error of.
    pub(crate) fn report(&self) -> String {
        match self {
            Failure::Chain(error) => chain_report(error),
            Failure::Driver(error) => driver_report(error),
            Failure::Node(error) => {
                chain_report(&Error::new(Code::InternalPanic, error.reason.clone()))
            }
        }
    }
}

/// What an export returns before it crosses.
pub(crate) type Outcome<T> = Result<T, Failure>;

/// Runs the body of the export `name`, which throws where it fails.
pub(crate) fn guard<T>(name: &'static str, body: impl FnOnce() -> Outcome<T>) -> napi::Result<T> {
    Ok(contained(name, body)?)
}

/// Runs the body of the export `name`: a panic in it becomes `INTERNAL_PANIC`.
///
/// The driver host and the engine catch the panics of their own threads; what unwinds to here is
/// either theirs on this thread or a defect of this edge. The state behind an export is made of
/// locks that are released and of values that the next call checks, so going on is safe.
#[inline]
pub(crate) fn contained<T>(name: &'static str, body: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        planted(name);
        body()
    }));
    outcome.unwrap_or_else(|payload| Err(defect(name, &*payload)))
}

#[cold]
fn defect(name: &'static str, payload: &(dyn Any + Send)) -> Failure {
    Failure::Chain(Error::of_panic(payload).with("call", name))
}

/// Panics in the export that the environment names. Only compiled for the test of this very wall.
#[cfg(feature = "planted-panic")]
fn planted(name: &'static str) {
    if std::env::var("LIBMETACHAIN_PANIC_IN").is_ok_and(|wanted| wanted == name) {
        panic!("planted in {name}");
    }
}

#[cfg(not(feature = "planted-panic"))]
#[inline(always)]
fn planted(_: &'static str) {}

pub(crate) fn chain_report(error: &Error) -> String {
    let details: Map<String, Value> = error
        .details()
        .iter()
        .map(|(name, detail)| ((*name).to_owned(), detail_value(detail)))
        .collect();
    // TypeScript tells a report of ours from Node's own messages by its first key.
    let head = json!(error.code().as_str());
    let rest = json!({
        "message": error.message(),
        "verdict": error.is_verdict(),
        "retryable": error.is_retryable(),
        "details": details,
    });
    report(&head, &rest)
}

/// The report of a driver's error; also stands alone in the answers of a batch.
pub(crate) fn driver_report(error: &DriverError) -> String {
    let head = json!(error.code.as_str());
    let rest = json!({
        "message": error.message,
        "retryable": error.code.as_str() == Code::InternalIo.as_str(),
        "phase": error.phase,
        "driverHash": error.driver_hash.map(hex::encode),
    });
    report(&head, &rest)
}

fn report(code: &Value, rest: &Value) -> String {
    let rest = rest.to_string();
    format!("{{\"code\":{code},{}", rest.get(1..).unwrap_or("}"))
}

fn detail_value(detail: &Detail) -> Value {
    match detail {
        Detail::Number(number) => json!(number),
        Detail::Text(text) => json!(text),
        Detail::Bytes(bytes) => json!({ "bytes": hex::encode(bytes) }),
    }
}
