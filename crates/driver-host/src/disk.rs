//! Compiled code kept on disk between processes, and believed only when it is our own.
//!
//! Loading native code is trusting it, so every file carries a keyed hash over the very bytes that
//! are then loaded, bound to the module and to the engine. The key is random, made once per
//! directory, and readable by its owner only; so is the directory. Every file is judged by what was
//! opened, never by its path: that may lead elsewhere by then. This guards against damage and
//! against other users; it cannot guard against code that already runs as this user.
//!
//! File: `magic (8) | keyed hash (32) | initial memory of the module (8, little-endian) | how it is
//! compiled in the end (1) | code`. There is one for each way of compiling, until there is the last.
//!
//! The hash covers everything but itself, and the name. A file that is short, changed, of another
//! engine or unreadable is as good as none: the module is compiled again and the file replaced.
//! Writers rename finished files into place, so processes may share a directory.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use wasmtime::Engine;

use crate::compiled::{Code, Compiled, Facts};
use crate::engine::{self, Host, Tier};
use crate::error::{DriverCode, DriverError, Result};

/// Changes whenever the layout does.
const MAGIC: [u8; 8] = *b"LMCCODE2";
/// The directory of ours inside the given one.
const DIRECTORY: &str = "driver-code-v1";
const KEY_FILE: &str = "key";
const EXTENSION: &str = "code";
/// Larger files are not ours: the largest module accepted compiles to far less.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// Files beyond these bytes go, oldest first.
const DIRECTORY_BYTES_MAX: u64 = 1 << 30;

/// A private directory with its key.
pub(crate) struct Directory {
    path: PathBuf,
    key: [u8; 32],
}

/// What a look into the directory gave.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) code: Option<(Facts, Code)>,
    /// Files that were not believed.
    pub(crate) refused: u64,
}

impl Directory {
    /// Opens, and at first makes, our directory inside `parent`.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` where somebody else could write into it; `INTERNAL_IO`.
    pub(crate) fn open(parent: &Path) -> Result<Self> {
        let path = parent.join(DIRECTORY);
        let failed = |what: &str, error: &io::Error| {
            let message = format!("cache directory {}: {what}: {error}", path.display());
            DriverError::new(DriverCode::Io, "cache", message)
        };
        private_directory(&path).map_err(|error| failed("cannot be made", &error))?;
        let unjudged = |error| failed("cannot be judged", &error);
        let refused = |what: &str| {
            let message = format!("cache directory {}: {what}", path.display());
            Err(DriverError::new(DriverCode::BadArgument, "cache", message))
        };
        if !is_guarded(parent).map_err(unjudged)? {
            return refused("others may put another in its place");
        }
        if !is_private_directory(&path).map_err(unjudged)? {
            return refused("belongs to somebody else, or others may write into it");
        }
        let key = key(&path).map_err(|error| failed("has no usable key", &error))?;
        Ok(Self { path, key })
    }

    /// The directory itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is a file with the code that the module has now. (One that must not be believed
    /// is found out, and replaced, by whoever loads it.)
    pub(crate) fn has(&self, compiled: &Compiled) -> bool {
        self.file(compiled.code().host, &compiled.facts.hash)
            .exists()
    }

    /// Loads the code of a module, the best that is there and ours. What is there and not to be
    /// believed is removed.
    ///
    /// # Errors
    /// `INTERNAL_IO` where an engine cannot start.
    pub(crate) fn load(&self, hash: [u8; 32]) -> Result<Found> {
        let mut found = Found::default();
        for tier in Tier::ALL.into_iter().rev() {
            let host = engine::host(tier)?;
            let path = self.file(host, &hash);
            let code = match read_private(&path) {
                Ok(Some(bytes)) => self.open_file(host, hash, &bytes),
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Ok(None) | Err(_) => None,
            };
            if code.is_some() {
                found.code = code;
                break;
            }
            found.refused += 1;
            let _ = fs::remove_file(path);
        }
        Ok(found)
    }

    fn open_file(
        &self,
        host: &'static Host,
        hash: [u8; 32],
        bytes: &[u8],
    ) -> Option<(Facts, Code)> {
        let body = self.body(host, &hash, bytes)?;
        let (memory, body) = body.split_first_chunk::<8>()?;
        let (target, code) = body.split_first()?;
        let facts = Facts {
            hash,
            memory_bytes_min: u64::from_le_bytes(*memory),
            target: *Tier::ALL.get(usize::from(*target))?,
        };
        // The hash over these very bytes was compared above.
        Some((facts, Code::load(host, code).ok()?))
    }

    /// What the hash of a file covers, where it is right.
    fn body<'a>(&self, host: &Host, hash: &[u8; 32], bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (magic, rest) = bytes.split_first_chunk::<8>()?;
        let (mac, body) = rest.split_first_chunk::<32>()?;
        // Comparing `blake3::Hash` takes the same time wherever they differ.
        let ours = self.mac(host, hash, body) == blake3::Hash::from_bytes(*mac);
        (*magic == MAGIC && ours).then_some(body)
    }

    /// Keeps the code of a module for later processes, in place of less good code.
    pub(crate) fn store(&self, compiled: &Compiled) -> io::Result<()> {
        let (facts, code) = (&compiled.facts, compiled.code());
        let target = self.file(code.host, &facts.hash);
        let image = code.pre.module().serialize().map_err(io::Error::other)?;
        let memory = facts.memory_bytes_min.to_le_bytes();
        let body = [&memory[..], &[facts.target as u8], &image].concat();
        let mac = self.mac(code.host, &facts.hash, &body);
        let (temporary, mut file) = temporary(&self.path)?;
        // Not synced: a file that a crash cut short fails its hash.
        let written = file
            .write_all(&MAGIC)
            .and_then(|()| file.write_all(mac.as_bytes()))
            .and_then(|()| file.write_all(&body))
            .and_then(|()| fs::rename(&temporary, target));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written?;
        if code.host.tier != Tier::Quick
            && let Ok(quick) = engine::host(Tier::Quick)
        {
            let _ = fs::remove_file(self.file(quick, &facts.hash));
        }
        self.prune()
    }

    fn mac(&self, host: &Host, hash: &[u8; 32], body: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher
            .update(&MAGIC)
            .update(hash)
            .update(&compatibility(&host.engine))
            .update(body);
        hasher.finalize()
    }

    fn file(&self, host: &Host, hash: &[u8; 32]) -> PathBuf {
        let (module, engine) = (hex(hash), hex(&compatibility(&host.engine)));
        self.path.join(format!("{module}-{engine}.{EXTENSION}"))
    }

    /// Removes the oldest files while there are too many bytes of them.
    fn prune(&self) -> io::Result<()> {
        let mut files = Vec::new();
        let mut total = 0u64;
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            // A file that another process removed meanwhile is no loss.
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if entry
                .path()
                .extension()
                .is_some_and(|extension| extension == EXTENSION)
            {
                let written = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                total = total.saturating_add(metadata.len());
                files.push((written, metadata.len(), entry.path()));
            }
        }
        files.sort();
        for (_, bytes, path) in files {
            if total <= DIRECTORY_BYTES_MAX {
                break;
            }
            let _ = fs::remove_file(path);
            total = total.saturating_sub(bytes);
        }
        Ok(())
    }
}

/// What tells code of one engine from another's: the compiler's version, its settings, the
/// processor's features.
fn compatibility(engine: &Engine) -> [u8; 16] {
    let mut hasher = StableHasher(blake3::Hasher::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let mut out = [0u8; 16];
    hasher.0.finalize_xof().fill(&mut out);
    out
}

/// Lets the engine feed a hash whose value is the same in every process.
struct StableHasher(blake3::Hasher);

impl Hasher for StableHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let mut first = [0u8; 8];
        self.0.finalize_xof().fill(&mut first);
        u64::from_le_bytes(first)
    }
}

/// What is in a file of ours; `None` where it is no file, or not ours alone, or too large.
fn read_private(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = open_itself(path)? else {
        return Ok(None);
    };
    let metadata = file.metadata()?;
    let length = metadata.len();
    let directory = path.parent().unwrap_or(path);
    if !metadata.is_file() || !is_ours_alone(&metadata, directory)? || length > FILE_BYTES_MAX {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Opens what `path` names, without waiting for it; `None` where that is a link to something else.
#[cfg(unix)]
fn open_itself(path: &Path) -> io::Result<Option<File>> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    // A pipe would otherwise be waited for.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    match options.read(true).custom_flags(flags).open(path) {
        Err(error) if matches!(error.raw_os_error(), Some(libc::ELOOP | libc::EMLINK)) => Ok(None),
        opened => opened.map(Some),
    }
}

#[cfg(not(unix))]
fn open_itself(path: &Path) -> io::Result<Option<File>> {
    File::open(path).map(Some)
}

/// The directory's key; made when there is none. Whoever comes first, all get the same.
fn key(directory: &Path) -> io::Result<[u8; 32]> {
    let path = directory.join(KEY_FILE);
    for _ in 0..3 {
        match read_private(&path) {
            Ok(found) => {
                if let Some(Ok(key)) = found.map(<[u8; 32]>::try_from) {
                    return Ok(key);
                }
                // Damaged: without its key nothing in the directory can be believed.
                fs::remove_file(&path)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut fresh = [0u8; 32];
        getrandom::fill(&mut fresh).map_err(io::Error::other)?;
        let (temporary, mut file) = temporary(directory)?;
        file.write_all(&fresh)?;
        file.sync_all()?;
        // Unlike a rename, a link never replaces what another process put there meanwhile.
        let linked = fs::hard_link(&temporary, &path);
        fs::remove_file(&temporary)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    Err(io::Error::other("the key keeps changing"))
}

/// A new file that only its owner may read, under a name that nobody else uses.
pub(crate) fn temporary(directory: &Path) -> io::Result<(PathBuf, File)> {
    let mut random = [0u8; 12];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let path = directory.join(format!("{}.tmp", hex(&random)));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path)?;
    Ok((path, file))
}

fn private_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Whether only this user can use the directory, and it is no link to another.
fn is_private_directory(path: &Path) -> io::Result<bool> {
    let metadata = fs::symlink_metadata(path)?;
    Ok(metadata.is_dir() && is_ours_alone(&metadata, path)?)
}

/// Whether not just anybody can put something in the place of what `directory` holds. Its group may: where
/// the file mode mask is 002 that is the user's own, and every file is judged once more when it is opened.
#[cfg(unix)]
fn is_guarded(directory: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    const OTHERS_WRITE: u32 = 0o002;
    const STICKY: u32 = 0o1000;
    let here = directory.as_os_str().is_empty();
    let mode = fs::metadata(if here { Path::new(".") } else { directory })?.mode();
    Ok(mode & OTHERS_WRITE == 0 || mode & STICKY != 0)
}

/// Whether only this user can read or change what was looked at; a file can be made in `directory` to
/// find out who that is.
#[cfg(unix)]
fn is_ours_alone(metadata: &Metadata, directory: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(metadata.mode() & 0o077 == 0 && metadata.uid() == ourselves(directory)?)
}

/// Who we are, as the file system sees it: the owner of a file that we make.
#[cfg(unix)]
fn ourselves(directory: &Path) -> io::Result<u32> {
    use std::os::unix::fs::MetadataExt;
    static OWNER: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    if let Some(owner) = OWNER.get() {
        return Ok(*owner);
    }
    let (probe, file) = temporary(directory)?;
    let owner = file.metadata().map(|metadata| metadata.uid());
    fs::remove_file(probe)?;
    Ok(*OWNER.get_or_init(|| owner.unwrap_or(u32::MAX)))
}

/// Elsewhere the parent directory's access rights decide.
#[cfg(not(unix))]
fn is_guarded(_directory: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(not(unix))]
fn is_ours_alone(_metadata: &Metadata, _directory: &Path) -> io::Result<bool> {
    Ok(true)
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
