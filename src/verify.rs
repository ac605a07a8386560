//! Checking a store, on a thread of its own.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use libmetachain_primitives::{Code, Error};
use napi::bindgen_prelude::{FnArgs, Function, Object};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi::{Env, Status};
use napi_derive::napi;

use crate::guard::{Failure, guard};
use crate::metachain::NativeMetachain;
use crate::promise::promise;
use crate::values;

/// Progress is told this often: a bar needs no more, and each call costs the event loop a turn.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(50);

#[napi]
impl NativeMetachain {
    /// Checks everything that is kept; with `full` also by executing the log again.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn verify<'env>(
        &self,
        env: &'env Env,
        full: bool,
        on_progress: Option<Function<FnArgs<(f64, f64)>, ()>>,
    ) -> napi::Result<Object<'env>> {
        let listener = guard("Metachain.verify", || {
            let build = |listener: Function<FnArgs<(f64, f64)>, ()>| {
                listener.build_threadsafe_function().build()
            };
            Ok(on_progress.map(build).transpose()?)
        })?;
        let chain = Arc::clone(self.inner());
        promise(env, "Metachain.verify", Ok::<(), Failure>, move |done| {
            let mut told: Option<Instant> = None;
            let mut progress = move |bytes_done: u64, bytes_total: u64| {
                let Some(listener) = &listener else {
                    return true;
                };
                if bytes_done < bytes_total
                    && told.is_some_and(|told| told.elapsed() < PROGRESS_INTERVAL)
                {
                    return true;
                }
                told = Some(Instant::now());
                let arguments = (values::number(bytes_done), values::number(bytes_total));
                let mode = ThreadsafeFunctionCallMode::NonBlocking;
                // An environment that ends has nobody left who waits for the verdict.
                listener.call(FnArgs::from(arguments), mode) != Status::Closing
            };
            let work = move || {
                let verified = guard(
                    "Metachain.verify",
                    || Ok(chain.verify(full, &mut progress)?),
                );
                done(verified.map_err(Failure::Node));
            };
            let spawned = thread::Builder::new().name("verify".into()).spawn(work);
            spawned.map(drop).map_err(|error| {
                let message = format!("no thread could be started: {error}");
                Error::new(Code::InternalIo, message).into()
            })
        })
    }
}
