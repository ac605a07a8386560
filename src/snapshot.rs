//! Snapshots on their way out of one store and into another.

use std::path::PathBuf;
use std::sync::Arc;

use libmetachain_engine::Metachain;
use libmetachain_primitives::BlockHash;
use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;

use crate::background::{Job, background};
use crate::genesis::NativeOpenOptions;
use crate::guard::guard;
use crate::metachain::NativeMetachain;
use crate::values;

#[napi]
impl NativeMetachain {
    /// Writes the state at the tip to a file.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn export_snapshot(&self, path: String) -> napi::Result<AsyncTask<Job<(), ()>>> {
        guard("exportSnapshot", || {
            let (chain, path) = (Arc::clone(self.inner()), PathBuf::from(path));
            let work = move || Ok(chain.export_snapshot(&path)?);
            Ok(background("Metachain.exportSnapshot", |()| (), work))
        })
    }
}

/// Begins a new store from such a file, and opens it.
#[napi(ts_return_type = "Promise<NativeMetachain>")]
pub fn import_snapshot(
    path: String,
    options: NativeOpenOptions,
    trusted: Option<&[u8]>,
) -> napi::Result<AsyncTask<Job<Metachain, NativeMetachain>>> {
    guard("importSnapshot", || {
        let (path, options) = (PathBuf::from(path), options.read()?);
        let trusted: Option<BlockHash> = trusted
            .map(|hash| values::hash(hash, "trusted"))
            .transpose()?;
        let work = move || Ok(Metachain::import_snapshot(&path, &options, trusted)?);
        Ok(background(
            "Metachain.importSnapshot",
            NativeMetachain::from,
            work,
        ))
    })
}
