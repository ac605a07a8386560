//! Promises that are settled from threads of ours.

use std::sync::{Arc, Mutex, PoisonError};

use libmetachain_primitives::{Code, Error};
use napi::bindgen_prelude::{Object, ToNapiValue};
use napi::{Env, JsDeferred};

use crate::guard::{Failure, Outcome, guard};

/// Receives the result of work that was started; any thread may call it, once.
pub(crate) type Done<T, E> = Box<dyn FnOnce(Result<T, E>) + Send>;

/// Starts work that calls back, and returns the promise of its result.
///
/// `convert` makes the JavaScript value, on the event loop. A failure to start, and work that ends
/// without calling back, reject the promise too: an unsettled one would keep the process alive for
/// ever. Where the environment (a worker) ends first, the result is dropped.
pub(crate) fn promise<'env, T, E, J>(
    env: &'env Env,
    name: &'static str,
    convert: impl FnOnce(T) -> Outcome<J> + Send + 'static,
    start: impl FnOnce(Done<T, E>) -> Outcome<()>,
) -> napi::Result<Object<'env>>
where
    T: Send + 'static,
    E: Into<Failure> + 'static,
    J: ToNapiValue + 'static,
{
    let (deferred, promise) = env.create_deferred()?;
    let pending = Pending(Some(Arc::new(Mutex::new(Some(deferred)))));
    let answer = Pending(pending.0.clone());
    let done = move |result: Result<T, E>| {
        let Some(deferred) = answer.take() else {
            return;
        };
        match result {
            Ok(value) => deferred.resolve(move |_| guard(name, || convert(value))),
            Err(error) => deferred.reject(error.into().into()),
        }
    };
    if let Err(error) = guard(name, || start(Box::new(done)))
        && let Some(deferred) = pending.take()
    {
        deferred.reject(error);
    }
    Ok(promise)
}

type Slot<J, R> = Arc<Mutex<Option<JsDeferred<J, R>>>>;

/// One of the two who may settle a promise: whoever starts the work, and the work.
struct Pending<J: ToNapiValue, R: FnOnce(Env) -> napi::Result<J>>(Option<Slot<J, R>>);

impl<J: ToNapiValue, R: FnOnce(Env) -> napi::Result<J>> Pending<J, R> {
    /// The promise's other end, unless it was taken already.
    fn take(&self) -> Option<JsDeferred<J, R>> {
        let slot = self.0.as_ref()?;
        slot.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<J: ToNapiValue, R: FnOnce(Env) -> napi::Result<J>> Drop for Pending<J, R> {
    /// The last one out answers, if nobody did.
    fn drop(&mut self) {
        let last = self.0.take().and_then(Arc::into_inner);
        let left = last.and_then(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner));
        if let Some(deferred) = left {
            let message = "a defect of this library: the call ended without an answer";
            let error = Error::new(Code::InternalPanic, message);
            deferred.reject(Failure::Chain(error).into());
        }
    }
}
