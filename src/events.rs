//! A reader of events: what connected and disconnected, from a cursor on.

use std::sync::{Mutex, PoisonError};

use libmetachain_engine::{EventKind, Position};
use napi::Env;
use napi::bindgen_prelude::{ClassInstance, Function, JavaScriptClassExt};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;

use crate::block::NativeBlock;
use crate::guard::guard;
use crate::metachain::NativeMetachain;
use crate::values;

/// Where a reader stands in the log.
#[napi]
pub struct NativePosition(Mutex<Position>);

/// One event.
#[napi(object, object_from_js = false)]
pub struct NativeEvent<'env> {
    /// Where to go on after it.
    pub cursor: String,
    /// Whether the block was taken back; else it became the tip.
    pub disconnected: bool,
    /// The block.
    pub block: ClassInstance<'env, NativeBlock>,
}

#[napi]
impl NativeMetachain {
    /// The position behind a cursor; without one, before the first event.
    #[napi]
    pub fn events_from(&self, cursor: Option<String>) -> napi::Result<NativePosition> {
        guard("Metachain.events", || {
            let position = self.inner().events_from(cursor.as_deref())?;
            Ok(NativePosition(Mutex::new(position)))
        })
    }

    /// The next events that are on disk, at most `most`; moves the position behind them.
    #[napi]
    pub fn events<'env>(
        &self,
        env: &'env Env,
        position: &NativePosition,
        most: u32,
    ) -> napi::Result<Vec<NativeEvent<'env>>> {
        guard("Metachain.events", || {
            let mut position = position.0.lock().unwrap_or_else(PoisonError::into_inner);
            let (events, after) = self.inner().events(*position, most as usize)?;
            let mut found = Vec::with_capacity(events.len());
            for event in events {
                let network = self.inner().genesis().network;
                let block = NativeBlock::new(event.block, event.hash, Some(event.native), network);
                found.push(NativeEvent {
                    cursor: event.cursor,
                    disconnected: event.kind == EventKind::Disconnected,
                    block: block.into_instance(env)?,
                });
            }
            *position = after;
            Ok(found)
        })
    }

    /// Calls `listener` whenever there may be new events. Does not keep the event loop alive: an
    /// iterator that was left half way would do so for ever. Whoever really waits must.
    #[napi]
    pub fn on_events(&self, listener: Function<(), ()>) -> napi::Result<f64> {
        guard("Metachain.onEvents", || {
            let listener = listener
                .build_threadsafe_function()
                .weak::<true>()
                .build()?;
            let number = self.inner().on_events(move || {
                listener.call((), ThreadsafeFunctionCallMode::NonBlocking);
            });
            Ok(values::number(number))
        })
    }

    /// Removes a listener of events.
    #[napi]
    pub fn remove_event_listener(&self, number: f64) -> napi::Result<()> {
        guard("Metachain.removeEventListener", || {
            self.inner()
                .remove_event_listener(values::whole(number, "number")?);
            Ok(())
        })
    }
}
