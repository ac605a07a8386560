//! A flag that ends work of many steps before its next step.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use napi_derive::napi;

use crate::guard::guard;

/// Ends a run of connects before its next block, or a batch before its next item.
#[napi]
pub struct AbortFlag(Arc<AtomicBool>);

#[napi]
impl AbortFlag {
    #[napi(constructor)]
    pub fn new() -> napi::Result<Self> {
        guard("AbortFlag", || Ok(AbortFlag(Arc::default())))
    }

    /// Sets the flag.
    #[napi]
    pub fn abort(&self) -> napi::Result<()> {
        guard("AbortFlag.abort", || {
            self.0.store(true, Ordering::Release);
            Ok(())
        })
    }
}

impl AbortFlag {
    /// The flag, for the work that looks at it.
    pub(crate) fn shared(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}
