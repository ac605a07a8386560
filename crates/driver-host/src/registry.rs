//! A directory of drivers: each module stored once, named for each contract that uses it, with
//! versions, pins and the owners' signatures.

mod files;
mod handles;
mod owners;
mod signature;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::disk::hex;
use crate::driver::Driver;
use crate::error::{DriverCode, DriverError, Result};
use crate::options::Options;
use files::{Files, Record, Version};
use handles::Handles;
use owners::Owners;
pub use signature::{OWNER_KEY_BYTES, OwnerKey, SIGNATURE_BYTES, SignatureForm, owner_message};

const PHASE: &str = "registry";
/// The longest contract id, bytes.
const CONTRACT_ID_BYTES_MAX: usize = 256;
/// The longest version text, bytes.
const VERSION_BYTES_MAX: usize = 128;
/// Versions that one contract may have; [`Registry::prune`] makes room.
const VERSIONS_MAX: usize = 10_000;
/// How often a read is tried again when what it names was removed meanwhile.
const READ_TRIES: usize = 8;

/// How a registry is opened.
#[derive(Debug, Clone, Default)]
pub struct RegistryOptions {
    /// The directory; made if missing.
    pub path: PathBuf,
    /// Contracts whose drivers must be signed by these keys.
    pub owner_keys: HashMap<String, OwnerKey>,
    /// Whether those signatures must cover contract id and version ([`SignatureForm::Bound`]).
    pub bound_signatures_only: bool,
    /// The limits that drivers get. `expected_hash` is the registry's own affair.
    pub defaults: Options,
}

/// What goes with a driver that is put into a registry.
#[derive(Debug, Clone, Default)]
pub struct Put<'a> {
    /// Its version; the driver's own word where left out.
    pub version: Option<&'a str>,
    /// The owner's signature, 48 bytes.
    pub signature: Option<&'a [u8]>,
}

/// A driver of a contract, as the registry knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The contract.
    pub contract_id: String,
    /// SHA-256 of the module.
    pub hash: [u8; 32],
    /// Its version.
    pub version: String,
    /// Whether the contract is pinned to this module.
    pub pinned: bool,
    /// Whose signature was verified, and what it covers. `None` where no key is configured for the
    /// contract.
    pub signed_by: Option<(OwnerKey, SignatureForm)>,
}

/// A directory of drivers. Any thread may call; several processes may share a directory.
pub struct Registry {
    files: Files,
    owners: Owners,
    defaults: Options,
    handles: Handles,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl Registry {
    /// Opens a directory, and clears up what an interrupted process left in it. What is damaged is found
    /// out by whoever uses it.
    ///
    /// # Errors
    /// `INTERNAL_IO`.
    pub fn open(options: RegistryOptions) -> Result<Self> {
        Ok(Self {
            files: Files::open(&options.path)?,
            owners: Owners::new(options.owner_keys, options.bound_signatures_only),
            defaults: options.defaults,
            handles: Handles::default(),
        })
    }

    /// Stores a driver for a contract. It is in use from now on, unless the contract is pinned to
    /// another. The driver is loaded once: what cannot start is not stored. Durable when this
    /// returns.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` for an unusable contract id or version; all of [`Driver::load`];
    /// `DRIVER_SIGNATURE` where the contract's owner has not signed this; `INTERNAL_IO`;
    /// `STORE_CORRUPT` where the contract's record is damaged: [`Registry::remove`] it first. (A damaged
    /// module is replaced when it is put again.)
    pub fn put(&self, contract_id: &str, wasm: &[u8], put: &Put<'_>) -> Result<[u8; 32]> {
        valid_text(contract_id, CONTRACT_ID_BYTES_MAX, "contract id")?;
        let driver = self.load(wasm, None)?;
        let hash = driver.hash();
        let version = match put.version {
            Some(version) => version.to_owned(),
            None => driver.get_version()?,
        };
        valid_text(&version, VERSION_BYTES_MAX, "version")?;
        let version = Version {
            hash: hex(&hash),
            version,
            signature: put.signature.map(hex),
        };
        self.owners
            .judge(contract_id, &version, wasm)
            .map_err(|error| error.of(hash))?;
        if let Some(bytes) = put.signature
            && bytes.len() != SIGNATURE_BYTES
        {
            let message = "a signature has 48 bytes";
            return Err(DriverError::new(DriverCode::Signature, "signature", message).of(hash));
        }
        let changing = self.files.change()?;
        let mut record = self
            .files
            .read(contract_id)?
            .unwrap_or_else(|| Record::new(contract_id));
        record.versions.retain(|other| other.hash != version.hash);
        if record.versions.len() >= VERSIONS_MAX {
            let message = format!("{VERSIONS_MAX} versions of this contract: prune it first");
            return Err(DriverError::new(DriverCode::BadArgument, PHASE, message));
        }
        record.versions.push(version);
        changing.write_module(&hex(&hash), wasm)?;
        changing.write(&record)?;
        Ok(hash)
    }

    /// The driver in use for a contract; `None` where the contract is not known. The same driver for
    /// everybody who asks, as long as it is the same module and nobody closed it: they share its
    /// instances, and [`Driver::close`] closes it for all of them. The next to ask gets a new one.
    ///
    /// # Errors
    /// `DRIVER_SIGNATURE`; `STORE_CORRUPT` where a file is damaged; all of [`Driver::load`].
    pub fn get(&self, contract_id: &str) -> Result<Option<Driver>> {
        for _ in 0..READ_TRIES {
            let Some(record) = self.files.read(contract_id)? else {
                return Ok(None);
            };
            let Some(version) = record.current() else {
                return Ok(None);
            };
            let hash = parsed(&version.hash)?;
            if let Some(driver) = self.handles.open(contract_id, hash)
                && self.owners.is_judged(contract_id, version)
            {
                return Ok(Some(driver));
            }
            // Removed and collected since the record was read: read again.
            let Some(wasm) = self.files.module(&version.hash)? else {
                continue;
            };
            self.owners
                .judge(contract_id, version, &wasm)
                .map_err(|error| error.of(hash))?;
            let driver = self.load(&wasm, Some(hash))?;
            self.handles.give(contract_id, &driver);
            return Ok(Some(driver));
        }
        let message = format!("the module of {contract_id} is missing");
        Err(DriverError::new(DriverCode::Corrupt, PHASE, message))
    }

    /// Keeps a contract at one of its modules, whatever is put later.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` where the contract has no such module; `INTERNAL_IO`; `STORE_CORRUPT`.
    pub fn pin(&self, contract_id: &str, hash: [u8; 32]) -> Result<()> {
        let hash = hex(&hash);
        self.change(contract_id, |record| {
            if !record.versions.iter().any(|version| version.hash == hash) {
                let message = format!("{contract_id} has no driver {hash}");
                return Err(DriverError::new(DriverCode::BadArgument, PHASE, message));
            }
            record.pinned = Some(hash);
            Ok(())
        })
    }

    /// Lets the contract use what was put last again.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` where the contract is not known; `INTERNAL_IO`; `STORE_CORRUPT`.
    pub fn unpin(&self, contract_id: &str) -> Result<()> {
        self.change(contract_id, |record| {
            record.pinned = None;
            Ok(())
        })
    }

    /// Forgets all drivers of a contract but the one in use.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` where the contract is not known; `INTERNAL_IO`; `STORE_CORRUPT`.
    pub fn prune(&self, contract_id: &str) -> Result<()> {
        self.change(contract_id, |record| {
            let used = record.current().cloned();
            record.versions = used.into_iter().collect();
            Ok(())
        })?;
        self.files.change()?.collect_garbage()
    }

    /// Forgets a contract, and every module that no other contract uses. False where it was not
    /// known.
    ///
    /// # Errors
    /// `INTERNAL_IO`. What is damaged is removed all the same.
    pub fn remove(&self, contract_id: &str) -> Result<bool> {
        let changing = self.files.change()?;
        let known = changing.remove(contract_id)?;
        changing.collect_garbage()?;
        self.handles.forget(contract_id);
        Ok(known)
    }

    /// The driver in use of every contract, ordered by contract id.
    ///
    /// # Errors
    /// For all of them where it cannot tell one: `INTERNAL_IO`; `STORE_CORRUPT` where a record is
    /// damaged, or a module whose signature has to be verified; `DRIVER_SIGNATURE` where one is not
    /// signed by its owner.
    pub fn list(&self) -> Result<Vec<Entry>> {
        let records = self.files.read_all()?;
        let current = |record: &Record| record.current().map(|version| self.entry(record, version));
        records.iter().filter_map(current).collect()
    }

    /// All drivers of a contract, oldest first; empty where it is not known.
    ///
    /// # Errors
    /// As [`Registry::list`], for this contract alone.
    pub fn versions(&self, contract_id: &str) -> Result<Vec<Entry>> {
        let Some(record) = self.files.read(contract_id)? else {
            return Ok(Vec::new());
        };
        record
            .versions
            .iter()
            .map(|version| self.entry(&record, version))
            .collect()
    }

    /// Closes every driver that [`Registry::get`] gave out, also those whose contract has another
    /// module since, or was removed. The registry itself has nothing open.
    pub fn close(&self) {
        self.handles.close();
    }

    fn entry(&self, record: &Record, version: &Version) -> Result<Entry> {
        let module = || Ok(self.files.module(&version.hash)?.unwrap_or_default());
        let signed_by = self
            .owners
            .signed_by(&record.contract_id, version, module)?;
        Ok(Entry {
            contract_id: record.contract_id.clone(),
            hash: parsed(&version.hash)?,
            version: version.version.clone(),
            pinned: record.pinned.as_ref() == Some(&version.hash),
            signed_by,
        })
    }

    fn change(
        &self,
        contract_id: &str,
        work: impl FnOnce(&mut Record) -> Result<()>,
    ) -> Result<()> {
        let changing = self.files.change()?;
        let Some(mut record) = self.files.read(contract_id)? else {
            let message = format!("{contract_id} is not known");
            return Err(DriverError::new(DriverCode::BadArgument, PHASE, message));
        };
        work(&mut record)?;
        changing.write(&record)
    }

    fn load(&self, wasm: &[u8], expected_hash: Option<[u8; 32]>) -> Result<Driver> {
        Driver::load(
            wasm,
            &Options {
                expected_hash,
                ..self.defaults.clone()
            },
        )
    }
}

fn parsed(hash: &str) -> Result<[u8; 32]> {
    signature::unhex(hash)
        .ok_or_else(|| DriverError::new(DriverCode::Corrupt, PHASE, "a record names no hash"))
}

fn valid_text(text: &str, bytes_max: usize, what: &str) -> Result<()> {
    if text.is_empty() || text.len() > bytes_max || text.chars().any(char::is_control) {
        let message = format!("a {what} has 1 to {bytes_max} bytes, and no control characters");
        return Err(DriverError::new(DriverCode::BadArgument, PHASE, message));
    }
    Ok(())
}

impl RegistryOptions {
    /// Options for the directory `path`, with everything else as by default.
    pub fn at(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            ..Self::default()
        }
    }
}
