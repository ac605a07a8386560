//! A directory of drivers.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use libmetachain_driver_host::{
    Driver, Entry, OwnerKey, Put, Registry, RegistryOptions, SignatureForm,
};
use napi::bindgen_prelude::{AsyncTask, Uint8Array};
use napi_derive::napi;

use crate::background::{Job, background};
use crate::driver::{NativeDriver, NativeDriverOptions};
use crate::guard::{Outcome, guard};
use crate::values;

/// A directory of drivers. TypeScript's `DriverRegistry` wraps it.
#[napi]
pub struct NativeRegistry(Arc<Registry>);

/// How a registry is opened.
#[napi(object, object_to_js = false)]
pub struct NativeRegistryOptions {
    pub path: String,
    /// Contract id and owner's key, base58 or hex, one after the other.
    pub owner_keys: Vec<(String, String)>,
    pub bound_signatures_only: bool,
    pub defaults: NativeDriverOptions,
}

impl NativeRegistryOptions {
    fn read(self) -> Outcome<RegistryOptions> {
        let mut owner_keys = HashMap::new();
        for (contract, key) in self.owner_keys {
            owner_keys.insert(contract, OwnerKey::parse(&key)?);
        }
        Ok(RegistryOptions {
            path: PathBuf::from(self.path),
            owner_keys,
            bound_signatures_only: self.bound_signatures_only,
            defaults: self.defaults.read()?,
        })
    }
}

/// A driver of a contract.
#[napi(object, object_from_js = false)]
pub struct NativeEntry {
    pub contract_id: String,
    /// SHA-256 of the module, hex.
    pub hash: String,
    pub version: String,
    pub pinned: bool,
    /// The owner's key in base58, where its signature was verified.
    pub signed_by: Option<String>,
    /// `bytecode` or `bound`.
    pub signature_form: Option<&'static str>,
}

impl From<Entry> for NativeEntry {
    fn from(entry: Entry) -> Self {
        let form = |form| match form {
            SignatureForm::Bytecode => "bytecode",
            SignatureForm::Bound => "bound",
        };
        NativeEntry {
            contract_id: entry.contract_id,
            hash: hex::encode(entry.hash),
            version: entry.version,
            pinned: entry.pinned,
            signature_form: entry.signed_by.map(|(_, covers)| form(covers)),
            signed_by: entry.signed_by.map(|(key, _)| key.to_string()),
        }
    }
}

type OpenJob = Job<Registry, NativeRegistry>;
type GetJob = Job<Option<Driver>, Option<NativeDriver>>;

/// Opens a registry.
#[napi(ts_return_type = "Promise<NativeRegistry>")]
pub fn open_registry(options: NativeRegistryOptions) -> napi::Result<AsyncTask<OpenJob>> {
    guard("openRegistry", || {
        let options = options.read()?;
        let wrap = |registry| NativeRegistry(Arc::new(registry));
        Ok(background("DriverRegistry.open", wrap, move || {
            Ok(Registry::open(options)?)
        }))
    })
}

#[napi]
impl NativeRegistry {
    /// Stores a driver for a contract; resolves to its hash, hex.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn put(
        &self,
        contract_id: String,
        wasm: &[u8],
        version: Option<String>,
        signature: Option<Uint8Array>,
    ) -> napi::Result<AsyncTask<Job<String, String>>> {
        // Copied: the caller may change its bytes meanwhile.
        let (registry, wasm) = (Arc::clone(&self.0), wasm.to_vec());
        let signature = signature.map(|signature| signature.to_vec());
        guard("registry.put", || {
            Ok(background(
                "DriverRegistry.put",
                |hash| hash,
                move || {
                    let put = Put {
                        version: version.as_deref(),
                        signature: signature.as_deref(),
                    };
                    Ok(hex::encode(registry.put(&contract_id, &wasm, &put)?))
                },
            ))
        })
    }

    /// Keeps a contract at one of its modules; without a hash, lets it follow again.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn pin(
        &self,
        contract_id: String,
        hash: Option<&[u8]>,
    ) -> napi::Result<AsyncTask<Job<(), ()>>> {
        let registry = Arc::clone(&self.0);
        guard("registry.pin", || {
            let hash = hash
                .map(|hash| values::hash::<[u8; 32]>(hash, "hash"))
                .transpose()?;
            Ok(background(
                "DriverRegistry.pin",
                |()| (),
                move || {
                    match hash {
                        Some(hash) => registry.pin(&contract_id, hash)?,
                        None => registry.unpin(&contract_id)?,
                    }
                    Ok(())
                },
            ))
        })
    }

    /// The driver in use for a contract, or null.
    #[napi(ts_return_type = "Promise<NativeDriver | null>")]
    pub fn get(&self, contract_id: String) -> napi::Result<AsyncTask<GetJob>> {
        let registry = Arc::clone(&self.0);
        guard("registry.get", || {
            let wrap = |driver: Option<Driver>| driver.map(NativeDriver::from);
            Ok(background("DriverRegistry.get", wrap, move || {
                Ok(registry.get(&contract_id)?)
            }))
        })
    }

    /// Forgets a contract; resolves to whether it was known.
    #[napi(ts_return_type = "Promise<boolean>")]
    pub fn remove(&self, contract_id: String) -> napi::Result<AsyncTask<Job<bool, bool>>> {
        let registry = Arc::clone(&self.0);
        guard("registry.remove", || {
            let work = move || Ok(registry.remove(&contract_id)?);
            Ok(background("DriverRegistry.remove", |known| known, work))
        })
    }

    /// Forgets all drivers of a contract but the one in use.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn prune(&self, contract_id: String) -> napi::Result<AsyncTask<Job<(), ()>>> {
        let registry = Arc::clone(&self.0);
        guard("registry.prune", || {
            let work = move || Ok(registry.prune(&contract_id)?);
            Ok(background("DriverRegistry.prune", |()| (), work))
        })
    }

    /// The driver in use of every contract, or all drivers of one.
    #[napi]
    pub fn list(&self, contract_id: Option<String>) -> napi::Result<Vec<NativeEntry>> {
        guard("DriverRegistry.list", || {
            let entries = match &contract_id {
                Some(contract_id) => self.0.versions(contract_id)?,
                None => self.0.list()?,
            };
            Ok(entries.into_iter().map(NativeEntry::from).collect())
        })
    }

    /// Closes every driver that was given out.
    #[napi]
    pub fn close(&self) -> napi::Result<()> {
        guard("DriverRegistry.close", || {
            self.0.close();
            Ok(())
        })
    }
}
