//! The wall around every function: errors leave as C++ exceptions, and so does a panic.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use libmetachain_primitives::{Detail, Error};
use libmetachain_rpc::CallError;

use crate::bridge::ffi::{ErrorDetail, ErrorInfo};

thread_local! {
    static LAST: RefCell<ErrorInfo> = const {
        RefCell::new(ErrorInfo {
            code: String::new(),
            message: String::new(),
            verdict: false,
            retryable: false,
            fatal: false,
            details: Vec::new(),
        })
    };
}

/// A failure that C++ can ask about.
pub(crate) trait Failure: From<Error> {
    /// What there is to say about it.
    fn info(&self) -> ErrorInfo;
}

/// Runs the body of the function `name`. A panic in it becomes `INTERNAL_PANIC`; an error is what
/// [`last_error`] tells of until the next one.
///
/// The engine catches the panics of its own threads and of whatever moves a tip; what unwinds to
/// here left nothing half done but values of this call.
pub(crate) fn guard<T, E: Failure>(
    name: &'static str,
    body: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    let result = catch_unwind(AssertUnwindSafe(|| {
        planted(name);
        body()
    }))
    .unwrap_or_else(|panic| Err(Error::of_panic(&*panic).with("call", name).into()));
    if let Err(error) = &result {
        // Where the thread is ending nobody can ask any more.
        let _ = LAST.try_with(|last| last.replace(error.info()));
    }
    result
}

/// As [`guard`], for a function that cannot fail: after a panic it answers with the default.
pub(crate) fn guard_or_default<T: Default>(name: &'static str, body: impl FnOnce() -> T) -> T {
    guard(name, || Ok::<T, Error>(body())).unwrap_or_default()
}

/// The last failure of this thread.
pub(crate) fn last_error() -> ErrorInfo {
    guard_or_default("last_error", || {
        LAST.try_with(|last| last.borrow().clone())
            .unwrap_or_default()
    })
}

impl Failure for Error {
    fn info(&self) -> ErrorInfo {
        let text = |detail: &Detail| match detail {
            Detail::Number(number) => number.to_string(),
            Detail::Text(text) => text.clone(),
            Detail::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        let details = self.details().iter();
        ErrorInfo {
            code: self.code().as_str().to_owned(),
            message: self.message().to_owned(),
            verdict: self.is_verdict(),
            retryable: self.is_retryable(),
            fatal: self.is_fatal(),
            details: details
                .map(|(name, detail)| ErrorDetail {
                    name: (*name).to_owned(),
                    value: text(detail),
                })
                .collect(),
        }
    }
}

impl Failure for CallError {
    fn info(&self) -> ErrorInfo {
        let details = self.details().iter();
        ErrorInfo {
            code: self.code().to_owned(),
            message: self.message().to_owned(),
            verdict: self.is_verdict(),
            retryable: self.is_retryable(),
            // Whatever ends the use of the server's chain is for its own host to act on.
            fatal: false,
            details: details
                .map(|(name, value)| ErrorDetail {
                    name: name.clone(),
                    value: value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned),
                })
                .collect(),
        }
    }
}

/// Panics in the function that the environment names. Only compiled for the test of this very wall.
#[cfg(feature = "planted-panic")]
fn planted(name: &'static str) {
    if std::env::var("LIBMETACHAIN_PANIC_IN").is_ok_and(|wanted| wanted == name) {
        panic!("planted in {name}");
    }
}

#[cfg(not(feature = "planted-panic"))]
#[inline(always)]
fn planted(_: &'static str) {}

#[cfg(test)]
mod tests {
    use libmetachain_primitives::Code;

    use super::*;

    #[test]
    fn a_panic_becomes_an_error_that_the_thread_remembers() {
        let failed = guard("here", || -> Result<(), Error> { panic!("told {}", 7) });
        let error = failed.expect_err("it panicked");
        assert_eq!(
            error.to_string(),
            "INTERNAL_PANIC: a defect of this library: told 7"
        );
        let told = last_error();
        assert_eq!((told.code.as_str(), told.fatal), ("INTERNAL_PANIC", true));
        assert_eq!(told.details.len(), 1);
        assert_eq!(told.details[0].value, "here");
    }

    #[test]
    fn details_are_text_and_threads_have_their_own_error() {
        let error = Error::new(Code::Conflict, "another payload")
            .with("height", 7u64)
            .with("nativeHash", [0xabu8, 1].as_slice());
        let told = std::thread::spawn(move || {
            let _ = guard("here", || -> Result<(), Error> { Err(error) });
            last_error()
        })
        .join()
        .expect("it ends");
        let values: Vec<_> = told.details.iter().map(|d| d.value.as_str()).collect();
        assert_eq!(values, ["7", "ab01"]);
        assert!(!told.verdict && !told.retryable && !told.fatal);
        std::thread::spawn(|| assert_eq!(last_error().code, ""))
            .join()
            .expect("a new thread has no error");
    }
}
