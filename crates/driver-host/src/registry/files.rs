//! The registry's directory: blobs named by their content, one small record per contract, and the
//! rule that makes both survive a crash at any instant.
//!
//! ```text
//! lock                        held by whoever changes anything
//! blobs/<sha256>.wasm         a module, once, however many contracts use it
//! contracts/<sha256>.json     what is known of one contract; named by the hash of its id
//! ```
//!
//! A file is written under a temporary name, synced, renamed, and its directory synced: it is there
//! whole or not at all. A blob is in place before a record names it, and goes only when no record
//! does. What a crash may leave behind (a temporary file, a blob that nobody names) is removed when
//! the directory is opened next; nothing else can be left behind.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::check::MODULE_BYTES_MAX;
use crate::disk::{hex, temporary};
use crate::error::{DriverCode, DriverError, Result};
use crate::registry::signature::unhex;

const PHASE: &str = "registry";
const FORMAT: u32 = 1;
/// A larger record is not ours.
const RECORD_BYTES_MAX: u64 = 16 << 20;

/// What is known of one contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    format: u32,
    pub(crate) contract_id: String,
    /// The hash that is used whatever is put later.
    pub(crate) pinned: Option<String>,
    /// Oldest first; the last is used where nothing is pinned.
    pub(crate) versions: Vec<Version>,
}

/// One driver of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Version {
    /// SHA-256 of the module, hexadecimal.
    pub(crate) hash: String,
    pub(crate) version: String,
    /// The owner's signature, hexadecimal, as it was given.
    pub(crate) signature: Option<String>,
}

impl Record {
    pub(crate) fn new(contract_id: &str) -> Self {
        Self {
            format: FORMAT,
            contract_id: contract_id.to_owned(),
            pinned: None,
            versions: Vec::new(),
        }
    }

    /// The driver in use.
    pub(crate) fn current(&self) -> Option<&Version> {
        match &self.pinned {
            Some(pinned) => self
                .versions
                .iter()
                .rfind(|version| version.hash == *pinned),
            None => self.versions.last(),
        }
    }
}

/// The directory.
#[derive(Debug)]
pub(crate) struct Files {
    root: PathBuf,
}

/// The right to change the directory; ends when dropped, or with the process.
pub(crate) struct Changing<'a> {
    files: &'a Files,
    _lock: File,
}

impl Files {
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let files = Self {
            root: root.to_owned(),
        };
        for directory in [files.blobs(), files.contracts()] {
            fs::create_dir_all(&directory).map_err(|error| files.failed(&directory, &error))?;
        }
        sync_directory(root).map_err(|error| files.failed(root, &error))?;
        files.change()?.collect_garbage()?;
        Ok(files)
    }

    fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    fn contracts(&self) -> PathBuf {
        self.root.join("contracts")
    }

    fn blob(&self, hash: &str) -> PathBuf {
        self.blobs().join(format!("{hash}.wasm"))
    }

    fn record(&self, contract_id: &str) -> PathBuf {
        self.contracts()
            .join(format!("{}.json", hex(&Sha256::digest(contract_id))))
    }

    fn failed(&self, path: &Path, error: &io::Error) -> DriverError {
        DriverError::new(
            DriverCode::Io,
            PHASE,
            format!("{}: {error}", path.display()),
        )
    }

    /// Waits for the right to change the directory.
    pub(crate) fn change(&self) -> Result<Changing<'_>> {
        let path = self.root.join("lock");
        let lock = OpenOptions::new().create(true).append(true).open(&path);
        let lock = lock.map_err(|error| self.failed(&path, &error))?;
        lock.lock().map_err(|error| self.failed(&path, &error))?;
        Ok(Changing {
            files: self,
            _lock: lock,
        })
    }

    /// What is known of a contract.
    pub(crate) fn read(&self, contract_id: &str) -> Result<Option<Record>> {
        let path = self.record(contract_id);
        let record = self.read_record(&path)?;
        match record {
            Some(record) if record.contract_id != contract_id => {
                Err(corrupt(&path, "is about another contract"))
            }
            record => Ok(record),
        }
    }

    fn read_record(&self, path: &Path) -> Result<Option<Record>> {
        let Some(bytes) = self.read_bounded(path, RECORD_BYTES_MAX)? else {
            return Ok(None);
        };
        let record: Record = serde_json::from_slice(&bytes)
            .map_err(|error| corrupt(path, &format!("is no record: {error}")))?;
        let hashes = record
            .versions
            .iter()
            .map(|version| &version.hash)
            .chain(&record.pinned);
        for hash in hashes {
            // They become file names.
            if unhex::<32>(hash).is_none() || hash.to_ascii_lowercase() != *hash {
                return Err(corrupt(path, "names something that is no hash"));
            }
        }
        if record.format != FORMAT || record.current().is_none() {
            return Err(corrupt(path, "is of another format, or empty"));
        }
        Ok(Some(record))
    }

    /// Everything that is known, ordered by contract id.
    pub(crate) fn read_all(&self) -> Result<Vec<Record>> {
        let directory = self.contracts();
        let mut records = Vec::new();
        for path in self.entries(&directory, "json")? {
            // Gone meanwhile: removed by somebody else.
            if let Some(record) = self.read_record(&path)? {
                if self.record(&record.contract_id) != path {
                    return Err(corrupt(&path, "is about another contract"));
                }
                records.push(record);
            }
        }
        records.sort_by(|one, other| one.contract_id.cmp(&other.contract_id));
        Ok(records)
    }

    /// The module of that hash, checked; `None` where there is none.
    pub(crate) fn module(&self, hash: &str) -> Result<Option<Vec<u8>>> {
        let path = self.blob(hash);
        match self.read_bounded(&path, MODULE_BYTES_MAX as u64)? {
            Some(bytes) if hex(&Sha256::digest(&bytes)) != *hash => {
                Err(corrupt(&path, "is not what its name says"))
            }
            found => Ok(found),
        }
    }

    /// What is in a file; `None` where there is none. One that is larger than any of ours was damaged.
    fn read_bounded(&self, path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>> {
        let read = |file: File| {
            let mut bytes = Vec::new();
            file.take(bytes_max.saturating_add(1))
                .read_to_end(&mut bytes)
                .map(|_| bytes)
        };
        match File::open(path).and_then(read) {
            Ok(bytes) if bytes.len() as u64 > bytes_max => {
                Err(corrupt(path, &format!("has more than {bytes_max} bytes")))
            }
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(path, &error)),
        }
    }

    fn entries(&self, directory: &Path, extension: &str) -> Result<Vec<PathBuf>> {
        let failed = |error: io::Error| self.failed(directory, &error);
        let mut found = Vec::new();
        for entry in fs::read_dir(directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
        Ok(found)
    }
}

impl Changing<'_> {
    /// Puts a module in place, unless it is there already.
    pub(crate) fn write_module(&self, hash: &str, wasm: &[u8]) -> Result<()> {
        // One that is damaged is replaced.
        if let Ok(Some(_)) = self.files.module(hash) {
            return Ok(());
        }
        self.replace(&self.files.blob(hash), wasm)
    }

    /// Replaces what is known of a contract.
    pub(crate) fn write(&self, record: &Record) -> Result<()> {
        let path = self.files.record(&record.contract_id);
        let mut bytes = serde_json::to_vec_pretty(record).map_err(|error| {
            DriverError::new(
                DriverCode::BadArgument,
                PHASE,
                format!("no record: {error}"),
            )
        })?;
        bytes.push(b'\n');
        self.replace(&path, &bytes)
    }

    /// Forgets a contract. False where it is not known.
    pub(crate) fn remove(&self, contract_id: &str) -> Result<bool> {
        let path = self.files.record(contract_id);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(self.files.failed(&path, &error)),
        }
        let directory = self.files.contracts();
        sync_directory(&directory).map_err(|error| self.files.failed(&directory, &error))?;
        Ok(true)
    }

    /// Removes blobs that no record names, and what interrupted writers left. While a record is
    /// damaged nothing is removed, for what it names is unknown; removing its contract
    /// ends that.
    pub(crate) fn collect_garbage(&self) -> Result<()> {
        let records = match self.files.read_all() {
            Err(error) if error.code == DriverCode::Corrupt => return Ok(()),
            records => records?,
        };
        let used: HashSet<PathBuf> = records
            .iter()
            .flat_map(|record| &record.versions)
            .map(|version| self.files.blob(&version.hash))
            .collect();
        let (blobs, contracts) = (self.files.blobs(), self.files.contracts());
        let mut garbage = self.files.entries(&blobs, "tmp")?;
        garbage.extend(self.files.entries(&contracts, "tmp")?);
        let unused = self.files.entries(&blobs, "wasm")?.into_iter();
        garbage.extend(unused.filter(|blob| !used.contains(blob)));
        for path in garbage {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(self.files.failed(&path, &error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let directory = path.parent().unwrap_or(path);
        let written = temporary(directory).and_then(|(temporary, mut file)| {
            let written = file
                .write_all(bytes)
                .and_then(|()| file.sync_all())
                .and_then(|()| fs::rename(&temporary, path));
            if written.is_err() {
                let _ = fs::remove_file(&temporary);
            }
            written.and_then(|()| sync_directory(directory))
        });
        written.map_err(|error| self.files.failed(path, &error))
    }
}

#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Elsewhere a rename is as durable as the file system makes it.
#[cfg(not(unix))]
fn sync_directory(_directory: &Path) -> io::Result<()> {
    Ok(())
}

fn corrupt(path: &Path, what: &str) -> DriverError {
    let message = format!("{} {what}", path.display());
    DriverError::new(DriverCode::Corrupt, PHASE, message)
}
