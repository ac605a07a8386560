//! The only door to the file system: everything the store does to files goes through this trait.
//!
//! It is small so that tests can put a simulated disk behind it, one that drops, tears and
//! reorders whatever was not synced. Nothing else in this crate may name `std::fs`.
//!
//! What the implementations promise, and nothing beyond it is relied upon:
//! - bytes written are read back by the same process at once, and survive the death of the
//!   process, but not of the machine;
//! - after [`DiskFile::sync_data`] returned `Ok`, the file's bytes and length survive the machine;
//! - after [`Disk::sync_dir`] returned `Ok`, so do the names created, renamed and removed in that
//!   directory; a rename is never seen half done.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// A file system, as far as a store needs one.
pub trait Disk: Send + Sync + Debug + 'static {
    /// Creates the directory and its parents where they are missing.
    ///
    /// # Errors
    /// Whatever the system reports.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    /// Opens an existing file for reading and writing.
    ///
    /// # Errors
    /// `NotFound` when there is none, and whatever the system reports.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Creates an empty file, emptying the one that has the name.
    ///
    /// # Errors
    /// Whatever the system reports.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Gives a file another name, replacing the file that has it.
    ///
    /// # Errors
    /// Whatever the system reports.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// `NotFound` when there is none, and whatever the system reports.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// The names of the files in a directory, sorted. Names that are not UTF-8 are not ours and
    /// are left out.
    ///
    /// # Errors
    /// Whatever the system reports.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// Whatever the system reports; the names are then in doubt.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Takes the exclusive lock on a file, creating it. `None` when somebody else holds it.
    /// The lock ends when the guard is dropped or the process dies.
    ///
    /// # Errors
    /// Whatever the system reports.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>>;

    /// Sixteen bytes that no other store will have.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    fn fresh_id(&self) -> io::Result<[u8; 16]>;
}

/// An open file. Reads and writes name their offset, so one handle serves all threads.
pub trait DiskFile: Send + Sync + Debug {
    /// The length in bytes.
    ///
    /// # Errors
    /// Whatever the system reports.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file has no bytes.
    ///
    /// # Errors
    /// Whatever the system reports.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Cuts the file, or extends it with zeros that need not occupy space.
    ///
    /// # Errors
    /// Whatever the system reports.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Extends the file to at least `len` bytes of zeros and reserves their space, so that writing
    /// them later does not run out of it. Never shortens the file.
    ///
    /// # Errors
    /// `StorageFull` when the space is not there, and whatever the system reports.
    fn preallocate(&self, len: u64) -> io::Result<()>;

    /// Fills the whole buffer from this offset.
    ///
    /// # Errors
    /// `UnexpectedEof` when the file ends before, and whatever the system reports.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes the whole buffer at this offset, extending the file where needed.
    ///
    /// # Errors
    /// Whatever the system reports; any part of the buffer may have been written.
    fn write_at(&self, buffer: &[u8], offset: u64) -> io::Result<()>;

    /// Makes the file's bytes and length durable.
    ///
    /// # Errors
    /// Whatever the system reports. It must not be tried again: what the page cache then holds is
    /// unknown, and a second attempt may succeed without having written anything.
    fn sync_data(&self) -> io::Result<()>;
}

/// Holds a lock for as long as it lives.
pub trait DiskLock: Send + Sync + Debug {}

/// The file system of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Arc::new(RealFile(file)))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)?;
        Ok(Arc::new(RealFile(file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_file()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        // `truncate(false)`: the file may be the one another process holds.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(RealLock { _file: file }))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn fresh_id(&self) -> io::Result<[u8; 16]> {
        let mut id = [0; 16];
        // Up to 256 bytes come in one piece once the system's generator is seeded.
        let got = rustix::rand::getrandom(&mut id, rustix::rand::GetRandomFlags::empty())?;
        if got == id.len() {
            Ok(id)
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}

#[derive(Debug)]
struct RealFile(File);

impl DiskFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn preallocate(&self, len: u64) -> io::Result<()> {
        if self.len()? >= len {
            return Ok(());
        }
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{FallocateFlags, fallocate};
            match fallocate(&self.0, FallocateFlags::empty(), 0, len) {
                // Not every file system reserves space; there the file is only made long enough.
                Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
                other => return Ok(other?),
            }
        }
        self.0.set_len(len)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn write_at(&self, buffer: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(buffer, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

#[derive(Debug)]
struct RealLock {
    // `flock` belongs to the open file: closing it, or dying, releases it.
    _file: File,
}

impl DiskLock for RealLock {}
