//! The synchronous calls of drivers, one function for each, shared by all drivers of the thread.
//!
//! A call that fails does not throw: TypeScript makes the error that users catch, and one that was thrown here
//! would only be caught and made again, at the price of another stack trace. It answers nothing, and why it did is
//! asked for by another call, which costs less than handing over anything but a text.

use std::cell::Cell;

use libmetachain_driver_host::{DriverCode, DriverError, Operation};
use napi::bindgen_prelude::Object;
use napi::{Env, JsValue, sys};
use napi_derive::napi;

use crate::driver_frame::{Frame, NOTHING, method};
use crate::guard::{Failure, Outcome, contained, guard};

/// What a call answers; `None` where an argument was not of its type.
type Answer = Option<sys::napi_value>;

/// The calls of drivers. Each takes a driver's number, the name of a function or event, and the data; an encoding
/// also takes room for its answer, and then answers how much of it was filled.
#[napi(
    ts_return_type = "{ encodeInputFn(driver: number, name: string, json: string, room: Uint8Array): number | Uint8Array | undefined, decodeInputFn(driver: number, name: string, rkyv: Uint8Array): string | undefined, decodeOutputFn(driver: number, name: string, rkyv: Uint8Array): string | undefined, decodeEvent(driver: number, name: string, rkyv: Uint8Array): string | undefined, getVersion(driver: number): string | undefined, failure(): string | undefined }"
)]
pub fn driver_calls(env: &Env) -> napi::Result<Object<'_>> {
    guard("driverCalls", || {
        let calls = Object::new(env)?;
        let methods = [
            method(c"encodeInputFn", Some(encode_input_fn)),
            method(c"decodeInputFn", Some(decode_input_fn)),
            method(c"decodeOutputFn", Some(decode_output_fn)),
            method(c"decodeEvent", Some(decode_event)),
            method(c"getVersion", Some(get_version)),
            method(c"failure", Some(failure)),
        ];
        // SAFETY: environment and object are of this call; the names are static.
        let status = unsafe {
            sys::napi_define_properties(env.raw(), calls.raw(), methods.len(), methods.as_ptr())
        };
        napi::check_status!(status)?;
        Ok(calls)
    })
}

/// A function as Node calls it, made of one that reads its arguments from a frame.
macro_rules! call {
    ($name:ident, $arguments:literal, $work:expr) => {
        /// # Safety
        /// Node calls it, with the environment and the arguments of a call under way.
        unsafe extern "C" fn $name(
            env: sys::napi_env,
            info: sys::napi_callback_info,
        ) -> sys::napi_value {
            // SAFETY: both are passed on as Node gave them.
            unsafe { answer(env, info, $arguments, $work) }
        }
    };
}

call!(encode_input_fn, 4, |frame| {
    contained("Driver.encodeInputFn", || encode(frame))
});
call!(decode_input_fn, 3, |frame| {
    contained("Driver.decodeInputFn", || {
        decode(frame, Operation::DecodeInputFn)
    })
});
call!(decode_output_fn, 3, |frame| {
    contained("Driver.decodeOutputFn", || {
        decode(frame, Operation::DecodeOutputFn)
    })
});
call!(decode_event, 3, |frame| {
    contained("Driver.decodeEvent", || {
        decode(frame, Operation::DecodeEvent)
    })
});
call!(get_version, 1, |frame| {
    contained("Driver.getVersion", || version(frame))
});

thread_local! {
    /// Why the last call of this thread failed; nothing where its arguments were not of their types.
    static FAILURE: Cell<Option<String>> = const { Cell::new(None) };
}

call!(failure, 0, |frame| {
    contained("Driver.failure", || {
        Ok(FAILURE.take().and_then(|text| frame.string(&text)))
    })
});

/// Runs a call and answers with what it made; with nothing where it failed.
///
/// # Safety
/// As [`Frame::read`].
#[inline]
unsafe fn answer(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    arguments: usize,
    work: impl FnOnce(&Frame) -> Outcome<Answer>,
) -> sys::napi_value {
    // SAFETY: the caller vouches for both; the frame is gone when this returns.
    let Some(frame) = (unsafe { Frame::read(env, info, arguments) }) else {
        return NOTHING;
    };
    match work(&frame) {
        Ok(Some(value)) => value,
        Ok(None) => {
            FAILURE.set(None);
            NOTHING
        }
        Err(failure) => {
            FAILURE.set(Some(text_of(&failure)));
            NOTHING
        }
    }
}

/// Code, phase and message of a driver's error, a line each; any other as its report, which begins with a brace.
#[cold]
fn text_of(failure: &Failure) -> String {
    match failure {
        Failure::Driver(error) => format!("{}\n{}\n{}", error.code, error.phase, error.message),
        failure => failure.report(),
    }
}

/// A decoding: the JSON text goes from the driver's memory into JavaScript's in one copy.
#[inline]
fn decode(frame: &Frame, operation: Operation) -> Outcome<Answer> {
    let (Some(driver), Some(rkyv)) = (frame.driver(0), frame.bytes(2)) else {
        return Ok(None);
    };
    let decoded = frame.name(1, |name| {
        driver.decode(operation, name, rkyv, |json| frame.string(json))
    });
    fitting(operation.as_str(), decoded)
}

/// An encoding: the bytes go into the room that JavaScript keeps, if they fit, as it makes small arrays faster.
#[inline]
fn encode(frame: &Frame) -> Outcome<Answer> {
    let Some(driver) = frame.driver(0) else {
        return Ok(None);
    };
    let operation = Operation::EncodeInputFn;
    let encoded = frame.name(1, |name| {
        frame.text(2, |json| {
            driver.call(operation, name, json, |rkyv| {
                match u32::try_from(rkyv.len()) {
                    Ok(length) if frame.fill(3, rkyv) => frame.number(length),
                    _ => frame.copy(rkyv),
                }
            })
        })
    });
    fitting(operation.as_str(), encoded.flatten())
}

#[inline]
fn version(frame: &Frame) -> Outcome<Answer> {
    let read = frame
        .driver(0)
        .map(|driver| driver.read_version(|text| frame.string(text)));
    fitting("get_version", read)
}

/// The value of a call whose arguments were of their types, if Node could make it.
#[inline]
fn fitting(
    phase: &'static str,
    called: Option<Result<Option<sys::napi_value>, DriverError>>,
) -> Outcome<Answer> {
    match called {
        None => Ok(None),
        Some(Ok(Some(value))) => Ok(Some(value)),
        Some(Ok(None)) => Err(Failure::Driver(DriverError {
            code: DriverCode::OutputTooLarge,
            phase,
            message: "the answer is longer than a value of JavaScript can be".into(),
            driver_hash: None,
        })),
        Some(Err(error)) => Err(Failure::Driver(error)),
    }
}
